"""Images to send in any number, each a patient, study, series and image of its own.

Making one costs the replacing of a few bytes, so that the sender takes little of the
machine that it loads.
"""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread

from conftest import real_file
from radiographs import dicom_file, make_radiograph, thorax

DIGITS: Final = 13
MARK: Final = "7" * DIGITS
"""Stands in the template wherever the number of an image goes."""

SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108  only where senders find their files


@dataclass(frozen=True, slots=True)
class Image:
    """One image to send.

    Attributes
    ----------
    number
        In its patient ID and its UIDs.
    parts
        Its file, in two parts; the second has the pixels and is shared by all.
    """

    number: int
    parts: tuple[bytes, memoryview]

    @property
    def study_id(self) -> str:
        """Orthanc's identifier of its study (Orthanc Book, "Orthanc identifiers")."""
        return _orthanc_id(_text(self.number), _uid(1, _text(self.number)))

    @property
    def uid(self) -> str:
        """Its SOP Instance UID."""
        return _uid(3, _text(self.number))

    def write(self, path: Path) -> Path:
        """Write it as a file; return where."""
        with path.open("wb") as stream:
            stream.writelines(self.parts)
        return path


class Images:
    """Makes images that are all alike but for who they are of.

    Parameters
    ----------
    dataset
        What they are like.
    """

    def __init__(self, dataset: Dataset) -> None:
        dataset.PatientID = MARK
        dataset.StudyInstanceUID = _uid(1, MARK)
        dataset.SeriesInstanceUID = _uid(2, MARK)
        dataset.SOPInstanceUID = _uid(3, MARK)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        file = dicom_file(dataset)
        cut = len(file) - len(dataset.PixelData)
        self._head, self._body = file[:cut], memoryview(file)[cut:]
        self._next = time.time_ns() // 1_000_000 % 10**12 + 10**12  # never those of another run

    def __iter__(self) -> Iterator[Image]:
        return self

    def __next__(self) -> Image:
        self._next += 1
        head = self._head.replace(MARK.encode(), _text(self._next).encode())
        return Image(self._next, (head, self._body))


def chest() -> Images:
    """Return real chest radiographs, 1955×1841 pixels of 15 bits, uncompressed (RG1)."""
    return Images(dcmread(real_file("RG1_UNCR.dcm")))


def small(size: int = 512) -> Images:
    """Return generated radiographs of `size` pixels."""
    return Images(make_radiograph(thorax(size, size)))


def _text(number: int) -> str:
    return f"{number:0{DIGITS}}"


def _uid(kind: int, number: str) -> str:
    return f"2.25.{kind}{number}"


def _orthanc_id(*parts: str) -> str:
    digest = hashlib.sha1("|".join(parts).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[start : start + 8] for start in range(0, 40, 8))
