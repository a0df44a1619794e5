"""A reader's review of the model's findings on one image. Knows nothing of a database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hilum.radiograph import ImageUIDs
from hilum.settings.node import NodeMode


class ReaderAnswer(StrEnum):
    """What a reader says of one finding: one answer, whatever the model says."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"


class Opinion(StrEnum):
    """How a reader's answer compares with what the model says."""

    AGREE = "agree"
    DISAGREE = "disagree"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """One finding, as the model gave it and the reader sees it."""

    label: str
    answer: ReaderAnswer
    """What the reader says of it."""
    positive: bool
    raw: float
    operating_point: float
    score: float
    """What the model had said."""

    @property
    def opinion(self) -> Opinion:
        """How the answer compares with what the model had said."""
        if self.answer is ReaderAnswer.UNSURE:
            return Opinion.UNSURE
        present = self.answer is ReaderAnswer.PRESENT
        return Opinion.AGREE if present == self.positive else Opinion.DISAGREE


@dataclass(frozen=True, slots=True)
class Review:
    """One review of one reader on one image."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    """The image that it is about."""
    at: datetime
    """When, with its UTC offset."""
    reader: str
    """User name."""
    model: str
    model_sha256: str
    """Which model is judged: its name and version, and its weights."""
    findings: tuple[ReviewedFinding, ...]
    """Those that the reader judged."""
    missing: tuple[str, ...]
    """Findings that the model does not look for, in the reader's words."""
    comment: str
    """The reader's words."""
    report: str
    """SOP Instance UID of the structured report that says the same in the PACS."""
    demonstration: bool = False
    """Whether the demonstration model is judged."""
    unaided: bool = False
    """Whether the reader had not been shown the model's findings."""
    mode: NodeMode = NodeMode.LIVE
    """How far the model's findings got; but for `LIVE` the review is not in the PACS either."""

    @property
    def uids(self) -> ImageUIDs:
        """The image that it is about."""
        return ImageUIDs(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)
