"""Connections that say nothing, half of a request, or nothing more: DICOM goes on arriving."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dicom_front import (
    CONTEXT,
    FRONT,
    HALF,
    ITEMS,
    USER,
    VERIFICATION,
    association_request,
    connections,
    fronted,
    item,
)
from faults.world import until
from orthanc_server import OrthancServer, require
from own_orthanc import AttackedNode

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

PATIENCE_S = 10
"""Seconds that a sender waits: DCMTK's storescu and scanners give up in such a time."""


@pytest.fixture(scope="module")
def front(orthanc: OrthancServer) -> Iterator[int]:
    """Return the port of the HAProxy of compose.yaml, before a real Orthanc."""
    with fronted(orthanc.dicom_port) as (port, _):
        yield port


def echo(port: int, aet: str = "ANY-SCP", calling: str = "ECHOSCU") -> int:
    """Return how DCMTK's echoscu ends within its patience."""
    patience = ["-to", str(PATIENCE_S), "-ta", str(PATIENCE_S), "-aec", aet, "-aet", calling]
    command = [require("echoscu"), *patience, "127.0.0.1", str(port)]
    return subprocess.run(command, check=False, capture_output=True).returncode


@pytest.mark.parametrize("said", [b"", HALF, HALF[:1], b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64])
def test_silent_connections_do_not_stop_reception(front: int, orthanc: OrthancServer, said: bytes):
    """As many as one address may have, but for one, whatever they began to say."""
    with connections(front, 15, said):
        assert 0 == echo(front, orthanc.aet)


UNANSWERED = {
    "no items": b"",
    "no presentation context": CONTEXT + item(0x50, USER),
    "context of two bytes": CONTEXT + item(0x20, b"\x01\0") + item(0x50, USER),
    "context without a transfer syntax": CONTEXT + item(0x20, VERIFICATION[4:8]) + item(0x50, USER),
    "length beyond the end": ITEMS + item(0x10, b"12")[:-1],
    "length too short": CONTEXT + b"\0" + VERIFICATION + item(0x50, USER),
    "long name": item(0x10, b"1" * 5000) + ITEMS[len(CONTEXT) :],
    "role of no length": CONTEXT + VERIFICATION + item(0x50, USER + item(0x54, b"")),
    "role longer than its item": CONTEXT
    + VERIFICATION
    + item(0x50, USER + item(0x54, b"\xff" * 6)),
    "negotiation beyond its item": CONTEXT
    + VERIFICATION
    + item(0x50, USER + item(0x56, b"\xff" * 4)),
    "identity beyond its item": CONTEXT + VERIFICATION + item(0x50, USER + item(0x58, b"\x01" * 4)),
}
"""Items of requests that Orthanc does not answer."""


@pytest.mark.parametrize("items", UNANSWERED.values(), ids=UNANSWERED)
def test_requests_that_are_not_answered_do_not_stop_reception(
    front: int, orthanc: OrthancServer, items: bytes
):
    """Whoever sent them stays connected."""
    with connections(front, 3, association_request(called=orthanc.aet, items=items)):
        assert 0 == echo(front, orthanc.aet)


@pytest.mark.parametrize("calling", ["", "\0" * 16, "  \0A"])
def test_requests_of_nobody_do_not_stop_reception(front: int, orthanc: OrthancServer, calling: str):
    """Whoever sent them, without a calling AE title, stays connected."""
    with connections(front, 3, association_request(calling, orthanc.aet)):
        assert 0 == echo(front, orthanc.aet)


def test_who_was_rejected_does_not_stop_reception(front: int, orthanc: OrthancServer):
    """Whoever called another AE title stays connected."""
    with connections(front, 3, association_request(called="ANOTHER")):
        assert 0 == echo(front, orthanc.aet)


def test_who_is_rejected_is_told(front: int):
    """The front ends the connection after the A-ASSOCIATE-RJ, not before."""
    with socket.create_connection(("127.0.0.1", front), PATIENCE_S) as made:
        made.sendall(association_request(called="ANOTHER"))
        answer = made.recv(64) + made.recv(64)

    assert (3, 10) == (answer[0], len(answer))


def test_all_that_a_request_may_ask_for_goes_through(front: int, orthanc: OrthancServer):
    """Of user information (PS3.7 D.3.3): roles, negotiation, identity, and 128 contexts."""
    from pynetdicom import (  # noqa: PLC0415  slow to import
        AE,
        DEFAULT_TRANSFER_SYNTAXES,
        build_role,
    )
    from pynetdicom.pdu_primitives import (  # noqa: PLC0415
        AsynchronousOperationsWindowNegotiation,
        SOPClassCommonExtendedNegotiation,
        SOPClassExtendedNegotiation,
        UserIdentityNegotiation,
    )

    caller = AE(ae_title="STORESCU")
    for number in range(128):
        caller.add_requested_context(f"1.2.840.10008.1.1.{number}", list(DEFAULT_TRANSFER_SYNTAXES))
    window, identity = AsynchronousOperationsWindowNegotiation(), UserIdentityNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 1
    identity.user_identity_type, identity.primary_field = 2, b"somebody"
    identity.secondary_field = b"something"
    extended, common = SOPClassExtendedNegotiation(), SOPClassCommonExtendedNegotiation()
    extended.sop_class_uid = common.sop_class_uid = "1.2.840.10008.1.1.1"
    extended.service_class_application_information = b"\x01\x02"
    common.service_class_uid = "1.2.840.10008.4.2"
    asked = [window, identity, extended, common, build_role("1.2.840.10008.1.1.2", scp_role=True)]
    made = caller.associate("127.0.0.1", front, ae_title=orthanc.aet, ext_neg=asked)
    is_answered = made.acceptor.primitive is not None
    made.abort()

    assert is_answered


def test_one_address_has_a_share_only(front: int, orthanc: OrthancServer):
    """With more connections than it may have it keeps itself out, and nobody else."""
    with connections(front, 40, b"", "127.0.0.2"):
        assert 0 == echo(front, orthanc.aet)


def test_whole_images_go_through(front: int, orthanc: OrthancServer, radiograph_file: Path):
    """Unchanged, with DCMTK's storescu."""
    command = [require("storescu"), "-aec", orthanc.aet, "127.0.0.1", str(front)]
    done = subprocess.run([*command, str(radiograph_file)], check=False, capture_output=True)

    assert 0 == done.returncode


def test_front_can_hold_senders_to_their_addresses(orthanc: OrthancServer, tmp_path: Path):
    """With a list of who calls from where; Orthanc itself sees the front's address only."""
    senders = tmp_path / "senders.map"
    senders.write_text("ECHOSCU 127.0.0.1\nCR_ROOM_1 192.0.2.10\n")
    shutil.copy(FRONT.with_name("association.lua"), tmp_path)
    file = tmp_path / "haproxy.cfg"
    text = FRONT.read_text().replace("#sender ", "")
    file.write_text(text.replace("/usr/local/etc/haproxy/senders.map", str(senders)))
    with fronted(orthanc.dicom_port, file) as (port, _):
        ends = [echo(port, orthanc.aet, aet) for aet in ("ECHOSCU", "CR_ROOM_1", "STRANGER")]

    assert [True, False, False] == [end == 0 for end in ends]


@pytest.mark.parametrize("said", [b"", HALF, association_request(items=ITEMS[len(CONTEXT) :])])
def test_without_the_front_a_sender_waits_for_seconds(own_node: AttackedNode, said: bytes):
    """Few silent connections to Orthanc itself: the node ends them before a sender gives up."""
    with connections(own_node.up.dicom_port, 3, said):
        assert 0 == echo(own_node.up.dicom_port)

    assert any("dicom.silent" in line for line in own_node.running.errors)


def test_readiness_says_that_nothing_is_received(own_node: AttackedNode):
    """Without the front silent connections stop it for a while: a probe sees that."""
    client = own_node.signed_in()
    answers = [client.get("/readyz")]
    assert 200 == answers[0].status_code

    def is_seen() -> bool:
        answers.append(client.get("/readyz"))
        return answers[-1].status_code == 503

    with connections(own_node.up.dicom_port, 4, b""):
        until(is_seen, "it is seen")
    said = {each["name"]: each["ok"] for each in answers[-1].json()["checks"]}

    assert {"DICOM port": False} == {name: ok for name, ok in said.items() if not ok}


def test_idle_associations_do_not_stop_reception(own_node: AttackedNode):
    """Of senders that are known, and say nothing after they were accepted."""
    from pynetdicom import AE  # noqa: PLC0415  slow to import

    with ExitStack() as stack:
        for _ in range(8):
            caller = AE(ae_title="STORESCU")
            caller.add_requested_context("1.2.840.10008.1.1")
            made = caller.associate("127.0.0.1", own_node.up.dicom_port)
            assert made.is_established
            stack.callback(made.abort)

        assert 0 == echo(own_node.up.dicom_port)
