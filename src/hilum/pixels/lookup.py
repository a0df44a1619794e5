"""Lookup tables of a dataset: Modality LUT, VOI LUT (PS3.3 C.11.1, C.11.2) and palettes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.language import Message
from hilum.pixels.decisions import DecisionRecord, Unusable
from hilum.pixels.stored import UNUSED_BITS, detector_bits
from hilum.values.attributes import bytes_of, numbers_of, values_of

BYTE: Final = 8
"""Bits of a table entry that can be packed two to a word."""

MOST_BITS: Final = 16
"""Bits of a table entry at most."""

MOST_ENTRIES: Final = 1 << 16
"""Entries of a table at most, written as 0."""

HALF_WORD: Final = 1 << 15
"""First value that a 16-bit word can hold with and without a sign."""


class LookupInvalid(Unusable):
    """A table that cannot be used."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One table."""

    entries: NDArray[np.float64]
    """Shape ``(n,)``, integer valued."""
    first: int
    """Input value of the first entry; smaller inputs get it too."""
    top: int
    """What white is in the output; black is 0."""
    bits: int
    """Bits of an entry, as the descriptor says."""

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the table's output for `values` of any shape; the ends go on for ever."""
        index = np.floor(values - self.first + 0.5)
        np.clip(index, 0, len(self.entries) - 1, out=index)
        return self.entries[index.astype(np.int64)]


def read_lookup(
    item: Dataset, name: Message, record: DecisionRecord, *, signed_input: bool, little_endian: bool
) -> Lookup:
    """Read the table of one item of a Modality or VOI LUT Sequence.

    Parameters
    ----------
    name
        What the table is called in decisions.
    signed_input
        Whether the values that go in can be negative.
    little_endian
        Byte order of tables that are stored as bytes.

    Raises
    ------
    LookupInvalid
        Descriptor or data cannot be used.
    """
    descriptor = [int(number) for number in numbers_of(item, "LUTDescriptor")]
    if len(descriptor) != 3:  # noqa: PLR2004  entries, first value, bits
        raise LookupInvalid("lut_descriptor")
    count, first, bits = descriptor
    count = count % MOST_ENTRIES or MOST_ENTRIES
    if not 1 <= bits <= MOST_BITS:
        raise LookupInvalid("lut_bits", bits=bits)
    first = first_of(first, signed_input=signed_input)
    entries = entries_of(item, "LUTData", (count, bits), little_endian=little_endian)
    return Lookup(entries, first, white_of(entries, bits, name, record), bits)


def first_of(said: int, *, signed_input: bool) -> int:
    """Return the first input value of a table; its VR is often the one without a sign."""
    if not signed_input:
        return said % MOST_ENTRIES
    return said - MOST_ENTRIES if said >= HALF_WORD else said


def entries_of(
    item: Dataset, keyword: str, said: tuple[int, int], *, little_endian: bool
) -> NDArray[np.float64]:
    """Return the table's entries, whether they were read as numbers or as bytes.

    Parameters
    ----------
    said
        Number of entries, and bits of each, as the descriptor says.
    little_endian
        Byte order of tables that are stored as bytes.

    Returns
    -------
    NDArray[np.float64]
        Shape ``(n,)``, integer valued.

    Raises
    ------
    LookupInvalid
        There are too few.
    """
    count, bits = said
    order = "<" if little_endian else ">"
    raw = bytes_of(item, keyword)
    if not raw:
        numbers = np.array([int(v) for v in values_of(item, keyword)], dtype=np.int64)
        raw = (numbers % MOST_ENTRIES).astype(f"{order}u2").tobytes()
    packed_exactly = len(raw) == count + count % 2  # whatever the descriptor says of their bits
    if packed_exactly or (bits <= BYTE and count <= len(raw) < 2 * count):
        # Two entries to a word, the first in its low byte.
        packed = np.frombuffer(raw, f"{order}u2", count=len(raw) // 2).astype("<u2")
        return np.frombuffer(packed.tobytes(), np.uint8)[:count].astype(np.float64)
    if len(raw) < 2 * count:
        raise LookupInvalid("lut_short", found=len(raw), count=count)
    return np.frombuffer(raw, f"{order}u2", count=count).astype(np.float64)


def white_of(entries: NDArray[np.float64], bits: int, name: Message, record: DecisionRecord) -> int:
    """Return the output that is white: what the bits allow, unless the entries differ.

    Parameters
    ----------
    entries
        Shape ``(n,)``, integer valued.
    bits
        Bits of an entry, as the descriptor says.
    """
    greatest = int(entries.max())
    needed = greatest.bit_length()
    if needed > bits:
        record.add("lut_values_above_bits", lut=name, top=greatest, said=bits, bits=needed)
        return (1 << needed) - 1
    usual = detector_bits(greatest)
    if usual <= bits - UNUSED_BITS and greatest > 0:
        record.add("lut_fewer_bits_used", lut=name, said=bits, bits=usual)
        return (1 << usual) - 1
    return (1 << bits) - 1
