"""The bytes of one DICOM file: where its parts lie, and whether all of it is there.

pydicom reads a truncated file without a word: the pixels just end early. Here a file
is whole, or it is `SourceUnreadable`.

Sources
-------
PS3.10 7.1: preamble, prefix and File Meta Information. PS3.5 A.5: deflated data sets.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import Dataset, FileDataset
from pydicom.dataelem import RawDataElement
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from hilum.errors import SourceUnreadable

PREAMBLE_BYTES: Final = 128
PREFIX: Final = b"DICM"
FILE_META_GROUP: Final = 0x0002
PIXEL_DATA: Final = Tag("PixelData")
SOP_CLASS_UID: Final = Tag("SOPClassUID")
UNDEFINED_LENGTH: Final = 0xFFFFFFFF
"""Length of an element that ends with a delimiter (PS3.5 7.1.1)."""

ELEMENT_HEADER_BYTES: Final = 8
"""Tag, VR and length: the only thing pydicom asks for at the end of a whole file."""

MAX_ELEMENTS: Final = 100_000
"""Radiographs have some hundred; a file with more is made to exhaust memory."""

MAX_INFLATED_BYTES: Final = 1 << 30
"""A deflated data set may grow to this many bytes, then it is refused."""

FIRST_GROUPS: Final = frozenset({b"\x02\x00", b"\x08\x00", b"\x00\x08"})
"""First two bytes of a DICOM stream without preamble: groups 0002 and 0008, 0008 big endian."""

DAMAGE: Final = (
    struct.error,
    zlib.error,
    InvalidDicomError,
    BytesLengthException,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What pydicom raises on bytes that are not what they say; it promises nothing narrower."""


class _CutOffError(Exception):
    """The bytes end before the element does. Not an EOFError, which pydicom keeps to itself."""


class _WholeBytes(BytesIO):
    """Bytes that complain when they are read beyond their end."""

    def read(self, size: int | None = -1, /) -> bytes:
        in_preamble = self.tell() <= PREAMBLE_BYTES  # which bare data sets may be shorter than
        data = super().read(size)
        if size is None or size <= 1 or len(data) == size or in_preamble:
            return data
        in_header = size == ELEMENT_HEADER_BYTES
        if in_header == bool(data):  # half a header, or nothing where a value should be
            raise _CutOffError
        return data


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the parts of one DICOM file lie.

    Attributes
    ----------
    preamble
        Whether preamble and prefix are there.
    meta
        File Meta Information; empty when the file has none.
    offset
        Position of the first byte of the data set.
    """

    preamble: bool
    meta: Dataset
    offset: int


def has_preamble(head: bytes) -> bool:
    """Return whether `head`, the first 132 bytes or more, begins a DICOM file (PS3.10 7.1)."""
    return head[PREAMBLE_BYTES : PREAMBLE_BYTES + len(PREFIX)] == PREFIX


def sop_class_in(head: bytes) -> str:
    """Return the SOP Class UID in the first bytes of a file without preamble, ``""`` without one.

    Parameters
    ----------
    head
        Its first bytes; they begin with one of `FIRST_GROUPS` and may end anywhere.
    """
    try:
        dataset = read_partial(
            BytesIO(head), stop_when=lambda tag, *_: tag > SOP_CLASS_UID, force=True
        )
    except DAMAGE:
        return ""
    return text(dataset, "SOPClassUID")


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Turn what pydicom raises on damaged bytes into one clear line.

    Raises
    ------
    SourceUnreadable
        The bytes are cut off or are not DICOM.
    """
    try:
        yield
    except _CutOffError as exc:
        raise truncated(name) from exc
    except DAMAGE as exc:
        raise SourceUnreadable(
            f"{name} is damaged and cannot be read as DICOM ({type(exc).__name__}).",
            "Ask the sender for the unmodified file.",
        ) from exc


def truncated(name: str) -> SourceUnreadable:
    """Return the error for a file that ends too early."""
    return SourceUnreadable(
        f"{name} is truncated: it ends in the middle of a data element.", "Copy or export it again."
    )


def split(content: bytes, *, name: str) -> Parts:
    """Find the parts of a DICOM file, with or without preamble.

    Raises
    ------
    SourceUnreadable
        The File Meta Information is damaged.
    """
    preamble = has_preamble(content)
    stream = BytesIO(content)
    stream.seek(PREAMBLE_BYTES + len(PREFIX) if preamble else 0)
    with damage_named(name):
        # always Explicit VR Little Endian, whatever follows it (PS3.10 7.1)
        meta = read_dataset(
            stream,
            is_implicit_VR=False,
            is_little_endian=True,
            stop_when=lambda tag, *_: tag.group != FILE_META_GROUP,
        )
    return Parts(preamble, meta, stream.tell())


def parse(content: bytes, *, name: str, header_only: bool = False) -> FileDataset:
    """Read a DICOM file, with or without preamble, that is all there.

    Parameters
    ----------
    content
        The file.
    name
        What to call it in an error.
    header_only
        Stop before Pixel Data (7FE0,0010).

    Raises
    ------
    SourceUnreadable
        It is cut off, damaged, not DICOM, or made to exhaust memory.
    """
    count = 0

    def stop(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS:
            raise SourceUnreadable(
                f"{name} has more than {MAX_ELEMENTS} data elements.",
                "No radiograph has; ask where the file comes from.",
            )
        return header_only and tag == PIXEL_DATA

    _check_inflated_size(content, name=name)
    with damage_named(name):
        dataset = read_partial(_WholeBytes(content), stop_when=stop, force=True)
        if any(_is_cut_off(dataset.get_item(tag)) for tag in dataset.keys()):  # noqa: SIM118  its iterator converts values
            raise _CutOffError
    if len(dataset) == 0:
        raise truncated(name)
    return dataset


def text(dataset: Dataset, keyword: str) -> str:
    """Return the value of a UID or another ASCII attribute as it stands, ``""`` without one.

    pydicom warns of each value that breaks the standard, with the value; invalid UIDs
    are common in teaching files and are ours to report.
    """
    element = dataset.get_item(keyword)
    value = None if element is None else element.value
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return "" if value is None else str(value).strip(" \0")


def _is_cut_off(element: object) -> bool:
    """Return whether a raw element holds fewer bytes than its length says."""
    if not isinstance(element, RawDataElement) or element.value is None:
        return False
    return element.length not in {len(element.value), UNDEFINED_LENGTH}


def _check_inflated_size(content: bytes, *, name: str) -> None:
    """Raise `SourceUnreadable` for a deflated data set that would not fit into memory."""
    parts = split(content, name=name)
    with damage_named(name):
        syntax = text(parts.meta, "TransferSyntaxUID")
    if syntax != DeflatedExplicitVRLittleEndian:
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    rest, inflated = content[parts.offset :], 0
    with damage_named(name):
        while rest and not inflater.eof:
            inflated += len(inflater.decompress(rest, 1 << 20))
            rest = inflater.unconsumed_tail
            if inflated > MAX_INFLATED_BYTES:
                raise SourceUnreadable(
                    f"{name} inflates to more than {MAX_INFLATED_BYTES} bytes.",
                    "No radiograph does; ask where the file comes from.",
                )
    if not inflater.eof:
        raise truncated(name)
