"""Lists of sources: a column of a CSV or Parquet file, or the lines of a text file."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from hilum.dataset import schema
from hilum.errors import SourceUnreadable
from hilum.files.candidate import Candidate, printable
from hilum.files.errors import read_errors
from hilum.files.find import file_candidate, find_candidates
from hilum.files.remote import is_address, object_candidate

SUFFIXES: Final = (".csv", ".tsv", ".parquet", ".txt")
"""Of files that are lists, not images."""

COLUMNS: Final = ("path", "file", "filename", "file_name", "image", "image_path", "source", "url")
"""Names that a column of paths has, in lower case, the best first."""

LOOKED_AT: Final = 100
"""If none of so many sources is there, the list was written for another folder."""


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How lists are read."""

    column: str | None = None
    """Name of the column with the paths; None finds it."""
    root: Path | None = None
    """What relative paths are relative to; None is the folder of the list."""


def is_list(path: Path) -> bool:
    """Whether a file is a list of sources, by its name."""
    return path.suffix.casefold() in SUFFIXES and path.is_file()


def listed(file: Path, options: ListOptions) -> Iterator[Candidate]:
    """Yield the sources that a list names, in its order; only ZIP archives are opened.

    Raises
    ------
    SourceUnreadable
        The list cannot be read, has no column of paths, or none of its first sources is
        there.
    """
    root = file.parent if options.root is None else options.root
    entries = (each.strip() for each in _entries(file, options.column))
    sources = (
        each if is_address(each) else str((root / each).absolute()) for each in entries if each
    )
    first = list(islice(sources, LOOKED_AT))
    if not first:
        raise SourceUnreadable(
            "{name} names no sources.", "Give a list with one path a row.", name=_shown(file)
        )
    if not any(is_address(each) or os.path.lexists(each) for each in first):
        raise SourceUnreadable(
            "{name}: none of the first {count} sources exists, e.g. {example}.",
            "Say with --root what the paths are relative to.",
            name=_shown(file),
            count=len(first),
            example=printable(first[0]),
        )
    for sequence in (first, sources):
        for source in sequence:
            yield from _candidates(source)


def _candidates(source: str) -> Iterator[Candidate]:
    if is_address(source):
        yield object_candidate(source)
    elif source.casefold().endswith(".zip"):
        yield from find_candidates([source])
    else:
        yield file_candidate(Path(source))


def _entries(file: Path, column: str | None) -> Iterator[str]:
    if file.suffix.casefold() == ".parquet":
        yield from _of_parquet(file, column)
        return
    try:
        with read_errors(_shown(file)), file.open(encoding="utf-8-sig", newline="") as stream:
            if file.suffix.casefold() == ".txt":
                yield from stream
            else:
                yield from _of_csv(file, stream, column)
    except (UnicodeDecodeError, csv.Error) as exc:
        raise SourceUnreadable(
            "{name} is no CSV file in UTF-8.", "Save it as CSV (UTF-8).", name=_shown(file)
        ) from exc


def _of_csv(file: Path, stream: Iterator[str], column: str | None) -> Iterator[str]:
    head = next(stream, "")
    separator = max("\t;,", key=head.count)
    names = next(csv.reader([head], delimiter=separator), [])
    place = names.index(_column(file, names, column))
    for row in csv.reader(stream, delimiter=separator):
        if len(row) > place:
            yield row[place]


def _of_parquet(file: Path, column: str | None) -> Iterator[str]:
    pa = schema.arrow()
    try:
        with read_errors(_shown(file)):
            table = pa.parquet.ParquetFile(file)
    except ValueError as exc:
        raise SourceUnreadable(
            "{name} is cut off, or is no Parquet file.", "Copy it again.", name=_shown(file)
        ) from exc
    name = _column(file, list(table.schema_arrow.names), column)
    for batch in table.iter_batches(columns=[name]):
        yield from (str(each) for each in batch.column(0).to_pylist() if each is not None)


def _column(file: Path, names: list[str], wanted: str | None) -> str:
    """Return the name of the column with the paths."""
    by_name = {name.strip().casefold(): name for name in reversed(names)}
    looked_for = COLUMNS if wanted is None else (wanted.casefold(),)
    found = [by_name[each] for each in looked_for if each in by_name]
    if not found and wanted is None and len(names) == 1:
        found = names
    if not found:
        raise SourceUnreadable(
            "{name} has no column {column}; it has {columns}.",
            "Say with --column which of them has the paths.",
            name=_shown(file),
            column=wanted or COLUMNS[0],
            columns=", ".join(map(printable, names)) or "—",
        )
    return found[0]


def _shown(file: Path) -> str:
    return printable(str(file))
