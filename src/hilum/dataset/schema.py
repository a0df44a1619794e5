"""The columns of a dataset run's results: read from ``dataset-1.json``, beside this file."""

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

from hilum.errors import ProgramNotInstalled

FILE: Final = "dataset-1.json"


class DatasetColumn(NamedTuple):
    """One column of the results."""

    name: str
    type: str
    """By its name in Arrow: string, bool, int32, float or list<string>."""
    null: bool
    """Whether a row may have none."""
    meaning: str


@cache
def document() -> dict[str, Any]:
    """Return the schema as its file has it."""
    file = resources.files("hilum.dataset").joinpath(FILE)
    read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return read


def name() -> str:
    """Return name and major version of the schema; a change that breaks a consumer raises it."""
    return str(document()["schema"])


def columns(labels: Sequence[str]) -> tuple[DatasetColumn, ...]:
    """Return the columns of a run, in their order.

    Parameters
    ----------
    labels
        What the model reads, in its card's order.
    """
    fixed = [DatasetColumn(**each) for each in document()["columns"]]
    of_finding = [DatasetColumn(**each) for each in document()["finding_columns"]]
    findings = [
        each._replace(name=each.name.format(label=label)) for label in labels for each in of_finding
    ]
    return (*fixed, *findings)


def arrow() -> Any:
    """Return pyarrow.

    Raises
    ------
    ProgramNotInstalled
        It is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra: only whoever reads or writes Parquet has it
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError as exc:
        raise ProgramNotInstalled(
            "Results of datasets are Parquet files, for which pyarrow is needed.",
            "Install it: pip install 'hilum[dataset]'.",
        ) from exc
    return pa


def arrow_schema(labels: Sequence[str]) -> Any:
    """Return the schema as `pyarrow.Schema`; see `columns`.

    Raises
    ------
    ProgramNotInstalled
        pyarrow is not installed.
    """
    pa = arrow()
    types = {
        "string": pa.string(),
        "bool": pa.bool_(),
        "int32": pa.int32(),
        "float": pa.float32(),
        "list<string>": pa.list_(pa.string()),
    }
    return pa.schema(
        [pa.field(each.name, types[each.type], nullable=each.null) for each in columns(labels)]
    )
