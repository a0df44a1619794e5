"""How long a phantom of 1024 pixels takes."""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from time import perf_counter

from bench.row import Row
from hilum.phantom import make
from hilum.runtime.memory import keep_freed_memory

SEEDS = range(1, 9)
TURNS = 12

AS_THE_COMMAND = "import hilum.cli; from bench.phantom import measure; measure()"
"""A process with the settings of ``hilum phantom``: BLAS with one thread, before numpy loads."""


def rows() -> Iterator[Row]:
    """Measure the wall: the quickest of several turns for each seed, and the mean of seeds.

    The quickest, for whatever else the machine does only adds to it.
    """
    done = subprocess.run(
        [sys.executable, "-c", AS_THE_COMMAND], capture_output=True, text=True, check=True
    )
    turns: list[list[float]] = json.loads(done.stdout)
    quickest = [min(turn) for turn in turns]
    yield Row(
        f"a phantom of 1024 pixels, mean of {len(SEEDS)} seeds, quickest of {TURNS} turns",
        statistics.mean(quickest),
        "ms",
        limit=150,
    )
    yield Row("the slowest of these seeds", max(quickest), "ms")
    median = statistics.mean(statistics.median(turn) for turn in turns)
    yield Row("mean of these seeds, median of the turns", median, "ms")


def measure() -> None:
    """Print the milliseconds of each turn, a list for each seed, as JSON.

    The process keeps the memory that it frees, as that of ``hilum phantom`` does.
    """
    keep_freed_memory()
    make(SEEDS[0])
    turns: list[list[float]] = [[] for _ in SEEDS]
    for _ in range(TURNS):
        for seed, times in zip(SEEDS, turns, strict=True):
            start = perf_counter()
            make(seed)
            times.append((perf_counter() - start) * 1000)
    sys.stdout.write(json.dumps(turns))
