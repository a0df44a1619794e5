"""How many images a second a node reads for good, and who needs the processor for it."""

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from bench.load_images import SHARED_MEMORY, Images, chest
from bench.load_latency import warmed_up
from bench.load_node import Node
from bench.load_processes import costs, family
from bench.load_senders import crowd, sending
from bench.row import Row
from bench.yardstick import network_alone_ms

IMAGES: Final = 300
SENDERS: Final = (1, 4, 16)
PER_S: Final = 8.0


def rate_rows(node: Node) -> Iterator[Row]:
    """Measure with few and many senders."""
    images = chest()
    with sending(node.dicom_port) as send:
        objects = warmed_up(node, send, images)
    for senders in SENDERS:
        yield from _rows(node, images, objects, senders)


def _rows(node: Node, images: Images, objects: int, senders: int) -> Iterator[Row]:
    who = f"{senders} sender{'s' if senders > 1 else ''}"
    yield Row(f"{who}: before them, the network alone on each core (CPU)", network_alone_ms(), "ms")
    before = node.instances()
    groups = family(node.program.pid)
    senders_cpu = children_cpu_s()
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), node.dicom_port, list(islice(images, IMAGES)), senders),
    ):
        started = costs(groups)
        start = node.wait_for(before + 1)
        end = node.wait_for(before + objects * IMAGES, look_s=0.25)
    ended = costs(groups)
    yield Row(f"{who}: images read and stored", IMAGES / (end - start), "images/s", at_least=PER_S)
    cpu_s = {group: cost.cpu_s - started[group].cpu_s for group, cost in ended.items()}
    cpu_s["senders"] = children_cpu_s() - senders_cpu
    for group, spent in cpu_s.items():
        yield Row(f"{who}: {group}, an image (CPU)", 1000 * spent / IMAGES, "ms")
    if senders == SENDERS[-1]:
        for group, cost in ended.items():
            yield Row(f"memory afterwards: {group}", cost.memory_mib, "MiB")


def children_cpu_s() -> float:
    """Return what the programs cost that this process started and saw end."""
    times = os.times()
    return times.children_user + times.children_system
