"""One version of hilum and another, turn about: what both give on one machine in one hour."""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.load_images import chest
from bench.load_latency import idle_rows, urgent_rows, warmed_up
from bench.load_node import DENSENET, running_node
from bench.load_rate import rate_rows
from bench.load_start import start_rows
from bench.row import Row, line

IMAGES: Final = 100
"""Of each number of senders."""


def compare(beside: Path, turns: int) -> None:
    """Print each row of each turn, then the medians of this version and of the one beside it.

    Parameters
    ----------
    beside
        A checkout of another version; the packages of this environment have to do for both.
    turns
        How often each is measured.
    """
    versions = {"this": None, beside.name: beside.resolve()}
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(turns):
        for version, checkout in versions.items():
            print(f"\nturn {turn + 1} of {turns}, {version}", flush=True)
            for row in _rows(checkout):
                print("  " + line(row), flush=True)
                found[row.what][version].append(row)
    print(f"\nmedians of {turns}", flush=True)
    for of_versions in found.values():
        for version, rows in of_versions.items():
            median = statistics.median(row.value for row in rows)
            print(f"  {version:<16} {line(replace(rows[0], value=median))}", flush=True)


def _rows(checkout: Path | None) -> Iterator[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="hilum-load-") as folder,
        running_node(Path(folder, "node"), DENSENET, checkout=checkout) as node,
    ):
        yield from start_rows(node)
        objects = warmed_up(node, chest())
        yield from idle_rows(node, objects)
        yield from urgent_rows(node, objects)
        yield from rate_rows(node, objects, IMAGES)
