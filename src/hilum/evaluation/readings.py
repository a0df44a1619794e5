"""What a model said of many images, from any of the files that hilum writes."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilum.errors import SourceUnreadable
from hilum.evaluation.intervals import Bools, Floats
from hilum.evaluation.label_files import TextTable, read_table
from hilum.evaluation.label_table import Fact
from hilum.files.errors import read_errors

READ: Final = "read"
"""Status of an image that was analyzed."""

SCHEMA: Final = "hilum.reading/"
MODEL_COLUMNS: Final = (
    "model",
    "model_version",
    "model_sha256",
    "operating_points",
    "pixel_pipeline",
)
"""What is the same in every row of one set of readings."""

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
        Code of a refusal or failure → files.
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
    reasons: Mapping[str, int]
    facts: Mapping[Fact, Sequence[str]] = field(default_factory=dict)
    """Of each image, what the readings say beside the findings."""

    def __len__(self) -> int:
        return len(self.paths)

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
    if not {"path", "status", "model", "model_sha256"} <= set(table.columns):
        raise SourceUnreadable(
            "{name} is not what hilum read or hilum dataset run writes.",
            "Give the file of --json or --csv, or the folder of --out.",
            name=path.name,
        )
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
        raise SourceUnreadable(
            "{name} is not what hilum read or hilum dataset run writes.",
            "Give the file of --json or --csv, or the folder of --out.",
            name=path.name,
        )
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
        done = [row for row in rows if row["status"] == READ]
        labels = tuple(finding["label"] for finding in done[0]["findings"]) if done else ()
        values = {
            kind: [[finding[kind] for finding in row["findings"]] for row in done]
            for kind in ("raw", "score", "positive")
        }
        if any({finding["label"] for finding in row["findings"]} != set(labels) for row in done):
            raise _mixed(source)
        about = {
            "model": model["name"],
            "version": model["version"],
            "sha256": model["sha256"],
            "operating_points": model["operating_points"],
            "demonstration": bool(model["demonstration"]),
            "pipeline": document["pixel_pipeline"],
        }
        names = {
            "paths": tuple(str(row["path"]) for row in done),
            "instances": tuple(row.get("sop_instance_uid") or "" for row in done),
            "studies": tuple(row.get("study_instance_uid") or "" for row in done),
        }
        reasons = Counter(
            reason["code"] for row in rows if row["status"] != READ for reason in row["reasons"]
        )
        flow = Counter(row["status"] for row in rows)
    except (KeyError, TypeError, IndexError) as exc:
        raise SourceUnreadable(
            "{name} is not what hilum read or hilum dataset run writes.",
            "Give the file of --json or --csv, or the folder of --out.",
            name=source,
        ) from exc
    return _made(source, labels, values, {**about, **names, "flow": flow, "reasons": reasons})


def of_csv(table: TextTable) -> ReadingTable:
    """Return the readings of a table of ``hilum read --csv``.

    Raises
    ------
    SourceUnreadable
        It mixes models, or a score in it is no number.
    """
    columns = {name: np.array(table.column(name), dtype=object) for name in table.columns}
    read = columns["status"] == READ
    for label in _labels_in(columns):
        for kind in ("raw", "score"):
            columns[f"{label} {kind}"] = _numbers(columns, f"{label} {kind}", table.name)
        columns[f"{label} positive"] = columns[f"{label} positive"] == "true"
    columns["demonstration"] = columns.get("demonstration", np.array([""])) == "true"
    for name in ("path", "sop_instance_uid", "study_instance_uid"):
        columns[name] = np.array(
            [cell.removeprefix("'") for cell in columns.get(name, np.full(len(read), ""))],
            dtype=object,
        )
    return of_columns(columns, table.name)


def _numbers(columns: Mapping[str, NDArray[Any]], name: str, source: str) -> Floats:
    try:
        return np.array([float(cell) if cell else math.nan for cell in columns[name]])
    except (KeyError, ValueError) as exc:
        raise SourceUnreadable(
            "{source} has no numbers in the column {column!r}.",
            "Give the CSV as hilum read wrote it: spreadsheets change numbers on saving.",
            source=source,
            column=name,
        ) from exc


def _labels_in(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the findings of which there are a score and whether it is positive."""
    names = list(columns)
    found = [name.removesuffix(" score") for name in names if name.endswith(" score")]
    return tuple(label for label in found if f"{label} positive" in names)


def of_columns(columns: Mapping[str, NDArray[Any]], source: str) -> ReadingTable:
    """Return the readings of a table by columns, as a dataset run's results are.

    Raises
    ------
    SourceUnreadable
        It mixes models, or no image in it was analyzed.
    """
    read = np.asarray(columns["status"] == READ)
    labels = _labels_in(columns)
    values = {
        kind: np.stack([columns[f"{label} {kind}"][read] for label in labels], axis=1)
        if labels
        else np.zeros((0, 0))
        for kind in ("raw", "score", "positive")
    }
    about: dict[str, Any] = {}
    for name in MODEL_COLUMNS:
        different = {str(each) for each in columns[name][read]}
        if len(different) > 1:
            raise _mixed(source)
        about[name] = next(iter(different), "")
    facts = {
        fact: [_fact(each) for each in columns[name][read]]
        for fact, name in DATASET_FACTS.items()
        if name in columns
    }
    refused = (
        columns.get("reasons", np.zeros(0, dtype=object))[~read] if "reasons" in columns else []
    )
    return _made(
        source,
        labels,
        values,
        {
            "model": about["model"],
            "version": about["model_version"],
            "sha256": about["model_sha256"],
            "operating_points": about["operating_points"],
            "pipeline": about["pixel_pipeline"],
            "demonstration": bool(np.asarray(columns["demonstration"]).any()),
            "paths": tuple(map(str, columns["path"][read])),
            "instances": tuple(map(str, columns["sop_instance_uid"][read])),
            "studies": tuple(map(str, columns["study_instance_uid"][read])),
            "flow": Counter(map(str, columns["status"])),
            "reasons": Counter(code for each in refused for code in _codes(each)),
            "facts": facts,
        },
    )


def _codes(reasons: object) -> list[str]:
    """Return the codes in a cell: a list, or ``code: text; code: text``."""
    if isinstance(reasons, str):
        return [part.partition(":")[0].strip() for part in reasons.split("; ") if ": " in part]
    return [str(each) for each in reasons] if isinstance(reasons, Sequence) else []


def _fact(value: object) -> str:
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{value:g}"
    return str(value)


def _made(
    source: str, labels: tuple[str, ...], values: Mapping[str, Any], about: Mapping[str, Any]
) -> ReadingTable:
    if not about["paths"] or not labels:
        raise SourceUnreadable(
            "{name} has no image that was analyzed.",
            "Look at its reasons, e.g. with hilum read on one of the files.",
            name=source,
        )
    return ReadingTable(
        source=source,
        labels=labels,
        raw=np.asarray(values["raw"], np.float64),
        score=np.asarray(values["score"], np.float64),
        positive=np.asarray(values["positive"], np.bool_),
        **about,
    )


def _mixed(source: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{name} mixes readings of different models or settings.",
        "Give one file for each; --with compares two.",
        name=source,
    )
