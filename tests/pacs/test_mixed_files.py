"""Many kinds of files to peers with limits: few associations, no file lost, none that waits."""

import io
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from pynetdicom import AE, AllStoragePresentationContexts, evt

from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.files.element_headers import Encoding
from hilum.files.rewriting import written
from hilum.pacs.send import DicomTarget, Outgoing, SendOutcome, SendStatus, deliver
from hilum.pacs.send.dimse import MAX_CONTEXTS, UNANSWERED, DimseSender
from hilum.pacs.send.outgoing import MENDED, PADDED, kind_of
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.filterwarnings(
    # pynetdicom leaves the socket of a refused connection or association to the collector
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)

SYNTAXES = (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit)


@dataclass(frozen=True)
class Page:
    """A source in memory."""

    name: str
    content: bytes
    named: bool = True
    path: Path | None = None

    def is_dicom(self) -> bool:
        return True

    def read(self) -> bytes:
        return self.content


@dataclass
class Peer:
    """A receiver in this process.

    Attributes
    ----------
    port
        Where it listens.
    data_sets
        What it got, as it came.
    associations
        How many it accepted.
    """

    port: int = 0
    data_sets: list[bytes] = field(default_factory=list)
    associations: int = 0

    @property
    def target(self) -> DicomTarget:
        return DicomTarget("PEER", "127.0.0.1", self.port)

    def store(self, event: Any) -> int:
        data_set = event.request.DataSet.getvalue()
        if b"ABORT" in data_set:
            event.assoc.abort()
        if b"STALL" in data_set:
            STALL.wait(30)
        self.data_sets.append(data_set)
        return 0x0000

    def accepted(self, _event: Any) -> None:
        self.associations += 1


STALL = threading.Event()


@contextmanager
def listening(kinds: list[str], *, at_once: int = 16) -> Iterator[Peer]:
    """Run a receiver of these SOP classes."""
    peer = Peer()
    entity = AE("PEER")
    entity.maximum_associations = at_once
    for kind in kinds:
        entity.add_supported_context(kind, list(SYNTAXES))
    STALL.clear()
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_STORE, peer.store), (evt.EVT_ACCEPTED, peer.accepted)],
    )
    peer.port = server.socket.getsockname()[1]
    try:
        yield peer
    finally:
        STALL.set()
        server.shutdown()


def classes(count: int) -> list[str]:
    return [str(each.abstract_syntax) for each in AllStoragePresentationContexts[:count]]


def page(name: str, **attributes: Any) -> Page:
    return Page(name, dicom_file(make_radiograph(**attributes)))


def sent(
    peer: Peer, pages: list[Page], *, timeout_s: float = 30, at_once: int = 4
) -> list[SendOutcome]:
    """Send pages as the command does."""
    with closing(DimseSender(peer.target, timeout_s=timeout_s)) as sender:
        kinds = (kind_of(each.content[:4096]) for each in pages)
        sender.expect(kind for kind in kinds if kind is not None)
        return list(deliver(pages, sender, at_once=at_once))


@pytest.mark.parametrize("kinds", [1, 12, MAX_CONTEXTS, MAX_CONTEXTS + 5])
def test_kinds_share_associations(kinds: int):
    """As many associations as files go at once, for each 128 kinds; not one for each kind."""
    uids = classes(kinds)
    files = [
        page(str(number), SOPClassUID=uids[number % kinds]) for number in range(max(kinds, 12))
    ]
    with listening(uids) as peer:
        outcomes = sent(peer, files)

    assert {SendStatus.STORED} == {each.sent for each in outcomes}
    assert peer.associations <= 4 * (1 + (kinds > MAX_CONTEXTS))


def test_peer_that_serves_one_association_at_a_time_gets_all_files():
    """Who finds no second association waits for the first."""
    files = [page(str(number), SOPClassUID=classes(1)[0]) for number in range(12)]
    with listening(classes(1), at_once=1) as peer:
        outcomes = sent(peer, files)

    assert [SendStatus.STORED] * 12 == [each.sent for each in outcomes]
    assert 1 == peer.associations


def test_unsupported_kinds_are_refused_and_cost_no_association():
    """Refused with the pair's name, while the others are stored."""
    supported, unknown = classes(2)
    files = [page(str(n), SOPClassUID=unknown if n % 2 else supported) for n in range(12)]
    with listening([supported]) as peer:
        outcomes = sent(peer, files)

    assert [SendStatus.STORED, SendStatus.REFUSED] * 6 == [each.sent for each in outcomes]
    assert peer.associations <= 4


def test_file_on_which_the_peer_aborts_fails_alone():
    """It is not tried for ever, and the files behind it arrive."""
    kind = classes(1)[0]
    files = [
        page(str(n), SOPClassUID=kind, PatientComments="ABORT" if n == 2 else "") for n in range(8)
    ]
    with listening([kind]) as peer:
        outcomes = sent(peer, files, at_once=1)

    assert [2] == [n for n, each in enumerate(outcomes) if each.sent is not SendStatus.STORED]
    assert "closed the connection while the file was being sent" in outcomes[2].detail
    assert peer.associations <= 4


def test_file_on_which_the_peer_stalls_does_not_hold_the_others():
    """The others are stored while it waits for its answer; then it fails, and says why."""
    kind = classes(1)[0]
    files = [
        page(str(n), SOPClassUID=kind, PatientComments="STALL" if n == 0 else "") for n in range(40)
    ]
    with listening([kind]) as peer:
        outcomes = sent(peer, files, timeout_s=2, at_once=2)
        arrived = len(peer.data_sets)

    assert [0] == [n for n, each in enumerate(outcomes) if each.sent is not SendStatus.STORED]
    assert "did not answer within 2 s" in outcomes[0].detail
    assert 39 == arrived


def test_peer_that_never_answers_is_not_asked_for_every_file():
    """After a few files in a row the rest is not tried, and says so."""
    kind = classes(1)[0]
    files = [page(str(n), SOPClassUID=kind, PatientComments="STALL") for n in range(40)]
    with listening([kind]) as peer:
        outcomes = sent(peer, files, timeout_s=0.3, at_once=1)

    assert {SendStatus.FAILED} == {each.sent for each in outcomes}
    tried = [each for each in outcomes if "did not answer within" in each.detail]
    assert UNANSWERED == len(tried)
    assert f"did not answer {UNANSWERED} files in a row" in outcomes[-1].detail


def deflated_of_odd_length() -> bytes:
    """Return a file whose deflated data set has an odd length."""
    for surplus in range(64):
        dataset = make_radiograph(PatientComments="x" * surplus)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        content = dicom_file(dataset).rstrip(b"\0")
        with suppress(SourceUnreadable):  # the zero was the stream's own
            if (len(content) - Outgoing.from_bytes(content, name="x").content.index(b"DICM")) % 2:
                return content
    raise AssertionError("no odd one found")


def with_odd_pixels() -> bytes:
    """Return a file whose Pixel Data are one byte short of even."""
    content = dicom_file(make_radiograph())
    at = content.rindex(b"\xe0\x7f\x10\x00OW") + 8
    length = int.from_bytes(content[at : at + 4], "little") + 1
    return content[:at] + length.to_bytes(4, "little") + content[at + 4 :] + b"\7"


def with_odd_text() -> bytes:
    """Return a file with a text of odd length in an item."""
    content = dicom_file(make_radiograph())
    return content.replace(
        b"\x08\x00\x70\x00LO\x0a\x00Generated ", b"\x08\x00\x70\x00LO\x09\x00Generated"
    )


def with_odd_fragment() -> bytes:
    """Return a file with two fragments of odd length, not padded."""
    dataset = make_radiograph()
    odd = bytes.fromhex("feff00e005000000ffd80affd9")
    dataset.PixelData = bytes.fromhex("feff00e000000000") + odd * 2
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "warnings"),
    [
        (with_odd_pixels, (PADDED,)),
        (with_odd_text, (PADDED,)),
        (with_odd_fragment, (PADDED,)),
        (lambda: dicom_file(make_radiograph()) + b"\7", (MENDED,)),
    ],
    ids=["pixels", "text", "fragment", "rubbish"],
)
def test_odd_data_sets_are_padded(make: Any, warnings: tuple[str, ...]):
    """A PDV has an even length (PS3.8 Annex E); what was padded can still be read, and is said."""
    file = Outgoing.from_bytes(make(), name="x")
    kind = file.sop_class_uid
    with listening([kind]) as peer:
        (outcome,) = sent(peer, [Page("x", make())])

    assert SendStatus.STORED is outcome.sent
    assert warnings == outcome.warnings
    assert 0 == len(peer.data_sets[0]) % 2
    assert Outgoing.from_bytes(file.content, name="x").content == file.content


def test_odd_deflated_data_set_is_padded_with_a_zero():
    """As PS3.5 A.5 has it; the stream itself stays as it is."""
    content = deflated_of_odd_length()
    file = Outgoing.from_bytes(content, name="x")
    with listening([file.sop_class_uid]) as peer:
        (outcome,) = sent(peer, [Page("x", content)])

    assert (SendStatus.STORED, ()) == (outcome.sent, outcome.warnings)
    assert 0 == len(peer.data_sets[0]) % 2
    assert content.endswith(peer.data_sets[0].rstrip(b"\0"))


def test_sound_file_is_sent_as_it_is(radiograph: Dataset):
    """Byte for byte, from disk."""
    content = dicom_file(radiograph)

    assert content == Outgoing.from_bytes(content, name="x").content


def test_file_under_a_wrong_transfer_syntax_is_sent_under_the_right_one(radiograph: Dataset):
    """The peer would read it under what was agreed, not under what it is."""
    content = dicom_file(radiograph).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0")

    file = Outgoing.from_bytes(content, name="x")

    assert ExplicitVRLittleEndian == file.transfer_syntax_uid
    assert radiograph.PixelData in file.content


def test_compressed_image_without_vrs_is_sent_with_them(radiograph: Dataset):
    """A compressed data set always has VRs (PS3.5 A.4); a peer that reads it so would break off."""
    radiograph.PixelData = encapsulate([b"\xff\xd8 a codestream \xff\xd9"])
    radiograph["PixelData"].VR = "OB"
    radiograph["PixelData"].is_undefined_length = True
    radiograph.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    opened = dicom.opened(dicom_file(radiograph), name="x")
    head = opened.content[: opened.start]
    without = written(opened.content, opened.elements, Encoding(implicit=True, little=True))

    file = Outgoing.from_bytes(head + without, name="x")

    assert (JPEGBaseline8Bit, True) == (file.transfer_syntax_uid, MENDED in file.warnings)
    sent = pydicom.dcmread(io.BytesIO(file.content))
    assert (False, True) == sent.original_encoding
    assert (radiograph.PatientID, radiograph.PixelData) == (sent.PatientID, sent.PixelData)
    assert not dicom.opened(file.content, name="x").notes
