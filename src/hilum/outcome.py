"""What became of one file: read, refused or failed. Never nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hilum.reading import Reading
from hilum.verdict import Reason


class Status(StrEnum):
    """How the attempt to read one file ended."""

    READ = "read"
    REFUSED = "refused"
    """The model may not read it; the reasons say why."""
    FAILED = "failed"
    """It could not be opened, or something broke; the reasons say what."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one file.

    Attributes
    ----------
    path
        The file, as the person named it.
    status
        How the attempt ended.
    sop_instance_uid
        SOP Instance UID, None for pictures and for what is not DICOM.
    reasons
        Why it was refused or failed; warnings when it was read.
    reading
        The reading when `status` is read, else None.
    outputs
        Paths of the files written for it.
    seconds
        Time spent in each room, in seconds.
    """

    path: str
    status: Status
    sop_instance_uid: str | None = None
    reasons: tuple[Reason, ...] = ()
    reading: Reading | None = None
    outputs: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.status is Status.READ) != (self.reading is not None):
            raise ValueError("a Reading belongs to the status read, and only to it")
        if self.status is not Status.READ and not self.reasons:
            raise ValueError(f"{self.path}: {self.status} without a reason")
