"""The results of a dataset run: a folder of Parquet files, each of which is whole or not there.

Each part has the rows of some sources, and names the run that made it: what was read with
another model or other settings is never mixed in. Which sources are done is what the parts
say, so that a run that ended anyhow goes on where it was.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from hilum.dataset import schema
from hilum.dataset.record import Row
from hilum.errors import PartDamaged, SourceUnreadable
from hilum.files.atomic import interrupted, replacing
from hilum.files.candidate import printable
from hilum.files.errors import read_errors

PATTERN: Final = "part-*.parquet"
LEFT_ASIDE: Final = "part-*.parquet.part"
"""What a process that was killed was about to write."""

ABOUT: Final = b"hilum"
"""Key of the description of the run among a part's metadata."""

DIGITS: Final = 32
"""Of the hash in a part's name."""


@dataclass(frozen=True, slots=True)
class DatasetRun:
    """Everything that two runs must have in common for their rows to belong together."""

    labels: tuple[str, ...]
    """What the model reads, in its card's order."""
    about: Mapping[str, Any]
    """Model, operating points, version of hilum and settings, as JSON can hold them."""

    @classmethod
    def of_metadata(cls, text: bytes) -> Self:
        """Return the run of a part."""
        about = json.loads(text)
        return cls(tuple(about["operating_points"]), about)

    @property
    def metadata(self) -> bytes:
        """The description as a part has it."""
        return json.dumps(self.about, ensure_ascii=False).encode()

    def differs_in(self, other: Self) -> list[str]:
        """Return what of the two descriptions differs, by name."""
        names = {*self.about, *other.about}
        return sorted(name for name in names if self.about.get(name) != other.about.get(name))

    def part_name(self, sources: Iterable[str]) -> str:
        """Return the name of the part with the rows of these sources."""
        said = hashlib.sha256(self.metadata)
        for source in sources:
            said.update(b"\0" + source.encode())
        return f"part-{said.hexdigest()[:DIGITS]}.parquet"


@dataclass(frozen=True, slots=True)
class DatasetPart:
    """What one part holds."""

    path: Path
    run: DatasetRun
    table: Any
    """`pyarrow.Table` of the columns that were asked for."""


def write_part(folder: Path, run: DatasetRun, rows: Sequence[Row]) -> Path:
    """Write rows as one part; return its path.

    Raises
    ------
    SourceUnreadable
        The folder cannot be written to, e.g. because its disk is full.
    """
    path = folder / run.part_name(row["path"] for row in rows)
    _write(path, run, rows)
    return path


def drop_rows(part: DatasetPart, status: str) -> None:
    """Take the rows of one status out of a part; one that has no others is removed.

    Raises
    ------
    SourceUnreadable
        It cannot be read or written.
    """
    rows = read_part(part.path).table.to_pylist()
    if kept := [row for row in rows if row["status"] != status]:
        _write(part.path, part.run, kept)
        return
    with read_errors(printable(str(part.path))):
        part.path.unlink()


def _write(path: Path, run: DatasetRun, rows: Sequence[Row]) -> None:
    pa = schema.arrow()
    described = schema.arrow_schema(run.labels).with_metadata({ABOUT: run.metadata})
    table = pa.Table.from_pylist(list(rows), schema=described)
    content = BytesIO()
    pa.parquet.write_table(table, content, compression="zstd", write_page_checksum=True)
    try:
        with replacing(path, path.with_name(path.name + ".part")) as file:
            file.write(content.getbuffer())
    except OSError as exc:
        raise interrupted(path, exc) from exc


def read_part(path: Path, columns: Sequence[str] | None = None) -> DatasetPart:
    """Read one part.

    Parameters
    ----------
    columns
        Names of the columns to read; None for all.

    Raises
    ------
    PartDamaged
        It is cut off or damaged, or was not written by a dataset run.
    SourceUnreadable
        It cannot be opened.
    """
    pa = schema.arrow()
    name = printable(str(path))
    with read_errors(name):
        content = path.read_bytes()
    try:
        file = pa.parquet.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        run = DatasetRun.of_metadata(file.schema_arrow.metadata[ABOUT])
        return DatasetPart(path, run, file.read(columns=columns))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as exc:
        raise PartDamaged(
            "{name} is cut off or damaged.",
            "Run hilum dataset run again: it reads the images of this part anew.",
            name=name,
        ) from exc


def parts_in(folder: Path) -> list[Path]:
    """Return the parts in a folder, in the order of their names."""
    return sorted(folder.glob(PATTERN))


def resume(folder: Path, run: DatasetRun) -> Iterator[DatasetPart | Path]:
    """Yield the parts of an earlier run, with path and status; of a damaged one, removed, its path.

    Raises
    ------
    SourceUnreadable
        The folder has results of another model or of other settings, or cannot be changed.
    """
    for path in parts_in(folder):
        try:
            part = read_part(path, ["path", "status"])
        except PartDamaged:
            with read_errors(printable(str(path))):
                path.unlink()
            yield path
            continue
        if part.run != run:
            raise other_run(folder, part.run, run)
        yield part
    for left in folder.glob(LEFT_ASIDE):
        with read_errors(printable(str(left))):
            left.unlink()


def other_run(folder: Path, there: DatasetRun, wanted: DatasetRun) -> SourceUnreadable:
    """Return the error for a folder with results that differ from those to be made."""
    return SourceUnreadable(
        "{folder} has results of another run: {names} differ.",
        "Choose another folder for these results, or the model and settings of that run.",
        folder=printable(str(folder)),
        names=", ".join(there.differs_in(wanted)),
    )


def read_results(folder: Path, columns: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read the results of a run back, column by column.

    Parameters
    ----------
    columns
        Names of the columns to read; None for all. See `hilum.dataset.schema`.

    Returns
    -------
    dict of str to NDArray
        Name → values, shape ``(images,)``, in no order: float32 (NaN for none), bool (False for
        none), or objects: texts (``""`` for none) and lists of texts.

    Raises
    ------
    SourceUnreadable
        The folder has no results, or those of several runs, or one of its parts cannot be
        read.
    """
    pa = schema.arrow()
    paths = parts_in(folder)
    if not paths:
        raise SourceUnreadable(
            "{folder} has no results of a dataset run.",
            "Give the folder that was named with --out.",
            folder=printable(str(folder)),
        )
    wanted = None if columns is None else list(columns)
    parts = [read_part(path, wanted) for path in paths]
    run = parts[0].run
    for part in parts:
        if part.run != run:
            raise other_run(folder, part.run, run)
    table = pa.concat_tables([part.table for part in parts])
    return {name: _values(table[name]) for name in table.column_names}


def _values(column: Any) -> NDArray[Any]:
    """Return a column as an array; see `read_results`."""
    kind = str(column.type)
    if kind == "bool":
        return np.asarray(column.fill_null(fill_value=False).to_numpy(), dtype=bool)
    if kind in {"float", "int32"}:
        return np.asarray(column.to_numpy(), dtype=np.float32)
    values = np.empty(len(column), dtype=object)
    values[:] = [each if each is not None else "" for each in column.to_pylist()]
    return values
