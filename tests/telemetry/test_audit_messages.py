"""The trail as audit messages of DICOM: valid by the standard's schema, and complete."""

import ast
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hilum.records.audit import AuditEntry
from hilum.telemetry.audit_messages import DCM, EVENTS, PatientIdentity, audit_message
from source_tree import SOURCE

SCHEMA = Path(__file__).with_name("audit_message.rnc")
AT = datetime(2026, 3, 2, 12, 30, 15, 250, UTC)
JANE = PatientIdentity("7^^^A", "Doe^Jane")

NASTY = "A\x00\x1b[2J\u202e<&\"'>\ufffe\U0001f600 \ud7ff é\n]]>"
"""What a header or a browser may bring."""


def entry(action: str, actor: str = "ana", **detail: object) -> AuditEntry:
    """Return a line, about a study where such an action is."""
    about = ("own", "1.2", "1.2.3") if action.startswith(("image.", "study.", "review.")) else ()
    return AuditEntry(AT, actor, action, *about, detail=detail)


def parsed(line: AuditEntry) -> ET.Element:
    """Return the message of a line about Jane."""
    return ET.fromstring(audit_message(line, JANE, "host-1"))  # noqa: S314  our own


def validated(folder: Path, messages: list[bytes]) -> str:
    """Return what a validator has to say of messages: nothing."""
    files = []
    for number, message in enumerate(messages):
        files.append(folder / f"{number}.xml")
        files[-1].write_bytes(message)
    done = subprocess.run(
        ["jing", "-c", SCHEMA, *files], capture_output=True, text=True, check=False, timeout=120
    )
    return done.stdout  # the Debian package itself warns on standard error


def test_every_message_is_valid(tmp_path: Path):
    """By the schema of PS3.15 A.5.1, whatever the line says."""
    lines = [
        *(entry(action) for action in EVENTS),
        *(entry(action, "node@host", states=[1, None], address="10.0.0.1") for action in EVENTS),
        entry("new.action", NASTY, address=NASTY, said=NASTY, user=NASTY),
        AuditEntry(AT, "", "study.viewed", "own", "1.2"),
    ]
    patients = [JANE, PatientIdentity(), PatientIdentity(NASTY, NASTY)]
    messages = [audit_message(line, each, "host-1") for line in lines for each in patients]

    assert "" == validated(tmp_path, messages)


def test_the_validator_bites(tmp_path: Path):
    """It says of a wrong message what is wrong."""
    message = audit_message(entry("study.viewed"), JANE, "host")

    assert "EventActionCode" in validated(tmp_path, [message.replace(b'="R"', b'="X"')])


def test_every_action_that_is_written_is_an_event():
    """A new one is decided upon before it lands."""
    written = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in {"note", "note_once", "note_async", "_note", "line", "AuditEntry"}:
                    texts = [e.value for e in node.args if isinstance(e, ast.Constant)]
                    written |= {t for t in texts if isinstance(t, str) and "." in t}

    assert {"user.signed_in", "study.viewed", "image.retried"} <= written
    assert set() == written - set(EVENTS)
    assert {event.code for event in EVENTS.values()} | {e.kind for e in EVENTS.values()} - {
        ""
    } <= set(DCM)


def test_the_message_says_who_looked_at_whom():
    """User, their address, node, study, instance, and the patient with the issuer of the ID."""
    line = entry("study.viewed", address="10.0.0.1", by="api")
    root = parsed(line)
    event = root.find("EventIdentification")
    people = [
        (each.get("UserID"), each.get("UserIsRequestor"), each.get("NetworkAccessPointID"))
        for each in root.iter("ActiveParticipant")
    ]
    about = [
        (each.get("ParticipantObjectID"), each.findtext("ParticipantObjectName"))
        for each in root.iter("ParticipantObjectIdentification")
    ]

    assert event is not None
    assert "2026-03-02T12:30:15.000250+00:00" == event.get("EventDateTime")
    assert ["110103", "study.viewed"] == [each.get("csd-code") for each in event]
    assert [("ana", "true", "10.0.0.1"), ("hilum@host-1", "false", "host-1")] == people
    assert [("1.2", "1.2"), ("7^^^A", "Doe^Jane")] == about
    assert ["1.2.3"] == [each.get("UID") for each in root.iter("Instance")]


@pytest.mark.parametrize(
    ("action", "code", "outcome"),
    [
        ("user.signed_in", "110114", "0"),
        ("user.sign_in_failed", "110114", "4"),
        ("user.role_changed", "110113", "0"),
        ("reviews.exported", "110106", "0"),
        ("node.started", "110100", "0"),
        ("image.failed", "110103", "4"),
    ],
)
def test_each_event_has_its_code_and_outcome(action: str, code: str, outcome: str):
    """As PS3.15 A.5.3 has them."""
    root = parsed(entry(action))
    event = root.find("EventIdentification")

    assert event is not None
    assert (code, outcome) == (event[0].get("csd-code"), event.get("EventOutcomeIndicator"))
