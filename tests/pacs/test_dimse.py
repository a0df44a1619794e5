"""C-STORE: negotiation, bytes on the wire, and what goes wrong with associations."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE
from pynetdicom.sop_class import Verification

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.pacs.send import DicomTarget, Outgoing, SendStatus
from hilum.pacs.send.dimse import MAX_CONTEXTS, DimseSender, Pair
from orthanc_server import OrthancServer, free_ports, require
from radiographs import dicom_file, make_radiograph

StartReceiver = Callable[..., DicomTarget]

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom leaves the socket of a refused connection or association to the collector
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)


@contextmanager
def running_storescp(folder: Path, *options: str) -> Iterator[DicomTarget]:
    """Run DCMTK's receiver, whose behaviour `options` decide, until the end of the block."""
    program = require("storescp")
    (port,) = free_ports(1)
    with subprocess.Popen(
        [program, *options, "--output-directory", str(folder), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(port)
            yield DicomTarget("STORESCP", "127.0.0.1", port)
        finally:
            process.kill()


def wait_for(port: int) -> None:
    """Return when something listens on `port`."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)


@pytest.fixture
def start_receiver(tmp_path: Path) -> Iterator[StartReceiver]:
    """Start DCMTK's storescp with options; what it receives lies in `tmp_path / "received"`."""
    (tmp_path / "received").mkdir()
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(
            running_storescp(tmp_path / "received", *options)
        )


def outgoing(dataset: Dataset) -> Outgoing:
    """Return a data set as a file to be sent."""
    return Outgoing.from_bytes(dicom_file(dataset), name="a.dcm")


def test_bytes_on_the_wire_are_those_of_the_file(
    start_receiver: StartReceiver, chest_lossless_path: Path, tmp_path: Path
):
    """A receiver that writes what it gets, bit for bit, gets the data set of the file."""
    target = start_receiver("--accept-all", "--bit-preserving")
    content = chest_lossless_path.read_bytes()

    with closing(DimseSender(target)) as sender:
        outcome = sender.send(Outgoing.from_bytes(content, name="RG1", path=chest_lossless_path))

    assert SendStatus.STORED is outcome.sent
    (received,) = (tmp_path / "received").iterdir()
    assert content[-4_200_000:] == received.read_bytes()[-4_200_000:]


def test_compressed_file_is_refused_by_a_peer_that_cannot_take_it(
    start_receiver: StartReceiver, chest_lossless_path: Path
):
    """No accepted context: nothing is decoded on the quiet, and the reason names the pair."""
    target = start_receiver("--prefer-uncompr")
    file = Outgoing.from_bytes(
        chest_lossless_path.read_bytes(), name="RG1", path=chest_lossless_path
    )

    with closing(DimseSender(target)) as sender:
        outcome = sender.send(file)

    assert SendStatus.REFUSED is outcome.sent
    assert (
        f"{target} does not accept Computed Radiography Image Storage in "
        "JPEG 2000 Image Compression (Lossless Only)."
    ) == outcome.detail


def test_refused_pair_does_not_stop_the_others(
    start_receiver: StartReceiver, chest_lossless_path: Path, radiograph: Dataset
):
    """On one sender, the file that the peer can take is stored after one that it cannot."""
    compressed = Outgoing.from_bytes(chest_lossless_path.read_bytes(), name="RG1")

    with closing(DimseSender(start_receiver("--prefer-uncompr"))) as sender:
        outcomes = [sender.send(file).sent for file in (compressed, outgoing(radiograph))]

    assert [SendStatus.REFUSED, SendStatus.STORED] == outcomes


def test_more_pairs_than_one_association_can_carry(start_receiver: StartReceiver):
    """An association proposes 128 pairs at most; the 130th kind of file arrives all the same."""
    kinds = [
        Pair(f"1.2.826.0.1.3680043.10.1.{number}", ExplicitVRLittleEndian)
        for number in range(MAX_CONTEXTS + 2)
    ]
    with closing(DimseSender(start_receiver("--accept-all", "--promiscuous"))) as sender:
        sender._pairs = dict.fromkeys(kinds[:-1])  # as if files of these had gone before
        outcomes = [
            sender.send(outgoing(make_radiograph(SOPClassUID=kind.sop_class))).sent
            for kind in (kinds[-1], kinds[-2], kinds[0])
        ]

    assert [SendStatus.STORED] * 3 == outcomes


@pytest.mark.orthanc
def test_wrong_called_ae_title_is_named(orthanc: OrthancServer):
    """A PACS that does not know the AE title rejects the association, and we say so."""
    with (
        closing(DimseSender(DicomTarget("WRONG", "127.0.0.1", orthanc.dicom_port))) as sender,
        pytest.raises(PacsRefused, match="rejected the association: Called AE title not rec"),
    ):
        sender.check()


@pytest.mark.orthanc
def test_wrong_ae_title_refuses_the_file(orthanc: OrthancServer, radiograph: Dataset):
    """Without a check first, each file has the rejection as its outcome."""
    with closing(DimseSender(DicomTarget("WRONG", "127.0.0.1", orthanc.dicom_port))) as sender:
        outcome = sender.send(outgoing(radiograph))

    assert SendStatus.REFUSED is outcome.sent
    assert "Called AE title not recognised" in outcome.detail


def test_wrong_port_is_named(radiograph: Dataset):
    """Nothing listens there: unreachable, with host and port."""
    (port,) = free_ports(1)
    with closing(DimseSender(DicomTarget("PACS", "127.0.0.1", port))) as sender:
        with pytest.raises(PacsUnavailable, match=f"Nothing answers at 127.0.0.1:{port}"):
            sender.check()
        assert SendStatus.FAILED is sender.send(outgoing(radiograph)).sent


@pytest.mark.orthanc
def test_unknown_host_is_named():
    """A host name without an address is said to be one."""
    with (
        closing(DimseSender(DicomTarget("PACS", "nowhere.invalid", 104))) as sender,
        pytest.raises(PacsUnavailable, match=r"The host nowhere\.invalid is not known"),
    ):
        sender.check()


def test_uid_that_c_store_cannot_carry_refuses_the_file(radiograph: Dataset):
    """A SOP Instance UID of more than 64 characters cannot be named in a request."""
    target = DicomTarget("PACS", "127.0.0.1", 104)
    file = replace(outgoing(radiograph), sop_instance_uid=f"1.{'9' * 70}")
    with closing(DimseSender(target)) as sender:
        outcome = sender.send(file)

    assert SendStatus.REFUSED is outcome.sent
    assert "72 characters" in outcome.detail


def test_http_port_is_told_from_the_dicom_port(orthanc: OrthancServer):
    """The likeliest mix-up: the connection is made, but no association."""
    target = DicomTarget(orthanc.aet, "127.0.0.1", orthanc.http_port)
    with (
        closing(DimseSender(target, timeout_s=2)) as sender,
        pytest.raises(PacsUnavailable, match="not the HTTP port"),
    ):
        sender.check()


def test_busy_peer_is_told_from_one_that_refuses():
    """A rejection that the peer calls transient may be tried again."""
    peer = AE()
    peer.add_supported_context(Verification)
    peer.maximum_associations = 1
    server = peer.start_server(("127.0.0.1", 0), block=False)
    target = DicomTarget("BUSY", *server.server_address)
    with closing(DimseSender(target)) as first, closing(DimseSender(target)) as second:
        echo = frozenset({Pair(Verification, ImplicitVRLittleEndian)})
        first._give_back(first._opener.open(echo))
        with pytest.raises(PacsUnavailable, match=r"rejected the association: .* Try again later"):
            second._opener.open(echo)
    server.shutdown()


def test_aborting_peer_fails_the_file(start_receiver: StartReceiver, radiograph: Dataset):
    """A peer that aborts in the middle: failed with one clear line."""
    with closing(DimseSender(start_receiver("--abort-after"))) as sender:
        outcome = sender.send(outgoing(radiograph))

    assert SendStatus.FAILED is outcome.sent
    assert "closed the connection" in outcome.detail


def test_lost_idle_association_is_replaced(tmp_path: Path, radiograph: Dataset):
    """A peer that was restarted between two files gets the second one on a new association."""
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        target = first.enter_context(running_storescp(tmp_path))
        sender = stack.enter_context(closing(DimseSender(target)))
        assert SendStatus.STORED is sender.send(outgoing(radiograph)).sent
        first.close()
        with subprocess.Popen(
            [require("storescp"), "--output-directory", str(tmp_path), str(target.port)]
        ) as again:
            wait_for(target.port)
            outcome = sender.send(outgoing(make_radiograph()))
            again.kill()

    assert SendStatus.STORED is outcome.sent


def test_several_associations_at_once(
    start_receiver: StartReceiver,
):
    """Threads do not wait for each other's association."""
    with closing(DimseSender(start_receiver("--fork"))) as sender:
        together = threading.Barrier(3, timeout=30)
        opened = []

        def borrow() -> None:
            line, _ = sender._borrow(
                Pair(DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian)
            )
            together.wait()  # all three hold one at this moment
            opened.append(line.association)
            sender._give_back(line)

        threads = [threading.Thread(target=borrow) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 3 == len(set(opened))
