"""How long a node takes from its start until it can read, weights and database in place."""

import statistics
import time
from collections.abc import Iterator
from typing import Final

from bench.load_node import Node
from bench.row import Row

STARTS: Final = 5


def start_rows(node: Node) -> Iterator[Row]:
    """Stop the node and start it again, a few times; its PACS starts with it."""
    program, taken_ms = node.program, []
    for _ in range(STARTS):
        program.end()
        begin = time.perf_counter()
        program.start()
        program.wait_until_ready()
        taken_ms.append(1000 * (time.perf_counter() - begin))
    yield Row(f"start to ready: median of {STARTS}", statistics.median(taken_ms), "ms", limit=2000)
