"""Many files: order, memory, and what never reaches a sender."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import Dataset

from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.files.find import find_candidates
from hilum.pacs.send import Outgoing, SendOutcome, SendStatus, deliver
from radiographs import dicom_file


class Notebook:
    """A sender that only takes note of what it gets."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def check(self) -> None:
        pass

    def send(self, file: Outgoing) -> SendOutcome:
        self.names.append(file.name)
        return SendOutcome(file.name, SendStatus.STORED)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Page:
    """A source in memory."""

    name: str
    content: bytes
    named: bool = True
    path: Path | None = None

    def is_dicom(self) -> bool:
        return self.content[128:132] == b"DICM"

    def read(self) -> bytes:
        return self.content


@pytest.fixture
def content(radiograph: Dataset) -> bytes:
    """Return a DICOM file."""
    return dicom_file(radiograph)


def test_outcomes_come_in_the_order_of_the_sources(content: bytes):
    """Whichever file is done first."""
    first_may_go = threading.Event()

    class FirstIsSlow(Notebook):
        def send(self, file: Outgoing) -> SendOutcome:
            if file.name == "0":
                assert first_may_go.wait(30)
            else:
                first_may_go.set()
            return super().send(file)

    sender = FirstIsSlow()
    pages = [Page(str(number), content) for number in range(4)]

    assert ["0", "1", "2", "3"] == [each.name for each in deliver(pages, sender, at_once=2)]
    assert "0" != sender.names[0]


def test_sources_are_taken_as_the_files_go(content: bytes, monkeypatch: pytest.MonkeyPatch):
    """A walk over a million files is not held in memory, however quick the sender is."""
    monkeypatch.setattr("hilum.pacs.send.sender.LAST_SAID_FIRST", 5)
    taken = 0

    def endless() -> Iterator[Page]:
        nonlocal taken
        while True:
            taken += 1
            yield Page(str(taken), content)

    outcomes = deliver(endless(), Notebook(), at_once=2)
    for _ in range(10):
        next(outcomes)
    outcomes.close()

    assert taken <= 10 + 5 + 1  # told, waiting to be told, and the one that was just taken


def test_what_is_not_dicom_is_told_and_not_sent(tmp_path: Path, content: bytes):
    """In a folder it is nobody's fault; named, it is."""
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "x.dcm").write_bytes(content)
    sender = Notebook()
    in_folder = list(deliver(find_candidates([tmp_path]), sender))
    named = list(deliver(find_candidates([tmp_path / "notes.txt"]), sender))

    assert [(SendStatus.NOT_DICOM, True), (SendStatus.STORED, True)] == [
        (o.sent, o.well) for o in in_folder
    ]
    assert [(SendStatus.NOT_DICOM, False)] == [(o.sent, o.well) for o in named]
    assert [f"{tmp_path}/x.dcm"] == sender.names


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
def test_object_without_identity_is_failed(radiograph: Dataset, keyword: str):
    """It cannot be stored anywhere."""
    content = dicom_file(radiograph)
    delattr(radiograph, keyword)
    bare = Outgoing.from_bytes(content, name="x")
    without = bare.content.replace(*replacement(keyword))

    (outcome,) = deliver([Page("x", without)], Notebook())

    assert SendStatus.FAILED is outcome.sent
    assert "has no SOP" in outcome.detail


def replacement(keyword: str) -> tuple[bytes, bytes]:
    """Return an element's tag and one that means nothing, little endian."""
    tag = {"SOPClassUID": b"\x08\x00\x16\x00UI", "SOPInstanceUID": b"\x08\x00\x18\x00UI"}[keyword]
    return tag, b"\x08\x00\x17\x00UI"


def test_uid_that_cannot_be_written_is_failed(radiograph: Dataset):
    """A damaged byte in a UID, unlike a leading zero, leaves no name to store it under."""
    uid = str(radiograph.SOPInstanceUID).encode()
    content = dicom_file(radiograph).replace(uid, b"\xff" + uid[1:])
    (outcome,) = deliver([Page("x", content)], Notebook())

    assert SendStatus.FAILED is outcome.sent
    assert "has no SOP Instance UID" in outcome.detail


def test_complete_file_goes_from_disk(tmp_path: Path, content: bytes):
    """Nothing is copied when the file is right as it lies."""
    path = tmp_path / "x.dcm"
    path.write_bytes(content)

    assert path == Outgoing.from_bytes(content, name="x", path=path).path


def test_wrong_file_meta_information_is_put_right(tmp_path: Path, radiograph: Dataset):
    """A head that names another instance is made anew, and the data set left as it is."""
    uid = str(radiograph.SOPInstanceUID).encode()
    content = dicom_file(radiograph).replace(uid, b"1" * len(uid), 1)  # the first is in the head
    file = Outgoing.from_bytes(content, name="x", path=tmp_path / "x.dcm")

    assert radiograph.SOPInstanceUID == file.sop_instance_uid
    assert None is file.path
    assert content.endswith(file.content[dicom.split(file.content, name="x").offset :])


def test_truncated_file_is_not_sent(content: bytes):
    """The PACS would keep half an image."""
    with pytest.raises(SourceUnreadable, match="x is truncated"):
        Outgoing.from_bytes(content[:-1000], name="x")
