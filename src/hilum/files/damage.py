"""What is wrong with the bytes of a DICOM file, and what was put right."""

from dataclasses import dataclass, field, replace
from typing import Final

from hilum.language.message import filled_in

CORRECTIONS: Final = frozenset(
    {
        "bytes_after_data",
        "vr_restored",
        "delimiter_restored",
        "length_corrected",
        "sequence_unread",
        "element_twice",
        "encoding_corrected",
    }
)
"""Codes of `Note`; their texts are those of the pixel decisions."""


class TooManyElementsError(Exception):
    """The file holds more, longer or more deeply nested elements than any radiograph."""


class BrokenError(Exception):
    """The data set does not go on at byte `at`: `what` says why, in one clause."""

    def __init__(self, at: int, what: str, **values: object) -> None:
        self.at = at
        self.what = filled_in(what, values)
        super().__init__(at, self.what)


class CutOffError(BrokenError):
    """The bytes end before the element at byte `at` does. Not an EOFError: pydicom eats those."""

    def __init__(self, at: int) -> None:
        super().__init__(at, "the file ends in the middle of a data element")


class DamagedError(BrokenError):
    """The bytes are not what they should be."""


@dataclass(frozen=True, slots=True)
class Note:
    """One kind of correction."""

    code: str
    """One of `CORRECTIONS`."""
    tag: int
    """The first element that it concerns."""
    at: int
    """Where the first place is, in bytes from the beginning of what was read."""
    count: int = 1
    """How many places there are; bytes for ``bytes_after_data``."""


@dataclass(slots=True)
class Notes:
    """The corrections of one file, one of each kind, in the order in which they were met."""

    entries: dict[str, Note] = field(default_factory=dict)

    def add(self, code: str, tag: int, at: int, count: int = 1) -> None:
        """Write down one correction."""
        known = self.entries.get(code)
        if known is None:
            self.entries[code] = Note(code, tag, at, count)
        else:
            self.entries[code] = replace(known, count=known.count + count)

    def copy(self) -> "Notes":
        """Return the notes as they are now, to come back to."""
        return Notes(dict(self.entries))

    def __len__(self) -> int:
        return sum(note.count for note in self.entries.values())


def shown(tag: int) -> str:
    """Return a tag as people write it, e.g. ``(0010,0020)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
