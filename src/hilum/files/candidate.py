"""One file that may be a radiograph, wherever it lies: named now, read later."""

import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.files.errors import read_errors

MAX_FILE_BYTES: Final = 1 << 30
"""Larger files are refused unread: a radiograph has some ten megabytes."""

PART_BYTES: Final = 1 << 24
"""What is asked of a stream at once: more than most radiographs have."""

SNIFFED_BYTES: Final = 4096
"""Enough to tell a DICOM file without preamble: SOP Class UID is among the first elements."""

UNPRINTABLE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories of control characters, undecodable bytes and line breaks."""

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE: Final = b"\xff\xd8\xff"


class FileKind(StrEnum):
    """What a file is, by its first bytes; its name does not matter."""

    DICOM = "DICOM"
    PICTURE = "picture"
    """PNG or JPEG: can be read by a model, but not sent to a PACS."""
    ZIP = "ZIP archive"
    OTHER = "not DICOM"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One file found on the way through paths, folders and archives."""

    name: str
    """What to call it, e.g. ``scans/monday.zip!ward/a.dcm``; see `printable`."""
    opener: Callable[[], BinaryIO] = field(repr=False)
    """Opens its bytes; raises `SourceUnreadable` when that is impossible. It can be pickled, for
    another process to open them."""
    path: Path | None = None
    """Where it lies on disk; None inside an archive."""
    named: bool = False
    """Whether the user gave this very path, not a folder or an archive around it."""

    def head(self, size: int = SNIFFED_BYTES) -> bytes:
        """Return the first `size` bytes, fewer when the file is shorter.

        Raises
        ------
        SourceUnreadable
            The file cannot be opened or read.
        """
        with self.opener() as stream, read_errors(self.name):
            return stream.read(size)

    def read(self) -> bytes:
        """Return all bytes.

        Raises
        ------
        SourceUnreadable
            The file cannot be opened or read, is empty, or is larger than `MAX_FILE_BYTES`.
        """
        with self.opener() as stream, read_errors(self.name):
            content = _read_at_most(stream, MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise too_large(self.name)
        if not content:
            raise SourceUnreadable(
                "{name} is empty (0 bytes).", "Copy or export it again.", name=self.name
            )
        return content

    def kind(self) -> FileKind:
        """Return what the file is.

        Raises
        ------
        SourceUnreadable
            The file cannot be opened or read, or is empty.
        """
        head = self.head()
        if not head:
            raise SourceUnreadable(
                "{name} is empty (0 bytes).", "Copy or export it again.", name=self.name
            )
        return kind_of(head)

    def is_dicom(self) -> bool:
        """Return whether the file is DICOM, with or without preamble.

        Raises
        ------
        SourceUnreadable
            The file cannot be opened or read, or is empty.
        """
        return self.kind() is FileKind.DICOM


def too_large(name: str) -> SourceUnreadable:
    """Return the error for a file that has more than `MAX_FILE_BYTES`."""
    return SourceUnreadable(
        "{name} is larger than {max_file_bytes} MiB.",
        "hilum reads single radiographs; send such a file with another program.",
        name=name,
        max_file_bytes=MAX_FILE_BYTES >> 20,
    )


def _read_at_most(stream: BinaryIO, limit: int) -> bytes:
    """Return the bytes of a stream, at most `limit`.

    In parts: asked for a gigabyte at once, Python makes room for a gigabyte.
    """
    first = stream.read(min(PART_BYTES, limit))
    parts, size = [first], len(first)
    while parts[-1] and size < limit:
        parts.append(stream.read(min(PART_BYTES, limit - size)))
        size += len(parts[-1])
    return first if len(first) == size else b"".join(parts)


def kind_of(head: bytes) -> FileKind:
    """Return what a file with these first bytes is."""
    if dicom.has_preamble(head):
        return FileKind.DICOM
    if head.startswith((PNG_SIGNATURE, JPEG_SIGNATURE)):
        return FileKind.PICTURE
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return FileKind.ZIP
    if head[:2] in dicom.FIRST_GROUPS and dicom.sop_class_in(head):
        return FileKind.DICOM
    return FileKind.OTHER


def read_dicom(candidate: Candidate) -> dicom.DicomFile:
    """Return the data set of a candidate, with its pixels, and what was put right in it.

    Raises
    ------
    SourceUnreadable
        The path is missing, unreadable or empty, or the file is not DICOM, cut off or damaged.
    """
    content = candidate.read()
    kind = kind_of(content[:SNIFFED_BYTES])
    if kind is not FileKind.DICOM:
        raise SourceUnreadable(
            "{name} is not a DICOM file.",
            "Give a file that a modality or PACS exported.",
            name=candidate.name,
        )
    return dicom.read(content, name=candidate.name)


def printable(name: str) -> str:
    """Return a file's name as one line of text that JSON and any terminal can hold.

    Line breaks, escape sequences and bytes that are no UTF-8 are written as in an
    address (``%0A``, ``%E9``); every other name stays as it is. Where the locale is C, a
    name is taken for UTF-8 all the same: it is the same name in every terminal.
    """
    with suppress(UnicodeError):  # a name in an archive that no file here could have
        name = os.fsencode(name).decode("utf-8", "surrogateescape")
    return "".join(
        "".join(f"%{byte:02X}" for byte in os.fsencode(character))
        if unicodedata.category(character) in UNPRINTABLE
        else character
        for character in name
    )


def unreadable(error: SourceUnreadable, *, name: str, named: bool = False) -> Candidate:
    """Return a candidate whose opening raises `error`: it is reported in its place."""
    return Candidate(name, partial(_refuse, error), named=named)


def _refuse(error: SourceUnreadable) -> BinaryIO:
    raise error
