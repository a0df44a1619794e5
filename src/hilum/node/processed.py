"""What an inference worker returns of one image, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hilum.eligibility import Reason
from hilum.language import Message
from hilum.outcome import Status
from hilum.records.stored_reading import StoredReading


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One object that is to be stored beside the image."""

    sop_instance_uid: str
    """Its derived UID: the same on every attempt."""
    file: bytes
    """The DICOM file."""


@dataclass(frozen=True, slots=True, eq=False)
class ProcessedImage:
    """Outcome of one image, before anything is stored."""

    status: Status
    """Read, refused or failed."""
    reasons: tuple[Reason, ...] = ()
    """Why it was refused or failed; warnings when it was read."""
    results: tuple[Result, ...] = ()
    """What to store, in the order in which it must be stored: reports refer to pictures."""
    reading: StoredReading | None = None
    """What is kept of a reading for the page; None without one."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → seconds spent there."""
    model: str = ""
    """Under which name its counts are kept (`hilum.records.drift`); empty when none read it."""
    sample: tuple[str, bytes] | None = None
    """Under which name its features are kept, and these (`hilum.records.feature_samples`); None
    where they are not."""
    about: Mapping[str, str] | None = None
    """What messages to other systems need of the image; None where nobody gets any."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredAnatomy:
    """The anatomy of one image, before anything is stored."""

    document: Mapping[str, Any]
    """As a hilum.reading/1 document has it."""
    said: tuple[Message, ...]
    """What is said of it."""
    results: tuple[Result, ...]
    """What to store, in that order."""


def withheld(answer: ProcessedImage) -> ProcessedImage:
    """Return an answer without what was made to leave: objects for the PACS, and messages."""
    reading = answer.reading
    if reading is not None:
        rows = [{**row, "outputs": []} for row in reading.document["readings"]]
        reading = replace(reading, document={**reading.document, "readings": rows})
    return replace(answer, results=(), reading=reading, about=None)
