"""What inference gives back about one image, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hilum.eligibility import Reason
from hilum.outcome import Status
from hilum.records.readings import StoredReading


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One object that is to be stored beside the image.

    Attributes
    ----------
    sop_instance_uid
        Its derived UID: the same on every attempt.
    file
        The DICOM file.
    """

    sop_instance_uid: str
    file: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ProcessedImage:
    """Outcome of one image, before anything is stored.

    Attributes
    ----------
    status
        Read, refused or failed.
    reasons
        Why it was refused or failed; warnings when it was read.
    results
        What to store, in the order in which it must be stored: reports refer to pictures.
    reading
        What is kept of a reading for the page; None without one.
    seconds
        Stage → seconds spent there.
    model
        Under which name its counts are kept (`hilum.records.drift`); empty when none read it.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    results: tuple[Result, ...] = ()
    reading: StoredReading | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
