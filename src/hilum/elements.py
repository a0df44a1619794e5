"""How many data elements a file has, sequences and all, counted as pydicom meets them.

A million empty items fit into 8 MB and keep pydicom busy for minutes. It reads sequences
of undefined length at once and the others when somebody looks, so both are counted: the
first by their headers as they are read, the second before anybody looks.
"""

from collections.abc import Iterator
from io import BytesIO
from typing import Final

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_sequence

HEADER_BYTES: Final = 8
"""Tag, VR and length of an element or item: what pydicom asks for first."""

MAX_ELEMENTS: Final = 100_000
"""Radiographs have some hundred; a file with more is made to exhaust time and memory."""

MAX_NESTING: Final = 32
"""Sequences in sequences; radiographs have three or four, structured reports up to a dozen."""

HARMLESS_BYTES: Final = 64 << 10
"""Sequences that are shorter in all hold 8,000 elements at most: they are not looked into."""

MAX_TEXT_BYTES: Final = 1 << 20
"""A text of a radiograph's header; names and descriptions have some dozen letters."""

TEXTS: Final = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI"]
) | {"UR", "UT"}
"""Value Representations that are text (PS3.5 6.2)."""

ITEMS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""First bytes of a sequence's value, in either byte order (PS3.5 7.5)."""


class TooManyElementsError(Exception):
    """The file holds more, longer or more deeply nested elements than any radiograph."""


class CountingBytes(BytesIO):
    """Bytes that count the headers that are read from them.

    Attributes
    ----------
    left
        Headers that may still be read.
    """

    def __init__(self, content: bytes, left: int) -> None:
        super().__init__(content)
        self.left = left

    def read(self, size: int | None = -1, /) -> bytes:
        """Read; raise `TooManyElementsError` at the header that is one too many."""
        if size == HEADER_BYTES:
            self.left -= 1
            if self.left < 0:
                raise TooManyElementsError
        return super().read(size)


def check_sequences(dataset: Dataset, left: int) -> None:
    """Count what pydicom has not looked into yet.

    Parameters
    ----------
    dataset
        Just read; not changed.
    left
        Elements that may still be there.

    Raises
    ------
    TooManyElementsError
        There are more, they are nested too deeply, or one is a text that never ends.
    """
    waiting = [(dataset, 0)]
    unread = sum(len(raw.value or b"") for raw in _unread(dataset))
    while waiting:
        one, depth = waiting.pop()
        if depth > MAX_NESTING or any(map(_is_long_text, one.values())):
            raise TooManyElementsError
        inner = list(_read_items(one))
        if unread > HARMLESS_BYTES or depth:
            for raw in _unread(one):
                items, left = _items_of(raw, left)
                inner += items
        waiting += [(item, depth + 1) for item in inner]


def _is_long_text(element: object) -> bool:
    """Whether an element is text that would keep whoever looks for words in it busy."""
    if not isinstance(element, RawDataElement) or len(element.value or b"") <= MAX_TEXT_BYTES:
        return False
    if element.VR in {None, "UN"}:  # pydicom then asks its dictionary
        return dictionary_has_tag(element.tag) and dictionary_VR(element.tag) in TEXTS
    return element.VR in TEXTS


def _unread(dataset: Dataset) -> Iterator[RawDataElement]:
    """Yield the sequences that are bytes still."""
    for element in dataset.values():
        if isinstance(element, RawDataElement) and element.VR in {"SQ", "UN", None}:
            value = element.value
            if isinstance(value, bytes) and value.startswith(ITEMS):
                yield element


def _read_items(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the items of the sequences that pydicom has read."""
    for element in dataset.values():
        if not isinstance(element, RawDataElement) and element.VR == "SQ":
            yield from element.value


def _items_of(raw: RawDataElement, left: int) -> tuple[list[Dataset], int]:
    stream = CountingBytes(raw.value or b"", left)
    try:
        found = read_sequence(
            stream, raw.is_implicit_VR, raw.is_little_endian, raw.length, "iso8859"
        )
    except (OSError, EOFError, ValueError, LookupError, AttributeError, TypeError):
        if stream.left < 0:  # pydicom turned ours into an OSError
            raise TooManyElementsError from None
        return [], stream.left  # damaged: whoever looks is told so
    return list(found), stream.left
