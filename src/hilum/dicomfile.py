"""The bytes of one DICOM file: where its parts lie, and whether all of it is there.

pydicom reads a truncated file without a word: the pixels just end early. Here a file
is whole, or it is `SourceUnreadable`.

Sources
-------
PS3.10 7.1: preamble, prefix and File Meta Information. PS3.5 A.5: deflated data sets.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import Dataset, FileDataset
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from hilum import elements
from hilum.elements import HEADER_BYTES, CountingBytes, TooManyElementsError, check_sequences
from hilum.errors import SourceUnreadable

PREAMBLE_BYTES: Final = 128
PREFIX: Final = b"DICM"
FILE_META_GROUP: Final = 0x0002
PIXEL_DATA: Final = Tag("PixelData")
SOP_CLASS_UID: Final = Tag("SOPClassUID")
UNDEFINED_LENGTH: Final = 0xFFFFFFFF
"""Length of an element that ends with a delimiter (PS3.5 7.1.1)."""

MAX_INFLATED_BYTES: Final = 512 << 20
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


class _WholeBytes(CountingBytes):
    """Bytes that complain when they are read beyond their end."""

    def read(self, size: int | None = -1, /) -> bytes:
        in_preamble = self.tell() <= PREAMBLE_BYTES  # which bare data sets may be shorter than
        data = super().read(size)
        if size is None or size <= 1 or len(data) == size or in_preamble:
            return data
        in_header = size == HEADER_BYTES  # all that is asked for at the end of a whole file
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


@contextmanager
def _few_elements(name: str, stream: CountingBytes) -> Iterator[None]:
    """Say of a file that is made to exhaust memory or time that it is one.

    Raises
    ------
    SourceUnreadable
        It has too many elements, sequences too deep in each other, or too long a text. pydicom
        may have turned the error into another one on its way here.
    """
    try:
        yield
    except (TooManyElementsError, SourceUnreadable) as exc:
        too_deep = isinstance(exc.__cause__, RecursionError)
        if isinstance(exc, SourceUnreadable) and stream.left >= 0 and not too_deep:
            raise
        raise SourceUnreadable(
            f"{name} has more than {elements.MAX_ELEMENTS} data elements, more than "
            f"{elements.MAX_NESTING} sequences in each other, or a text of more than "
            f"{elements.MAX_TEXT_BYTES} bytes.",
            "No radiograph has; ask where the file comes from.",
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
    stream = CountingBytes(content, elements.MAX_ELEMENTS)
    stream.seek(PREAMBLE_BYTES + len(PREFIX) if preamble else 0)
    with _few_elements(name, stream), damage_named(name):
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

    def stop(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return header_only and tag == PIXEL_DATA

    parts = split(content, name=name)
    inflated = _inflated(content, parts, name=name)
    stream = _WholeBytes(content if inflated is None else inflated, elements.MAX_ELEMENTS)
    with _few_elements(name, stream), damage_named(name):
        if inflated is None:
            dataset = read_partial(stream, stop_when=stop, force=True)
        else:
            dataset = _read_inflated(stream, parts, stop)
        if any(_is_cut_off(dataset.get_item(tag)) for tag in dataset.keys()):  # noqa: SIM118  its iterator converts values
            raise _CutOffError
        check_sequences(dataset, stream.left)
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


def _inflated(content: bytes, parts: Parts, *, name: str) -> bytes | None:
    """Return a deflated data set as it was before, None when it is not deflated.

    Raises
    ------
    SourceUnreadable
        It would not fit into memory, or is damaged.
    """
    with damage_named(name):
        syntax = text(parts.meta, "TransferSyntaxUID")
    if syntax != DeflatedExplicitVRLittleEndian:
        return None
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    rest, inflated = content[parts.offset :], bytearray()
    with damage_named(name):
        while rest and not inflater.eof:
            inflated += inflater.decompress(rest, 1 << 20)
            rest = inflater.unconsumed_tail
            if len(inflated) > MAX_INFLATED_BYTES:
                raise SourceUnreadable(
                    f"{name} inflates to more than {MAX_INFLATED_BYTES} bytes.",
                    "No radiograph does; ask where the file comes from.",
                )
    if not inflater.eof:
        raise truncated(name)
    return bytes(inflated)


def _read_inflated(
    stream: BytesIO, parts: Parts, stop: Callable[[BaseTag, str | None, int], bool]
) -> FileDataset:
    """Read what a deflated data set was (PS3.5 A.5): Explicit VR Little Endian."""
    meta = FileMetaDataset(parts.meta)
    dataset = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=stop)
    read = FileDataset(stream, dataset, bytes(PREAMBLE_BYTES), meta, False, True)  # noqa: FBT003
    character_set = dataset.original_character_set
    read.set_original_encoding(False, True, character_set)  # noqa: FBT003  pydicom's signature
    return read
