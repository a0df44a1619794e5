"""What the status of a C-STORE response or a STOW-RS failure reason means.

Sources
-------
PS3.4 Table B.2-1 (C-STORE), PS3.7 Annex C (general), PS3.18 Table 10.5.3-1 and I.2.2
(failure reasons, which are C-STORE's statuses).
"""

from typing import Final, NamedTuple

from hilum.pacs.send.outcome import Sent


class Meaning(NamedTuple):
    """One range of status values.

    Attributes
    ----------
    first, last
        The range, both inside.
    sent
        How the sending ended.
    text
        The standard's words for it.
    """

    first: int
    last: int
    sent: Sent
    text: str


MEANINGS: Final = (
    Meaning(0x0000, 0x0000, Sent.STORED, "Success"),
    Meaning(0xB000, 0xBFFF, Sent.STORED, "Warning: elements coerced or discarded"),
    Meaning(0x0111, 0x0111, Sent.ALREADY_THERE, "Duplicate SOP Instance"),
    Meaning(0x0110, 0x0110, Sent.FAILED, "Processing failure"),
    Meaning(0x0117, 0x0117, Sent.REFUSED, "Invalid SOP Instance"),
    Meaning(0x0122, 0x0122, Sent.REFUSED, "SOP Class not supported"),
    Meaning(0x0124, 0x0124, Sent.REFUSED, "Not authorized"),
    Meaning(0xA700, 0xA7FF, Sent.FAILED, "Out of resources"),
    Meaning(0xA900, 0xA9FF, Sent.REFUSED, "Data Set does not match SOP Class"),
    Meaning(0xC122, 0xC122, Sent.REFUSED, "Transfer Syntax not supported"),
    Meaning(0xC000, 0xCFFF, Sent.REFUSED, "Cannot understand"),
)
"""The first range that holds a status tells what it means."""


def meaning(status: int) -> tuple[Sent, str]:
    """Return how a sending with this status ended, and why in one sentence."""
    for each in MEANINGS:
        if each.first <= status <= each.last:
            return each.sent, f"The PACS answered {status:04X}H: {each.text}."
    return Sent.REFUSED, f"The PACS answered {status:04X}H."
