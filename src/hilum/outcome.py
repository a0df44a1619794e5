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
from hilum.structures import Anatomy


class Status(StrEnum):
    """How the attempt to read one file ended."""

    READ = "read"
    REFUSED = "refused"
    """The model may not read it; the reasons say why."""
    FAILED = "failed"
    """It could not be opened, or something broke; the reasons say what."""


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A reading as objects and pictures."""

    when: datetime
    """Time of the analysis, which all of them tell."""
    sheet: Image.Image
    """The overlay, in colour."""
    objects: tuple[Dataset, ...]
    """DICOM objects in the order in which they must be stored; none for a picture without a study.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A radiograph that the model read."""

    reading: Reading
    """What the model says of it, and why."""
    written: Written | None = None
    """The results; None where nobody asked for them."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent in each part of the path, in seconds."""
    anatomy: Anatomy | None = None
    """Lungs, heart and the cardiothoracic ratio; None where nobody asked for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """An image that the model may not read."""

    reasons: tuple[Reason, ...]
    """All of them."""
    objects: tuple[Dataset, ...] = ()
    """The report of the refusal, where the site wants one."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent in each part of the path, in seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Outcome of one file."""

    path: str
    """The file, as the person named it."""
    status: Status
    """How the attempt ended."""
    uids: ImageUIDs | None = None
    """What names the image, None for pictures and for what is not DICOM."""
    reasons: tuple[Reason, ...] = ()
    """Why it was refused or failed; warnings when it was read."""
    read: Read | None = None
    """What the model says of it, and the results, when `status` is read; else None."""
    outputs: tuple[str, ...] = ()
    """Paths of the files written for it."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Time spent in each stage, in seconds."""

    def __post_init__(self) -> None:
        if (self.status is Status.READ) != (self.read is not None):
            raise ValueError("a Reading belongs to the status read, and only to it")
        if self.status is not Status.READ and not self.reasons:
            raise ValueError(f"{self.path}: {self.status} without a reason")

    @property
    def reading(self) -> Reading | None:
        """The reading, when there is one."""
        return None if self.read is None else self.read.reading
