"""How long a phantom of 1024 pixels takes."""

import statistics
from collections.abc import Iterator
from time import perf_counter

from bench.row import Row
from hilum.memory import keep_freed_memory
from hilum.phantom import make

SEEDS = range(1, 9)
TURNS = 6


def rows() -> Iterator[Row]:
    """Measure the wall: the quickest of several turns for each seed, and the mean of seeds.

    The quickest, for whatever else the machine does only adds to it. The process keeps the
    memory that it frees, as that of ``hilum phantom`` does.
    """
    keep_freed_memory()
    make(SEEDS[0])
    quickest = dict.fromkeys(SEEDS, float("inf"))
    for _ in range(TURNS):
        for seed in SEEDS:
            start = perf_counter()
            make(seed)
            quickest[seed] = min(quickest[seed], (perf_counter() - start) * 1000)
    yield Row(
        f"a phantom of 1024 pixels, mean of {len(SEEDS)} seeds, {TURNS} turns each",
        statistics.mean(quickest.values()),
        "ms",
        limit=150,
    )
    yield Row("the slowest of these seeds", max(quickest.values()), "ms")
