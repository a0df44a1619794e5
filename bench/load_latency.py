"""How long after an image was accepted its last result is in the PACS."""

import math
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from bench.load_images import SHARED_MEMORY, Image, Images, chest
from bench.load_node import LOOK_S, STAT, Node, wait_until
from bench.load_senders import Send, crowd, sending
from bench.row import Row

IDLE_IMAGES: Final = 40
PER_S: Final = 2.0
POISSON_S: Final = 60.0
WARM_UP: Final = 3
QUIET_S: Final = 1.0
"""Between two images to an idle node."""

SETTLE_S: Final = 5.0
"""After the first result of an image all are there, on any machine."""

CROWD: Final = 160
"""Routine images that fill the queue for those that are urgent."""

URGENT: Final = 8
"""Urgent images that come while the queue is full."""

URGENT_EVERY_S: Final = 1.5
FULL: Final = 20
"""Routine images that have to wait at least, for the queue to count as full."""

IDLE_P50_MS: Final = 400
IDLE_P95_MS: Final = 800
STAT_P95_MS: Final = 1200


@dataclass
class Watch:
    """Notes when an image has all its results; for one thread beside those who send.

    Attributes
    ----------
    node
        Whose PACS is asked, every 10 ms.
    objects
        How many there are with the results.
    """

    node: Node
    objects: int
    took_s: list[float] = field(default_factory=list)
    _waiting: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, image: Image, accepted: float) -> None:
        """Begin to wait for the results of an image."""
        with self._lock:
            self._waiting[image.study_id] = accepted

    def look(self) -> bool:
        """Ask once for each that is waited for; return whether none is left."""
        with self._lock:
            waiting = list(self._waiting.items())
        for study, accepted in waiting:
            if self.node.objects_of(study) >= self.objects:
                self.took_s.append(time.perf_counter() - accepted)
                with self._lock:
                    del self._waiting[study]
        return not self._waiting

    def wait(self, look_s: float = LOOK_S) -> None:
        """Ask until none is left."""
        wait_until(self.look, self.node.program, look_s)


def warmed_up(node: Node, images: Images) -> int:
    """Let the first images pass; return how many objects there are of each with its results."""
    objects = 0
    with sending(node.dicom_port) as send:
        for image in islice(images, WARM_UP):
            send(image)
            wait_until(lambda: node.objects_of(image.study_id) > 1, node.program)  # noqa: B023
            time.sleep(SETTLE_S)  # the rest of its results
            objects = node.objects_of(image.study_id)
    return objects


def latency_rows(node: Node, objects: int) -> Iterator[Row]:
    """Measure one at a time, at random, and the urgent ones among many."""
    yield from idle_rows(node, objects)
    yield from poisson_rows(node, objects)
    yield from urgent_rows(node, objects)


def idle_rows(node: Node, objects: int) -> Iterator[Row]:
    """Measure one at a time; each has so many objects with its results."""
    one_by_one = Watch(node, objects)
    with sending(node.dicom_port) as send:
        for image in islice(chest(), IDLE_IMAGES):
            one_by_one.expect(image, send(image))
            one_by_one.wait()
            time.sleep(QUIET_S * random.random())  # not in step with what is polled
    yield from _percentiles("idle node", one_by_one, IDLE_P50_MS, IDLE_P95_MS)


def poisson_rows(node: Node, objects: int) -> Iterator[Row]:
    """Measure those that come at random."""
    at_random = Watch(node, objects)
    with sending(node.dicom_port) as send:
        _poisson(at_random, send, chest())
        at_random.wait()
    yield from _percentiles(f"{PER_S:g} images a second, Poisson", at_random)


def urgent_rows(node: Node, objects: int) -> Iterator[Row]:
    """Measure the urgent ones among many."""
    urgent = _urgent(node, chest(), objects)
    yield from _percentiles("STAT, the queue full of others", urgent, p95=STAT_P95_MS)


def _poisson(watch: Watch, send: Send, images: Images) -> None:
    """Send at random moments for a minute, and watch meanwhile."""

    def run() -> None:
        due = time.perf_counter()
        until = due + POISSON_S
        while (due := due + random.expovariate(PER_S)) < until:
            time.sleep(max(0.0, due - time.perf_counter()))
            image = next(images)
            watch.expect(image, send(image))

    sender = threading.Thread(target=run)
    sender.start()
    while sender.is_alive():
        watch.look()
        time.sleep(LOOK_S)
    sender.join()


def _urgent(node: Node, images: Images, objects: int) -> Watch:
    """Fill the queue, then send urgent images now and then."""
    watch = Watch(node, objects)
    before = node.instances()
    routine = list(islice(images, CROWD))
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), node.dicom_port, routine, senders=4),
        sending(node.dicom_port, aet=STAT) as send,
    ):
        node.wait_for(before + FULL)
        for image in islice(images, URGENT):
            watch.expect(image, send(image))
            until = time.perf_counter() + URGENT_EVERY_S
            while time.perf_counter() < until:
                watch.look()
                time.sleep(LOOK_S)
        watch.wait()
    still_waiting = before + objects * (CROWD + URGENT) - node.instances()
    if still_waiting <= 0:
        raise RuntimeError("the queue ran empty before the last urgent image was read")
    node.wait_for(before + objects * (CROWD + URGENT), look_s=0.1)
    return watch


def _percentiles(
    what: str, watch: Watch, p50: float | None = None, p95: float | None = None
) -> Iterator[Row]:
    took = sorted(watch.took_s)
    title = f"accepted to stored, {what}"
    yield Row(f"{title}: p50", 1000 * share_of(took, 0.5), "ms", limit=p50)
    yield Row(f"{title}: p95", 1000 * share_of(took, 0.95), "ms", limit=p95)


def share_of(ordered: list[float], share: float) -> float:
    """Return the value that so large a share of the others do not exceed (nearest rank)."""
    return ordered[math.ceil(share * len(ordered)) - 1]
