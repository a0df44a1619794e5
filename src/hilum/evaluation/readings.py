"""What a model said of many images, from any of the files that hilum writes."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import isnan, nan
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilum.eligibility import Reason
from hilum.errors import SourceUnreadable
from hilum.evaluation.intervals import Bools, Floats
from hilum.evaluation.label_files import TextTable, read_table
from hilum.evaluation.label_table import Fact
from hilum.files.errors import read_errors
from hilum.outcome import Status

SCHEMA: Final = "hilum.reading/"
MODEL_COLUMNS: Final = {
    "model": "model",
    "version": "model_version",
    "sha256": "model_sha256",
    "operating_points": "operating_points",
    "pipeline": "pixel_pipeline",
}
"""Field of `ReadingTable` → column; what is the same in every row of one set of readings."""

UIDS: Final = ("sop_instance_uid", "study_instance_uid")
VALUES: Final = ("raw", "score", "positive")

NO_IMAGE: Final = "not_an_image"
"""Code of the reason of a file that is none."""

BETWEEN_REASONS: Final = re.compile(r"; (?=\w+: )")
"""Parts the reasons of a cell: their texts may hold semicolons, too."""

DATASET_FACTS: Final[Mapping[Fact, str]] = {
    Fact.PATIENT: "patient",
    Fact.SEX: "sex",
    Fact.AGE: "age_years",
    Fact.VIEW: "view",
    Fact.MANUFACTURER: "manufacturer",
    Fact.DATE: "study_month",
}
"""Fact → its column in the results of a dataset run."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadingTable:
    """Readings of one model, one row an image that it analyzed.

    Attributes
    ----------
    raw, score, positive
        Shape ``(images, findings)``; NaN where a finding was not read.
    flow
        Status → files, all that arrived.
    reasons
        Reason of a refusal or failure, in the words of the readings → files.
    """

    source: str
    model: str
    version: str
    sha256: str
    operating_points: str
    pipeline: str
    demonstration: bool
    labels: tuple[str, ...]
    raw: Floats
    score: Floats
    positive: Bools
    paths: tuple[str, ...]
    instances: tuple[str, ...]
    studies: tuple[str, ...]
    """SOP and Study Instance UID of each image, ``""`` of a picture."""
    flow: Mapping[str, int]
    reasons: Mapping[Reason, int]
    facts: Mapping[Fact, Sequence[str]] = field(default_factory=dict)
    """Of each image, what the readings say beside the findings."""
    accessions: Sequence[str] = ()
    """Accession number of each image; none where the readings do not say."""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def no_images(self) -> int:
        """Files that are no image at all, such as a list beside them."""
        return sum(count for reason, count in self.reasons.items() if reason.code == NO_IMAGE)

    @property
    def arrived(self) -> int:
        """Images that were to be analyzed, whatever became of them."""
        return sum(self.flow.values()) - self.no_images

    @property
    def title(self) -> str:
        """What tells it from other readings."""
        return f"{self.model} {self.version}, {self.pipeline}, {self.operating_points}"


def read_readings(path: Path) -> ReadingTable:
    """Read the JSON or CSV of ``hilum read``.

    Raises
    ------
    SourceUnreadable
        It is neither, was cut off, or has no image that was analyzed.
    """
    with read_errors(path.name), path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"{"):
        return of_document(_document(path), path.name)
    table = read_table(path)
    if not {"path", "status", *MODEL_COLUMNS.values()} <= set(table.columns):
        raise _another(path.name)
    return of_csv(table)


def _document(path: Path) -> dict[str, Any]:
    """Return a reading document, whole.

    Raises
    ------
    SourceUnreadable
        It is cut off, or another document.
    """
    with read_errors(path.name):
        content = path.read_bytes()
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise SourceUnreadable(
            "{name} is cut off or damaged.",
            "Give the same hilum read command again: it resumes where it stopped.",
            name=path.name,
        ) from exc
    if not str(document.get("schema")).startswith(SCHEMA):
        raise _another(path.name)
    return dict(document)


def of_document(document: Mapping[str, Any], source: str) -> ReadingTable:
    """Return the readings of a document of ``hilum read --json``.

    Raises
    ------
    SourceUnreadable
        No image in it was analyzed, or it is not such a document.
    """
    try:
        rows, model = document["readings"], document["model"]
        found = [
            {each["label"]: each for each in row["findings"]}
            if row["status"] == Status.READ
            else {}
            for row in rows
        ]
        labels = next(filter(None, found), {})
        if any(each.keys() != labels.keys() for each in found if each):
            raise _mixed(source)
        same = {
            "model": model["name"],
            "model_version": model["version"],
            "model_sha256": model["sha256"],
            "operating_points": model["operating_points"],
            "demonstration": bool(model["demonstration"]),
            "pixel_pipeline": document["pixel_pipeline"],
        }
        columns = {
            **{name: [value] * len(rows) for name, value in same.items()},
            **{name: [row[name] for row in rows] for name in ("path", "status")},
            **{name: [row.get(name) or "" for row in rows] for name in UIDS},
            "reasons": [
                [Reason(each["code"], each["text"]) for each in row.get("reasons", ())]
                for row in rows
            ],
            **{
                f"{label} {kind}": [float(each[label][kind]) if each else nan for each in found]
                for label in labels
                for kind in VALUES
            },
        }
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _another(source) from exc
    return of_columns({name: _objects(cells) for name, cells in columns.items()}, source)


def of_csv(table: TextTable) -> ReadingTable:
    """Return the readings of a table of ``hilum read --csv``.

    Raises
    ------
    SourceUnreadable
        It mixes models, or a score in it is no number.
    """
    columns = {name: _objects(table.column(name)) for name in table.columns}
    for label in _labels_in(columns):
        for kind in ("raw", "score"):
            columns[f"{label} {kind}"] = _numbers(columns, f"{label} {kind}", table.name)
        columns[f"{label} positive"] = _answers(columns, f"{label} positive", table.name)
    demonstration = table.column("demonstration")
    columns["demonstration"] = _objects([cell.casefold() == "true" for cell in demonstration])
    columns["reasons"] = _objects([_reasons_in(cell) for cell in table.column("reasons")])
    for name in ("path", *UIDS):
        columns[name] = _objects([cell.removeprefix("'") for cell in table.column(name)])
    return of_columns(columns, table.name)


def _reasons_in(cell: str) -> list[Reason]:
    """Return the reasons of a cell of the CSV: ``code: text; code: text``."""
    parts = (part.partition(": ") for part in BETWEEN_REASONS.split(cell))
    return [Reason(code, text) for code, _, text in parts if text]


def _objects(cells: Sequence[Any]) -> NDArray[Any]:
    """Return cells as an array, also those that are lists."""
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


def _answers(columns: Mapping[str, NDArray[Any]], name: str, source: str) -> Bools:
    """Return a column of true and false, which spreadsheets write in capitals."""
    said = [cell.casefold() for cell in columns[name]]
    if not set(said) <= {"true", "false", ""}:
        raise _changed(source, name)
    return np.array([cell == "true" for cell in said])


def _changed(source: str, column: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{source} has in the column {column!r} what hilum read does not write.",
        "Give the CSV as hilum read wrote it: spreadsheets change numbers on saving.",
        source=source,
        column=column,
    )


def _numbers(columns: Mapping[str, NDArray[Any]], name: str, source: str) -> Floats:
    try:
        return np.array([float(cell) if cell else nan for cell in columns[name]])
    except (KeyError, ValueError) as exc:
        raise _changed(source, name) from exc


def _labels_in(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the findings of which there are a score and whether it is positive."""
    names = list(columns)
    found = [name.removesuffix(" score") for name in names if name.endswith(" score")]
    return tuple(label for label in found if f"{label} positive" in names)


def of_run(columns: Mapping[str, NDArray[Any]], source: str) -> ReadingTable:
    """Return the readings of a dataset run; see `hilum.dataset.schema`.

    Raises
    ------
    SourceUnreadable
        It has those of several models, or no image in it was analyzed.
    """
    reasons = [
        [Reason(*each) for each in zip(codes, text.split("; ", len(codes) - 1), strict=False)]
        for codes, text in zip(columns["reasons"], columns["reason_text"], strict=True)
    ]
    return of_columns({**columns, "reasons": _objects(reasons)}, source)


def of_columns(columns: Mapping[str, NDArray[Any]], source: str) -> ReadingTable:
    """Return the readings of a table by columns, with a list of `Reason` for each image.

    Raises
    ------
    SourceUnreadable
        It mixes models, or no image in it was analyzed.
    """
    read = np.asarray(columns["status"] == Status.READ)
    labels = _labels_in(columns)
    if not labels or not read.any():
        raise SourceUnreadable(
            "{name} has no image that was analyzed.",
            "Look at its reasons, e.g. with hilum read on one of the files.",
            name=source,
        )
    about: dict[str, Any] = {}
    for field_name, name in MODEL_COLUMNS.items():
        about[field_name], *others = {str(each) for each in columns[name][read]}
        if others:
            raise _mixed(source)

    def stacked(kind: str, dtype: type) -> NDArray[Any]:
        return np.stack([columns[f"{label} {kind}"][read] for label in labels], 1).astype(dtype)

    return ReadingTable(
        source=source,
        demonstration=bool(np.any(columns["demonstration"])),
        labels=labels,
        raw=stacked("raw", float),
        score=stacked("score", float),
        positive=stacked("positive", bool),
        paths=tuple(map(str, columns["path"][read])),
        instances=tuple(map(str, columns["sop_instance_uid"][read])),
        studies=tuple(map(str, columns["study_instance_uid"][read])),
        flow=Counter(map(str, columns["status"])),
        reasons=Counter(chain.from_iterable(columns["reasons"][~read])),
        facts={
            fact: [_fact(each) for each in columns[name][read]]
            for fact, name in DATASET_FACTS.items()
            if name in columns
        },
        **about,
    )


def _fact(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "" if isnan(value) else f"{value:g}"
    return str(value)


def _another(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{name} is not what hilum read or hilum dataset run writes.",
        "Give the file of --json or --csv, or the folder of --out.",
        name=name,
    )


def _mixed(source: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{name} mixes readings of different models or settings.",
        "Give one file for each; --with compares two.",
        name=source,
    )
