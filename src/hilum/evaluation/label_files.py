"""A table in a text file, however it was saved: separator, encoding, compression."""

import csv
import gzip
import io
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilum.errors import SourceUnreadable
from hilum.files.errors import read_errors

SEPARATORS: Final = ",;\t|"
"""What may stand between columns; the one that the first line has most of."""

LARGEST_CELL: Final = 1 << 24
"""Characters of one cell at most: outlines of findings are long."""

LARGEST_FILE: Final = 1 << 32
"""Bytes, unpacked."""

MARKS: Final = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))
"""Byte order mark → encoding."""

GZIP: Final = b"\x1f\x8b"
ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0"
"""First bytes of files that are packed, or a spreadsheet's own."""


@dataclass(frozen=True, slots=True, eq=False)
class TextTable:
    """A table as it stands in a file."""

    name: str
    columns: tuple[str, ...]
    """As the first line names them, blanks around them taken away."""
    rows: tuple[tuple[str, ...], ...]
    """As many cells as columns each."""
    ragged: int
    """Rows that had more cells than columns; what was over is dropped."""

    def column(self, name: str) -> list[str]:
        """Return the cells of a column, without blanks around; all empty where there is none."""
        if name not in self.columns:
            return [""] * len(self.rows)
        at = self.columns.index(name)
        return [row[at].strip() for row in self.rows]


def file_name(path: Path) -> str:
    """Return what people call a file or folder, also ``.`` and ``..``."""
    return path.name or path.resolve().name or str(path)


def read_table(path: Path) -> TextTable:
    """Read a table with its names in the first line.

    Raises
    ------
    SourceUnreadable
        It cannot be read, is no text, or has no rows.
    """
    name = file_name(path)
    content = unpacked(path)
    text = decoded(content, name)
    head, _, rest = text.partition("\n")
    if head.strip().lower().startswith("sep=") and len(head.strip()) == len("sep=,"):
        separator, text = head.strip()[-1], rest
    else:
        separator = max(SEPARATORS, key=head.count)
    csv.field_size_limit(LARGEST_CELL)
    try:
        lines = iter(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
        columns = tuple(cell.strip() for cell in next(lines, []))
        rows, ragged = _rows(lines, len(columns))
    except csv.Error as exc:
        raise SourceUnreadable(
            "{name} is not a table: {why}.", "Save it as CSV again.", name=name, why=exc
        ) from exc
    if not rows or not any(columns):
        raise SourceUnreadable(
            "{name} has no rows.", "It needs a line of column names and a line an image.", name=name
        )
    return TextTable(name, columns, rows, ragged)


def _rows(lines: Iterator[list[str]], width: int) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Return the rows that say something, each as wide as the head, and how many were wider."""
    rows, ragged = [], 0
    for line in lines:
        if not any(line):
            continue
        if len(line) > width:
            ragged += any(cell.strip() for cell in line[width:])
        rows.append(tuple(line[:width]) + ("",) * (width - len(line)))
    return tuple(rows), ragged


def unpacked(path: Path) -> bytes:
    """Return what a file holds, out of gzip or the only file of a ZIP archive.

    Raises
    ------
    SourceUnreadable
        It cannot be read, is a spreadsheet, or an archive with several tables.
    """
    name = file_name(path)
    with read_errors(name), path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(GZIP):
            content = gzip.GzipFile(fileobj=file).read(LARGEST_FILE + 1)
        elif start == ZIP:
            with zipfile.ZipFile(file) as archive:
                content = _only_member(archive, name)
        else:
            content = file.read(LARGEST_FILE + 1)
    if start == OLE:
        raise _spreadsheet(name)
    if len(content) > LARGEST_FILE:
        raise SourceUnreadable("{name} is too large.", "Split it.", name=name)
    return content


def _only_member(archive: zipfile.ZipFile, name: str) -> bytes:
    members = [each for each in archive.namelist() if not each.endswith("/")]
    if any(each.startswith("xl/") for each in members):
        raise _spreadsheet(name)
    if len(members) != 1:
        raise SourceUnreadable(
            "{name} holds {count} files.",
            "Name the one with the labels.",
            name=name,
            count=len(members),
        )
    with archive.open(members[0]) as member:
        return member.read(LARGEST_FILE + 1)


def _spreadsheet(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{name} is a spreadsheet.", "Save it as CSV and name that file.", name=name
    )


def decoded(content: bytes, name: str) -> str:
    """Return a file's text, in the encoding that its mark says, UTF-8, else Windows-1252.

    Raises
    ------
    SourceUnreadable
        It is no text.
    """
    marked = next((encoding for mark, encoding in MARKS if content.startswith(mark)), None)
    for encoding in (marked,) if marked else ("utf-8", "cp1252", "latin-1"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
        break
    raise SourceUnreadable("{name} is not a text file.", "Save it as CSV.", name=name)


def squashed(name: str) -> str:
    """Return a name as it is compared: letters and digits, no accents, lower case."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(each for each in plain if each.isalnum())


def first_of(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first column whose squashed name is among `names`, in their order."""
    by_name = {squashed(column): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)
