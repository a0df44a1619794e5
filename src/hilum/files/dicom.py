"""The bytes of one DICOM file: where its parts lie, and whether all of it is there.

pydicom reads a truncated file without a word: the pixels just end early, and it reads on
wherever a wrong length leads. Here a file is whole, or read with a note of what was put
right, or it is `SourceUnreadable` with the byte at which it goes wrong.

Sources
-------
PS3.10 7.1: preamble, prefix and File Meta Information. PS3.5 A.5: deflated data sets.
PS3.7 6.3.1: command elements, which some programs leave in front of the data set.
"""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    PrivateTransferSyntaxes,
)

from hilum.errors import SourceUnreadable
from hilum.files import elements
from hilum.files.damage import CutOffError, DamagedError, Note, Notes, TooManyElementsError
from hilum.files.element_headers import HEADER_BYTES, Encoding
from hilum.files.elements import Element, Walk
from hilum.files.rewriting import written
from hilum.language import Message

PREAMBLE_BYTES: Final = 128
PREFIX: Final = b"DICM"
FILE_META_GROUP: Final = 0x0002
PIXEL_DATA: Final = Tag("PixelData")
REGIONS_TITLE: Final = "126000"
"""Code Value of the title of a report with regions, "Imaging Measurement Report" (TID 1500)."""
SOP_CLASS_UID: Final = Tag("SOPClassUID")
TRANSFER_SYNTAX_UID: Final = 0x00020010

EXPLICIT: Final = Encoding(implicit=False, little=True)
ENCODINGS: Final = {
    EXPLICIT: ExplicitVRLittleEndian,
    Encoding(implicit=True, little=True): ImplicitVRLittleEndian,
    Encoding(implicit=False, little=False): ExplicitVRBigEndian,
}
"""How a data set may be written, and the transfer syntax of native pixels in it."""

SOUND_HEADERS: Final = 4
"""So many elements in a row are not there by chance."""

MAX_INFLATED_BYTES: Final = 512 << 20
"""A deflated data set may grow to this many bytes, then it is refused."""

FIRST_GROUPS: Final = frozenset({b"\x02\x00", b"\x08\x00", b"\x00\x08"})
"""First two bytes of a DICOM stream without preamble: groups 0002 and 0008, 0008 big endian."""

DAMAGE: Final = (
    struct.error,
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


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the parts of one DICOM file lie."""

    preamble: bool
    """Whether preamble and prefix are there."""
    meta: Dataset
    """File Meta Information; empty when the file has none."""
    offset: int
    """Position of the first byte of the data set."""
    notes: Notes
    """What was put right in the File Meta Information."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One DICOM file and the data elements in it."""

    parts: Parts
    """Where its parts lie."""
    content: bytes
    """The bytes with the data set; those of the file, or inflated."""
    start: int
    """Position of the data set in `content`."""
    encoding: Encoding
    """How it is really written."""
    syntax: str
    """Transfer Syntax UID that is right for it; empty when none is said."""
    elements: list[Element]
    """Its data elements."""
    notes: Notes
    """What had to be put right."""

    def data_set(self, syntax: str = "") -> bytes:
        """Return the data set as it should have been: sound, and of even length.

        Parameters
        ----------
        syntax
            Transfer Syntax UID that it is to be written under; as it is written, without one.
        """
        said = _said(syntax)
        named = syntax and said.little == self.encoding.little
        return written(self.content, self.elements, said if named else self.encoding)


@dataclass(frozen=True, slots=True, eq=False)
class DicomFile:
    """The data set of one file, and what had to be put right to read it."""

    dataset: Dataset
    corrections: tuple[Note, ...] = ()


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
    """Turn what is raised on damaged bytes, by pydicom too, into one clear line.

    Raises
    ------
    SourceUnreadable
        The bytes are cut off, not DICOM, or made to exhaust memory or time.
    """
    try:
        yield
    except CutOffError as exc:
        raise truncated(name, exc.at) from exc
    except TooManyElementsError as exc:
        raise SourceUnreadable(
            "{name} has more than {max_elements} data elements, more than {max_nesting} "
            "sequences in each other, or a text of more than {max_text_bytes} bytes.",
            "No radiograph is like that; ask where the file comes from.",
            name=name,
            max_elements=elements.MAX_ELEMENTS,
            max_nesting=elements.MAX_NESTING,
            max_text_bytes=elements.MAX_TEXT_BYTES,
        ) from exc
    except (DamagedError, zlib.error, *DAMAGE) as exc:
        what = Message("damaged and cannot be read as DICOM ({kind})", kind=type(exc).__name__)
        if isinstance(exc, DamagedError):
            what = Message("damaged: at byte {at:,} {what}", at=exc.at, what=exc.what)
        elif isinstance(exc, zlib.error):
            what = Message("damaged: its deflated data set cannot be inflated")
        raise SourceUnreadable(
            "{name} is {what}.", "Ask the sender for the unmodified file.", name=name, what=what
        ) from exc


def truncated(name: str, at: int) -> SourceUnreadable:
    """Return the error for a file that ends too early, in the data element at byte `at`."""
    return SourceUnreadable(
        "{name} is truncated: it ends in the middle of the data element at byte {at:,}.",
        "Copy or export it again.",
        name=name,
        at=at,
    )


def split(content: bytes, *, name: str) -> Parts:
    """Find the parts of a DICOM file, with or without preamble.

    Raises
    ------
    SourceUnreadable
        The File Meta Information is damaged.
    """
    preamble = has_preamble(content)
    start = PREAMBLE_BYTES + len(PREFIX) if preamble else 0
    with damage_named(name):
        # always Explicit VR Little Endian, whatever follows it (PS3.10 7.1)
        walk = Walk(content, EXPLICIT, stop=lambda tag: tag >> 16 != FILE_META_GROUP)
        found = walk.data_set(start)
        file = written(content, found, EXPLICIT)
        meta = read_dataset(BytesIO(file), is_implicit_VR=False, is_little_endian=True)
    return Parts(preamble, meta, _behind_commands(content, walk.position), walk.notes)


def opened(content: bytes, *, name: str, header_only: bool = False) -> Opened:
    """Find the data elements of a DICOM file, with or without preamble, that is all there.

    Parameters
    ----------
    header_only
        Stop before Pixel Data (7FE0,0010).

    Raises
    ------
    SourceUnreadable
        It is cut off, damaged, not DICOM, or made to exhaust memory.
    """
    parts = split(content, name=name)
    with damage_named(name):
        said = text(parts.meta, "TransferSyntaxUID")
    syntax, start = said, parts.offset
    if said == DeflatedExplicitVRLittleEndian:
        inflated = _inflated(content[start:], name=name)
        if inflated is None:
            syntax = str(ExplicitVRLittleEndian)
        else:
            content, start = inflated, 0
    encoding = _encoding_of(content, start, syntax)
    if ENCODINGS.get(_said(syntax)) == syntax:  # native: pixels are in the order of the rest
        syntax = str(ENCODINGS[encoding])
    notes = parts.notes.copy()
    if syntax != said or (said and encoding != _said(syntax)):
        notes.add("encoding_corrected", TRANSFER_SYNTAX_UID, start)
    walk = Walk(content, encoding, lambda tag: header_only and tag == PIXEL_DATA, notes)
    with damage_named(name):
        found = walk.data_set(start)
    if not found:
        raise truncated(name, start)
    return Opened(parts, content, start, encoding, syntax, found, walk.notes)


def read(content: bytes, *, name: str) -> DicomFile:
    """Read a DICOM file as `parse` does, and keep what had to be put right."""
    file = opened(content, name=name)
    return DicomFile(data_set_of(file, name=name), tuple(file.notes.entries.values()))


def parse(content: bytes, *, name: str, header_only: bool = False) -> FileDataset:
    """Read a DICOM file, with or without preamble, that is all there.

    Parameters
    ----------
    header_only
        Stop before Pixel Data (7FE0,0010).

    Raises
    ------
    SourceUnreadable
        It is cut off, damaged, not DICOM, or made to exhaust memory.
    """
    return data_set_of(opened(content, name=name, header_only=header_only), name=name)


def data_set_of(file: Opened, *, name: str) -> FileDataset:
    """Read the data set of an opened file, up to its last element.

    Raises
    ------
    SourceUnreadable
        It is damaged in a way that only pydicom sees.
    """
    implicit, little = file.encoding
    stream = BytesIO(file.data_set() if file.notes else file.content)
    stream.seek(0 if file.notes else file.start)
    tags = {element.tag for element in file.elements}

    def stop(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return tag not in tags

    with damage_named(name):
        dataset = read_dataset(stream, implicit, little, stop_when=stop)
        meta = FileMetaDataset(file.parts.meta)
        if file.syntax != text(meta, "TransferSyntaxUID"):
            meta.TransferSyntaxUID = UID(file.syntax)
    whole = FileDataset(stream, dataset, bytes(PREAMBLE_BYTES), meta, implicit, little)
    whole.set_original_encoding(implicit, little, dataset.original_character_set)
    return whole


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


def _behind_commands(content: bytes, at: int) -> int:
    """Return where the data set begins behind command elements, which are Implicit VR."""
    while len(content) - at >= HEADER_BYTES:
        group, number, length = struct.unpack_from("<HHI", content, at)
        if group or (number, length) == (0, 0) or at + HEADER_BYTES + length > len(content):
            break
        at += HEADER_BYTES + length
    return at


def _said(syntax: str) -> Encoding:
    """Return how a transfer syntax says that a data set is written."""
    for encoding, native in ENCODINGS.items():
        if syntax == native:
            return encoding
    if syntax in PrivateTransferSyntaxes:
        private = UID(PrivateTransferSyntaxes[PrivateTransferSyntaxes.index(syntax)])
        return Encoding(private.is_implicit_VR, private.is_little_endian)
    return EXPLICIT if syntax else Encoding(implicit=True, little=True)


def _encoding_of(content: bytes, start: int, syntax: str) -> Encoding:
    """Return how a data set is written: as its syntax says, unless it plainly is not."""
    said = _said(syntax)
    sound = {
        encoding: Walk(content, encoding).sound_headers(start, SOUND_HEADERS)
        for encoding in (said, *ENCODINGS)
    }
    return max(sound, key=lambda encoding: sound[encoding])  # the first of equals


def _inflated(deflated: bytes, *, name: str) -> bytes | None:
    """Return a deflated data set as it was before, None when it is not deflated at all.

    Raises
    ------
    SourceUnreadable
        It would not fit into memory, or is damaged.
    """
    if Walk(deflated, EXPLICIT).sound_headers(0, SOUND_HEADERS) == SOUND_HEADERS:
        return None
    zlib_header = deflated[:1] == b"\x78" and int.from_bytes(deflated[:2]) % 31 == 0
    inflater = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
    inflated = bytearray()
    with damage_named(name):
        while deflated and not inflater.eof:
            inflated += inflater.decompress(deflated, 1 << 20)
            deflated = inflater.unconsumed_tail
            if len(inflated) > MAX_INFLATED_BYTES:
                raise SourceUnreadable(
                    "{name} inflates to more than {max_inflated_bytes} bytes.",
                    "No radiograph does; ask where the file comes from.",
                    name=name,
                    max_inflated_bytes=MAX_INFLATED_BYTES,
                )
    if not inflater.eof:
        raise SourceUnreadable(
            "{name} is truncated: its deflated data set has no end.",
            "Copy or export it again.",
            name=name,
        )
    return bytes(inflated)
