"""What a label file says, whatever its form."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from hilum.evaluation.intervals import Floats
from hilum.language import Message

PRESENT: Final = 1.0
ABSENT: Final = 0.0
UNKNOWN_LABEL: Final = math.nan
"""Values of a label."""


MEANINGS: Final[Mapping[float, Message]] = {PRESENT: Message("present"), ABSENT: Message("absent")}
NOT_KNOWN: Final = Message("not known")
"""The same in words; NaN equals nothing, so it is no key."""


class Key(StrEnum):
    """By what a label finds its image, the most certain first."""

    INSTANCE = "SOP Instance UID"
    FILE = "file name"
    STUDY = "Study Instance UID"
    ACCESSION = "accession number"
    FOLDER = "folder of the study"
    PATIENT_DATE = "patient and date"


OF_STUDY: Final = frozenset({Key.STUDY, Key.ACCESSION, Key.FOLDER, Key.PATIENT_DATE})
"""Keys that several images have: a label is then of all of them."""

KEY_NAMES: Final[Mapping[Key, Message]] = {
    Key.INSTANCE: Message("SOP Instance UID"),
    Key.FILE: Message("file name"),
    Key.STUDY: Message("Study Instance UID"),
    Key.ACCESSION: Message("accession number"),
    Key.FOLDER: Message("folder of the study"),
    Key.PATIENT_DATE: Message("patient and date"),
}


class Fact(StrEnum):
    """What may be known of an image beside its labels; subgroups are made of it."""

    PATIENT = "patient"
    SEX = "sex"
    AGE = "age"
    VIEW = "view"
    MANUFACTURER = "manufacturer"
    SITE = "site"
    DATE = "date"


FACT_NAMES: Final[Mapping[Fact, Message]] = {
    Fact.PATIENT: Message("patient"),
    Fact.SEX: Message("sex"),
    Fact.AGE: Message("age"),
    Fact.VIEW: Message("view"),
    Fact.MANUFACTURER: Message("manufacturer"),
    Fact.SITE: Message("site"),
    Fact.DATE: Message("date"),
}


class Rules(StrEnum):
    """How the names of findings in a public label file become labels."""

    TXRV = "txrv"
    """As TorchXRayVision's dataset classes do, parts of words too."""
    EXACT = "exact"
    """Whole names alone; of three readers, two."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What is made of cells that say neither yes nor no."""

    blank: float = UNKNOWN_LABEL
    uncertain: float = UNKNOWN_LABEL
    rules: Rules = Rules.TXRV
    columns: Mapping[str, str] = field(default_factory=dict)
    """Finding or key → the column that it is in, as the person says."""

    @property
    def note(self) -> Message:
        """What is made of them, in words."""
        return Message(
            "Blank cells count as {blank}, uncertain ones as {uncertain}.",
            blank=MEANINGS.get(self.blank, NOT_KNOWN),
            uncertain=MEANINGS.get(self.uncertain, NOT_KNOWN),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LabelTable:
    """Labels of images, one row a line of the file."""

    source: str
    """File names."""
    findings: tuple[str, ...]
    """As the model calls them, where it knows them."""
    truth: Floats
    """Shape ``(rows, findings)``: 1 present, 0 absent, NaN not known."""
    keys: Mapping[Key, Sequence[str]]
    """Each of one text a row, ``""`` where there is none; patient and date parted by a NUL."""
    facts: Mapping[Fact, Sequence[str]] = field(default_factory=dict)
    """The same, as the file says them."""
    dataset: str = ""
    """Name of the public dataset; empty for a site's own file."""
    notes: tuple[Message, ...] = ()
    """What was decided on reading it."""
    unused: tuple[str, ...] = ()
    """Columns of a site's own file that say nothing that is known."""
    reviews: bool = False
    """Whether these are readers' reviews of what the model said: agreement, no reference."""
    unaided: tuple[bool, ...] = ()
    """For reviews, one a row: whether the reader had not been shown the findings."""

    def __len__(self) -> int:
        return len(self.truth)

    def counts(self) -> dict[str, tuple[int, int, int]]:
        """Return finding → rows in which it is present, absent and not known."""
        return {
            name: (
                int((said == PRESENT).sum()),
                int((said == ABSENT).sum()),
                int(np.isnan(said).sum()),
            )
            for name, said in zip(self.findings, self.truth.T, strict=True)
        }
