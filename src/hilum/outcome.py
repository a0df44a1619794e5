"""Outcome of one image or file: read, refused or failed. Never nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from PIL import Image
from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.radiograph import ImageUIDs
from hilum.reading import Reading


class Status(StrEnum):
    """How the attempt to read one file ended."""

    READ = "read"
    REFUSED = "refused"
    """The model may not read it; the reasons say why."""
    FAILED = "failed"
    """It could not be opened, or something broke; the reasons say what."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A reading as objects and pictures.

    Attributes
    ----------
    when
        Time of the analysis, which all of them tell.
    sheet
        The overlay, in colour.
    objects
        DICOM objects in the order in which they must be stored; none for a picture without
        a study.
    """

    when: datetime
    sheet: Image.Image
    objects: tuple[Dataset, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A radiograph that the model read.

    Attributes
    ----------
    reading
        What the model says of it, and why.
    written
        The results; None where nobody asked for them.
    seconds
        Time spent in each part of the path, in seconds.
    """

    reading: Reading
    written: Written | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """An image that the model may not read.

    Attributes
    ----------
    reasons
        All of them.
    objects
        The report of the refusal, where the site wants one.
    seconds
        Time spent in each part of the path, in seconds.
    """

    reasons: tuple[Reason, ...]
    objects: tuple[Dataset, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Outcome of one file.

    Attributes
    ----------
    path
        The file, as the person named it.
    status
        How the attempt ended.
    uids
        What names the image, None for pictures and for what is not DICOM.
    reasons
        Why it was refused or failed; warnings when it was read.
    read
        What the model says of it, and the results, when `status` is read; else None.
    outputs
        Paths of the files written for it.
    seconds
        Time spent in each stage, in seconds.
    """

    path: str
    status: Status
    uids: ImageUIDs | None = None
    reasons: tuple[Reason, ...] = ()
    read: Read | None = None
    outputs: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.status is Status.READ) != (self.read is not None):
            raise ValueError("a Reading belongs to the status read, and only to it")
        if self.status is not Status.READ and not self.reasons:
            raise ValueError(f"{self.path}: {self.status} without a reason")

    @property
    def reading(self) -> Reading | None:
        """The reading, when there is one."""
        return None if self.read is None else self.read.reading
