"""Outcome of one file that was to be sent."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class SendStatus(StrEnum):
    """How the sending of one file ended, in the words that the user reads."""

    STORED = "stored"
    ALREADY_THERE = "already there"
    REFUSED = "refused"
    """The PACS answered no: sending it again will not help."""
    NOT_DICOM = "not DICOM"
    FAILED = "failed"
    """It could not be read or delivered: sending it again may help."""


ARRIVED: Final = frozenset({SendStatus.STORED, SendStatus.ALREADY_THERE})
"""The PACS has the file."""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """Outcome of one file."""

    name: str
    """What the file is called."""
    sent: SendStatus
    """How it ended."""
    detail: str = ""
    """Why, in one sentence; empty when it arrived."""
    warnings: tuple[str, ...] = ()
    """Doubts about a file that was sent all the same."""
    expected: bool = True
    """Whether the user meant this file to be sent: false for what is not DICOM and only lay in a
    folder or an archive."""

    @property
    def well(self) -> bool:
        """Whether nothing went wrong with this file."""
        return self.sent in ARRIVED or (self.sent is SendStatus.NOT_DICOM and not self.expected)
