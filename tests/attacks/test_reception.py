"""Connections that say nothing, half of a request, or nothing more: DICOM goes on arriving."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from faults.world import until
from orthanc_server import OrthancServer, free_ports, require
from own_orthanc import AttackedNode

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

FRONT = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"

HALF = b"\x01\x00\x00\x00\x00\xd0\x00\x01"
"""The begin of an A-ASSOCIATE-RQ of 208 bytes (PS3.8 9.3.2)."""

PATIENCE_S = 10
"""Seconds that a sender waits: DCMTK's storescu and scanners give up in such a time."""


@contextmanager
def fronted(orthanc: OrthancServer, file: Path) -> Iterator[int]:
    """Yield the port of an HAProxy before a real Orthanc."""
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") or require("haproxy")
    (port,) = free_ports(1)
    told = {
        "HILUM_DICOM_FRONT": f"127.0.0.1:{port}",
        "HILUM_DICOM_BACK": f"127.0.0.1:{orthanc.dicom_port}",
    }
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", program, "-db", "-f", str(file)],
        env={**os.environ, **told},
        stdout=subprocess.DEVNULL,
    ) as process:
        until(lambda: listens(port), "the front listens")
        yield port
        process.kill()


@pytest.fixture(scope="module")
def front(orthanc: OrthancServer) -> Iterator[int]:
    """Return the port of the HAProxy of compose.yaml, before a real Orthanc."""
    with fronted(orthanc, FRONT) as port:
        yield port


def listens(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def connections(port: int, count: int, said: bytes, address: str = "127.0.0.1") -> Iterator[None]:
    """Keep connections open that said that, and nothing more."""
    with ExitStack() as stack:
        for _ in range(count):
            made = stack.enter_context(socket.socket())
            made.bind((address, 0))
            with suppress(ConnectionError):  # one too many
                made.connect(("127.0.0.1", port))
                made.sendall(said)
        yield


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
    file = tmp_path / "haproxy.cfg"
    text = FRONT.read_text().replace("#sender ", "")
    file.write_text(text.replace("/usr/local/etc/haproxy/senders.map", str(senders)))
    with fronted(orthanc, file) as port:
        ends = [echo(port, orthanc.aet, aet) for aet in ("ECHOSCU", "CR_ROOM_1", "STRANGER")]

    assert [True, False, False] == [end == 0 for end in ends]


def test_readiness_says_that_nothing_is_received(own_node: AttackedNode):
    """Without the front one silent connection stops it: at least a probe sees that."""
    client = own_node.signed_in()
    assert 200 == client.get("/readyz").status_code
    with connections(own_node.up.dicom_port, 1, b""):
        until(lambda: client.get("/readyz").status_code == 503, "it is seen")
        said = {each["name"]: each["ok"] for each in client.get("/readyz").json()["checks"]}

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
