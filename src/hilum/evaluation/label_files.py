"""A table in a text file, however it was saved: separator, encoding, compression."""

import csv
import gzip
import io
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from hilum.errors import SourceUnreadable
from hilum.files.errors import read_errors

SEPARATORS: Final = ",;\t|"
"""What may stand between columns; the one that the first line has most of."""

MOST_TITLES: Final = 10
"""Lines above the column names at most."""

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

SPREADSHEET_PARTS: Final = ("xl/", "content.xml", "Index/", "Index.zip")
"""What Excel, LibreOffice and Numbers pack into theirs."""


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
    lines: tuple[int, ...]
    """Line of the file in which each row ends."""

    def column(self, name: str) -> list[str]:
        """Return the cells of a column, without blanks around; all empty where there is none."""
        if name not in self.columns:
            return [""] * len(self.rows)
        at = self.columns.index(name)
        return [row[at].strip() for row in self.rows]

    def below(self, number: int) -> Self:
        """Return the table whose names stand in a row of this one."""
        names = tuple(cell.strip() for cell in self.rows[number])
        return replace(
            self, columns=names, rows=self.rows[number + 1 :], lines=self.lines[number + 1 :]
        )

    def of_rows(self, kept: Sequence[int]) -> Self:
        """Return the table with some of its rows."""
        rows = tuple(self.rows[number] for number in kept)
        return replace(self, rows=rows, lines=tuple(self.lines[number] for number in kept))


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
        separator, skipped, text = head.strip()[-1], 1, rest
    else:
        separator, skipped, text = _separated(text)
    csv.field_size_limit(LARGEST_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        lines = ((skipped + reader.line_num, line) for line in reader if any(line))
        columns = tuple(cell.strip() for cell in next(lines, (0, []))[1])
        table = _table(name, columns, list(lines))
    except csv.Error as exc:
        raise SourceUnreadable(
            "{name} is not a table: {why}.", "Save it as CSV again.", name=name, why=exc
        ) from exc
    if not table.rows or not any(columns):
        raise SourceUnreadable(
            "{name} has no rows.", "It needs a line of column names and a line an image.", name=name
        )
    return table


def _separated(text: str) -> tuple[str, int, str]:
    """Return what separates columns, how many lines stand above those that have it, and the rest.

    A title has no column.
    """
    start = 0
    for skipped in range(MOST_TITLES):
        end = text.find("\n", start) % (len(text) + 1)
        head = text[start:end]
        separator = max(SEPARATORS, key=head.count)
        if separator in head:
            return separator, skipped, text[start:]
        start = end + 1
    return SEPARATORS[0], 0, text


def _table(name: str, columns: tuple[str, ...], lines: list[tuple[int, list[str]]]) -> TextTable:
    """Return the rows, each as wide as the head, and how many were wider."""
    width = len(columns)
    rows = tuple(tuple(line[:width]) + ("",) * (width - len(line)) for _, line in lines)
    ragged = sum(any(cell.strip() for cell in line[width:]) for _, line in lines)
    return TextTable(name, columns, rows, ragged, tuple(number for number, _ in lines))


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
    if any(each.startswith(SPREADSHEET_PARTS) for each in members):
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
