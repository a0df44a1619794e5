"""Outcome of one file that was to be sent, and what a server's status says of it.

Sources
-------
PS3.4 Table B.2-1 (C-STORE), PS3.7 Annex C (general), PS3.18 Table 10.5.3-1 and I.2.2
(failure reasons of STOW-RS, which are C-STORE's statuses).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hilum.language import Message


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


class StatusMeaning(NamedTuple):
    """One range of status values."""

    first: int
    last: int
    """The range, both inside."""
    sent: SendStatus
    """How the sending ended."""
    text: str
    """The standard's words for it."""


MEANINGS: Final = (
    StatusMeaning(0x0000, 0x0000, SendStatus.STORED, "Success"),
    StatusMeaning(0xB000, 0xBFFF, SendStatus.STORED, "Warning: elements coerced or discarded"),
    StatusMeaning(0x0111, 0x0111, SendStatus.ALREADY_THERE, "Duplicate SOP Instance"),
    StatusMeaning(0x0110, 0x0110, SendStatus.FAILED, "Processing failure"),
    StatusMeaning(0x0117, 0x0117, SendStatus.REFUSED, "Invalid SOP Instance"),
    StatusMeaning(0x0122, 0x0122, SendStatus.REFUSED, "SOP Class not supported"),
    StatusMeaning(0x0124, 0x0124, SendStatus.REFUSED, "Not authorized"),
    StatusMeaning(0xA700, 0xA7FF, SendStatus.FAILED, "Out of resources"),
    StatusMeaning(0xA900, 0xA9FF, SendStatus.REFUSED, "Data Set does not match SOP Class"),
    StatusMeaning(0xC122, 0xC122, SendStatus.REFUSED, "Transfer Syntax not supported"),
    StatusMeaning(0xC000, 0xCFFF, SendStatus.REFUSED, "Cannot understand"),
)
"""The first range that holds a status tells what it means."""


def meaning(status: int) -> tuple[SendStatus, str]:
    """Return how a sending with this status ended, and why in one sentence."""
    for each in MEANINGS:
        if each.first <= status <= each.last:
            return each.sent, Message(
                "The PACS answered {status:04X}H: {text}.", status=status, text=each.text
            )
    return SendStatus.REFUSED, Message("The PACS answered {status:04X}H.", status=status)
