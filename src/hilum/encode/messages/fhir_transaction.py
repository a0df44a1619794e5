"""FHIR R4: the outcome of one image as a transaction that may be posted any number of times.

Everything has an identifier of its own and is created only where it is not there yet. What
corrects an earlier outcome takes the place of its report and observations, as *amended*; an image
that is not analyzed any more takes its report back.

Sources
-------
HL7 FHIR R4 (4.0.1): 3.1.0.8.2 (conditional create), 3.1.0.4.3 (conditional update), 3.1.0.11
(transaction), Provenance. HL7 "DICOM SR to FHIR Resource Mapping" 1.0.0.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote
from uuid import uuid5

from hilum.encode.forms.fhir import DICOM_UID, TERMINOLOGY, Resource, coded, fhir
from hilum.encode.messages.outcome import ImageOutcome
from hilum.encode.text_report import refusal_text
from hilum.settings.deliveries import FhirReceiver

URI: Final = "urn:ietf:rfc:3986"
"""System of identifiers that are URIs."""


def message(outcome: ImageOutcome, receiver: FhirReceiver) -> bytes:
    """Return the transaction.

    Raises
    ------
    SettingInvalid
        The site's codes file cannot be used.
    """
    entries = list(_refusal(outcome) if outcome.reading is None else _findings(outcome))
    for entry in entries:
        _name_patient(entry["resource"], receiver.patient_system)
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return json.dumps(bundle, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _findings(outcome: ImageOutcome) -> Iterator[Resource]:
    assert outcome.reading is not None, "the caller looked"  # noqa: S101
    collected = fhir(outcome.reading, when=outcome.when, settings=outcome.settings)
    labels = iter(outcome.reading.findings)
    targets, device, study = [], "", ""
    for entry in collected["entry"]:
        resource = entry["resource"]
        match resource["resourceType"]:
            case "DiagnosticReport":
                targets.append(entry["fullUrl"])
                yield _ours(outcome, entry, "report")
            case "Observation":
                targets.append(entry["fullUrl"])
                yield _ours(outcome, entry, next(labels).label)
            case "Device":
                device = entry["fullUrl"]
                yield _created(entry)
            case _:
                study = entry["fullUrl"]
                yield _created(entry)
    yield _provenance(outcome, targets, device, study)


def _refusal(outcome: ImageOutcome) -> Iterator[Resource]:
    """Yield the report of an image that was not analyzed: it has no findings."""
    language, study = outcome.settings.language, outcome.uids.study_instance_uid
    report: Resource = {
        "resourceType": "DiagnosticReport",
        "status": "cancelled",
        "code": coded(outcome.codes.concept("title"), outcome.codes),
        "issued": outcome.at.isoformat(timespec="seconds"),
        "imagingStudy": [
            {
                "type": "ImagingStudy",
                "identifier": {"system": DICOM_UID, "value": f"urn:oid:{study}"},
            }
        ],
        "conclusion": refusal_text(outcome.reasons, language).replace("\r\n", "\n"),
    }
    if patient := outcome.facts.get("PatientID"):
        report["subject"] = {"type": "Patient", "identifier": {"value": patient}}
    yield _ours(outcome, {"fullUrl": f"urn:uuid:{outcome.id}", "resource": report}, "report")


def _ours(outcome: ImageOutcome, entry: Resource, kind: str) -> Resource:
    """Return a report or observation under the name that it has for good."""
    resource = {
        **entry["resource"],
        "identifier": [{"system": URI, "value": f"urn:oid:{outcome.uid(f'fhir {kind}')}"}],
    }
    if outcome.corrects and resource["status"] == "preliminary":
        resource["status"] = "amended"
    return _created({**entry, "resource": resource}, replace=outcome.corrects)


def _created(entry: Resource, *, replace: bool = False) -> Resource:
    """Return an entry that creates its resource where there is none of its identifier."""
    resource = {name: value for name, value in entry["resource"].items() if name != "id"}
    kind, (first, *_) = resource["resourceType"], resource["identifier"]
    query = f"identifier={quote(first['system'], safe=':/.')}|{quote(first['value'], safe=':/.')}"
    request = {"method": "POST", "url": kind, "ifNoneExist": query}
    if replace:
        request = {"method": "PUT", "url": f"{kind}?{query}"}
    return {"fullUrl": entry["fullUrl"], "resource": resource, "request": request}


def _provenance(outcome: ImageOutcome, targets: list[str], device: str, study: str) -> Resource:
    """Return who made the results of what; a tag names it, since it can have no identifier."""
    name = f"urn:uuid:{outcome.id}"
    author = {"system": f"{TERMINOLOGY}/provenance-participant-type", "code": "author"}
    resource: Resource = {
        "resourceType": "Provenance",
        "meta": {"tag": [{"system": URI, "code": name}]},
        "target": [{"reference": each} for each in targets],
        "recorded": outcome.at.isoformat(timespec="seconds"),
        "agent": [{"type": {"coding": [author]}, "who": {"reference": device}}],
        "entity": [{"role": "source", "what": {"reference": study}}],
    }
    request = {"method": "POST", "url": "Provenance", "ifNoneExist": f"_tag={URI}|{name}"}
    full_url = f"urn:uuid:{uuid5(outcome.id, 'provenance')}"
    return {"fullUrl": full_url, "resource": resource, "request": request}


def _name_patient(resource: Resource, system: str | None) -> None:
    """Say of which system the Patient ID is, where the site says it."""
    identifier = resource.get("subject", {}).get("identifier")
    if identifier is not None and system is not None:
        identifier["system"] = system
