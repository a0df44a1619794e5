"""How many images a second a node reads for good, and who needs the processor for it."""

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from bench.load_images import SHARED_MEMORY, Image, chest
from bench.load_node import Node
from bench.load_processes import costs, family
from bench.load_senders import crowd
from bench.row import Row
from bench.yardstick import network_alone_ms

IMAGES: Final = 300
SENDERS: Final = (1, 4, 16)
PER_S: Final = 10.0
MOST_MS: Final = 170.0
"""Of the processor for an image, everything together but its senders."""


def rate_rows(node: Node, objects: int, count: int = IMAGES) -> Iterator[Row]:
    """Measure with few and many senders, so many images from each number of them."""
    images = chest()
    for senders in SENDERS:
        yield from _rows(node, list(islice(images, count)), objects, senders)


def _rows(node: Node, images: list[Image], objects: int, senders: int) -> Iterator[Row]:
    who = f"{senders} sender{'s' if senders > 1 else ''}"
    yield Row(f"{who}: before them, the network alone on each core (CPU)", network_alone_ms(), "ms")
    before = node.instances()
    groups = family(node.program.pid)
    senders_cpu = children_cpu_s()
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), node.dicom_port, images, senders),
    ):
        started = costs(groups)
        start = node.wait_for(before + 1)
        end = node.wait_for(before + objects * len(images), look_s=0.25)
    ended = costs(groups)
    yield Row(
        f"{who}: images read and stored", len(images) / (end - start), "images/s", at_least=PER_S
    )
    cpu_s = {group: cost.cpu_s - started[group].cpu_s for group, cost in ended.items()}
    every = 1000 * sum(cpu_s.values()) / len(images)
    yield Row(f"{who}: everything, an image (CPU)", every, "ms", limit=MOST_MS)
    cpu_s["senders"] = children_cpu_s() - senders_cpu
    for group, spent in cpu_s.items():
        yield Row(f"{who}: {group}, an image (CPU)", 1000 * spent / len(images), "ms")
    if senders == SENDERS[-1]:
        for group, cost in ended.items():
            yield Row(f"memory afterwards: {group}", cost.memory_mib, "MiB")


def children_cpu_s() -> float:
    """Return what the programs cost that this process started and saw end."""
    times = os.times()
    return times.children_user + times.children_system
