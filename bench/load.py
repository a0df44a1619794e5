"""A whole node under load: how soon it is there, how soon and how fast it reads, and how long.

One node, then several workers. ``python -m bench load`` takes some seven minutes;
``python -m bench load --long`` sends 20,000 small radiographs and takes most of an hour;
``python -m bench load --archive dicomweb`` compares a DICOMweb archive with Orthanc's REST API,
and ``python -m bench load --beside ../other`` this version with that of another checkout, turn
about, in some three minutes each.
All measure what runs beside them, too: leave the machine alone meanwhile.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import load_long, load_turns
from bench.load_archives import archive_rows
from bench.load_images import chest
from bench.load_latency import latency_rows, warmed_up
from bench.load_node import DENSENET, running_node
from bench.load_rate import rate_rows
from bench.load_start import start_rows
from bench.load_workers import worker_rows
from bench.row import Row, line


def rows() -> Iterator[Row]:
    """Measure one node with its own PACS, then workers on PostgreSQL."""
    print(f"  load of the machine before: {os.getloadavg()[0]:.1f}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="hilum-load-") as folder,
        running_node(Path(folder, "node"), DENSENET) as node,
    ):
        yield from start_rows(node)
        objects = warmed_up(node, chest())
        yield from latency_rows(node, objects)
        yield from rate_rows(node, objects)
    yield from worker_rows()


def main(arguments: list[str]) -> int:
    """Do the long run, or compare archives or versions; status 0 says that every image was read."""
    parser = argparse.ArgumentParser(prog="python -m bench load", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--long", action="store_true", help="the long run")
    what.add_argument("--archive", choices=["dicomweb"], help="this kind beside Orthanc's REST")
    what.add_argument("--beside", type=Path, help="the checkout of another version")
    parser.add_argument("--turns", type=int, default=5, help="of each version, with --beside")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--every", type=int, default=1_000, help="images between two lines")
    chosen = parser.parse_args(arguments)
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}", flush=True)
    if chosen.beside:
        load_turns.compare(chosen.beside, chosen.turns)
        return 0
    if chosen.archive:
        for row in archive_rows():
            print("  " + line(row), flush=True)
        return 0
    print(f"load --long: {chosen.images} images of 512 pixels, the small network", flush=True)
    load_long.run(chosen.images, chosen.every)
    return 0
