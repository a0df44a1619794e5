"""A line of the audit trail as an audit message of DICOM, which names the patient.

Here alone a patient's name and ID leave the database for another system than the PACS: the
standard has them in the message, so that who looked at whom can be asked where it is kept.

Sources
-------
DICOM PS3.15, A.5.1 (schema), A.5.2 (conventions), A.5.3 (messages); PS3.16, CID 400 to 404
(codes); IHE ITI TF-2, 3.20 (Record Audit Event).
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring  # written only, never read

from hilum import PRODUCT
from hilum.records.audit import AuditEntry
from hilum.values.control_characters import REPLACEMENT, visible

NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""

HEAD: Final = b'<?xml version="1.0" encoding="UTF-8"?>'
"""Without the line end that some receivers of syslog take for the end of the message."""

SUCCESS: Final = "0"
FAILURE: Final = "4"
"""EventOutcomeIndicator."""

DCM: Final = {
    "110100": "Application Activity",
    "110101": "Audit Log Used",
    "110103": "DICOM Instances Accessed",
    "110106": "Export",
    "110107": "Import",
    "110112": "Query",
    "110113": "Security Alert",
    "110114": "User Authentication",
    "110120": "Application Start",
    "110121": "Application Stop",
    "110122": "Login",
    "110123": "Logout",
    "110131": "Software Configuration",
    "110136": "Security Roles Changed",
    "110137": "User security Attributes Changed",
    "110150": "Application",
    "110152": "Destination Role ID",
    "110153": "Source Role ID",
    "110180": "Study Instance UID",
}
"""Code of DCM → its meaning."""

PATIENT_NUMBER: Final = ("2", "RFC-3881", "Patient Number")
USER_IDENTIFIER: Final = ("11", "RFC-3881", "User Identifier")
SEARCH_CRITERIA: Final = ("10", "RFC-3881", "Search Criteria")
"""What a ParticipantObjectID is (A.5.1.2.4)."""

IP_ADDRESS: Final = "2"
MACHINE_NAME: Final = "1"
"""NetworkAccessPointTypeCode."""

APPLICATION_SERVER: Final = "4"
"""AuditSourceTypeCode."""


class Event(NamedTuple):
    """What an action of the trail is in DICOM."""

    code: str
    """EventID, of `DCM`."""
    action: str = "E"
    """EventActionCode: create, read, update, delete, execute."""
    kind: str = ""
    """EventTypeCode, of `DCM`; empty for none."""
    outcome: str = SUCCESS
    """EventOutcomeIndicator."""


ANOTHER: Final = Event("110100", "E")
ACCOUNT: Final = Event("110113", "E", "110137")
SIGNED_IN: Final = Event("110114", "E", "110122")
REFUSED: Final = SIGNED_IN._replace(outcome=FAILURE)
READ: Final = Event("110103", "R")

ACCOUNTS: Final = (
    *("user.added", "user.removed", "user.password_changed", "user.unlocked"),
    *("user.limits_changed", "user.sessions_ended", "token.added", "token.removed"),
    *("user.second_factor_added", "user.second_factor_removed", "user.recovery_codes_renewed"),
    *("user.passkey_added", "user.passkey_removed"),
)
"""Actions that change what somebody may do, or by what they sign in."""

EVENTS: Final[Mapping[str, Event]] = {
    "node.started": Event("110100", "E", "110120"),
    "node.stopped": Event("110100", "E", "110121"),
    "alert.tested": ANOTHER,
    "audit.viewed": Event("110101", "R"),
    "log.viewed": Event("110101", "R"),
    "setting.changed": Event("110113", "E", "110131"),
    "mode.reported": ANOTHER,
    "points.used": Event("110113", "E", "110131"),
    "image.stored": Event("110103", "C"),
    "image.refused": READ,
    "image.failed": READ._replace(outcome=FAILURE),
    "image.gone": READ._replace(outcome=FAILURE),
    "image.elsewhere": READ,
    "image.retried": Event("110103", "U"),
    "anatomy.asked": Event("110103", "U"),
    "anatomy.measured": Event("110103", "C"),
    "delivery.retried": ANOTHER,
    "study.viewed": READ,
    "study.requested": Event("110103", "U"),
    "study.labelled": Event("110103", "U"),
    "studies.searched": Event("110112", "E"),
    "review.submitted": Event("110103", "C"),
    "readings.evaluated": READ,
    "reviews.exported": Event("110106", "R"),
    "export.released": Event("110103", "U"),
    "export.kept_back": Event("110103", "U"),
    "export.written": Event("110106", "R"),
    "export.reidentified": READ,
    "file.uploaded": Event("110107", "C"),
    "file.tried": Event("110107", "R"),
    "user.signed_in": SIGNED_IN,
    "user.signed_out": Event("110114", "E", "110123"),
    "user.sign_in_failed": REFUSED,
    "user.code_refused": REFUSED,
    "user.held_off": REFUSED,
    "user.passkey_refused": REFUSED,
    "user.passkey_copied": REFUSED,
    "user.role_changed": Event("110113", "E", "110136"),
    **dict.fromkeys(ACCOUNTS, ACCOUNT),
}
"""Action → event. An action that is not named is an activity of the application."""


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Whose study it is, as the message says it; empty where it is not known any more."""

    patient_id: str = ""
    name: str = ""
    """Patient ID, with its issuer as ``ID^^^ISSUER``, and name."""


def audit_message(line: AuditEntry, patient: PatientIdentity, source: str) -> bytes:
    """Return the XML of a line.

    Parameters
    ----------
    source
        Host name of this node.
    """
    event = EVENTS.get(line.action, ANOTHER)
    root = Element("AuditMessage")
    _event(root, line, event)
    _participants(root, line, event, source)
    audited = SubElement(root, "AuditSourceIdentification", AuditSourceID=source)
    SubElement(audited, "AuditSourceTypeCode", {"csd-code": APPLICATION_SERVER})
    detail = {"action": line.action, **line.detail}
    if line.study_instance_uid:
        _study(root, line, detail)
        _object(
            root,
            {"TypeCode": "1", "TypeCodeRole": "1"},
            patient.patient_id,
            PATIENT_NUMBER,
            patient.name,
        )
    elif event.code == "110112":
        _query(root, detail)
    else:
        about = str(line.detail.get("user") or line.detail.get("token") or line.actor)
        person = {"TypeCode": "1", "TypeCodeRole": "6"}
        _object(root, person, about, USER_IDENTIFIER, about, detail=detail)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
    return HEAD + written


def _event(root: Element, line: AuditEntry, event: Event) -> None:
    identified = SubElement(
        root,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=line.at.isoformat(timespec="microseconds"),
        EventOutcomeIndicator=event.outcome,
    )
    _coded(identified, "EventID", event.code)
    if event.kind:
        _coded(identified, "EventTypeCode", event.kind)
    _coded(identified, "EventTypeCode", line.action, f"99{PRODUCT.upper()}", line.action)


def _participants(root: Element, line: AuditEntry, event: Event, source: str) -> None:
    """Say who did it, and by which program; a node by itself is both."""
    node = {
        "UserID": f"{PRODUCT}@{source}",
        "NetworkAccessPointID": source,
        "NetworkAccessPointTypeCode": MACHINE_NAME,
    }
    by_itself = line.actor.startswith(("node@", "worker@", "backfill@"))
    if not by_itself:
        asked = {"UserID": _text(line.actor), "UserIsRequestor": "true"}
        if address := line.detail.get("address"):
            asked |= {
                "NetworkAccessPointID": _text(address),
                "NetworkAccessPointTypeCode": IP_ADDRESS,
            }
        person = SubElement(root, "ActiveParticipant", asked)
        if event.code == "110106":
            _coded(person, "RoleIDCode", "110152")
    requestor = "true" if by_itself else "false"
    program = SubElement(root, "ActiveParticipant", {**node, "UserIsRequestor": requestor})
    _coded(program, "RoleIDCode", "110153" if event.code == "110106" else "110150")


def _study(root: Element, line: AuditEntry, detail: Mapping[str, Any]) -> None:
    code = ("110180", "DCM", DCM["110180"])
    uid = line.study_instance_uid
    study = _object(root, {"TypeCode": "2", "TypeCodeRole": "3"}, uid, code, uid, detail=detail)
    if line.sop_instance_uid:
        described = SubElement(study, "ParticipantObjectDescription")
        instances = SubElement(described, "SOPClass", NumberOfInstances="1")
        SubElement(instances, "Instance", UID=line.sop_instance_uid)


def _query(root: Element, detail: Mapping[str, Any]) -> None:
    """Say where was searched by which attributes; what for is not in the trail."""
    asked = {"TypeCode": "2", "TypeCodeRole": "24"}
    _object(root, asked, "studies", SEARCH_CRITERIA, None, detail=detail)


def _object(
    root: Element,
    kind: Mapping[str, str],
    identifier: str,
    code: tuple[str, str, str],
    name: str | None,
    *,
    detail: Mapping[str, Any] | None = None,
) -> Element:
    """Add what the event is about; `name` None: a question, which `detail` is."""
    given = {f"ParticipantObject{key}": value for key, value in kind.items()}
    made = SubElement(
        root,
        "ParticipantObjectIdentification",
        {**given, "ParticipantObjectID": _text(identifier)},
    )
    _coded(made, "ParticipantObjectIDTypeCode", *code)
    if name is None:
        SubElement(made, "ParticipantObjectQuery").text = _base64(detail or {})
    else:
        SubElement(made, "ParticipantObjectName").text = _text(name)
    for key, value in (detail or {}).items():
        SubElement(made, "ParticipantObjectDetail", type=key, value=_base64(value))
    return made


def _coded(
    parent: Element, name: str, code: str, scheme: str = "DCM", meaning: str | None = None
) -> None:
    attributes = {"csd-code": code, "codeSystemName": scheme}
    SubElement(parent, name, {**attributes, "originalText": meaning or DCM[code]})


def _text(value: object) -> str:
    """Return a text that may stand in XML and changes nothing around it."""
    return NOT_XML.sub(REPLACEMENT, visible(str(value)))


def _base64(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return base64.b64encode(text.encode(errors="replace")).decode()
