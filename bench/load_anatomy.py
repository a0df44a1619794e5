"""The rate of a node that measures the anatomy of every tenth image, against one that does not.

``python -m bench load_anatomy``, some ten minutes. Turn about, each time a node of its own: what
is still to be measured when a round ends is left to nobody. PSPNet has arbitrary weights: it
costs the same.
"""

import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from signal import SIGKILL
from time import perf_counter, sleep
from typing import Final

from bench.image import installed
from bench.load_images import SHARED_MEMORY, chest
from bench.load_latency import warmed_up
from bench.load_node import DENSENET, Node, running_node
from bench.load_senders import crowd
from bench.row import Row
from hilum.jobs.queue import Queue
from hilum.node.retrying_archive import archive_name
from hilum.predict import find_card
from hilum.records import Database, anatomies, images
from hilum.records.database import open_database
from hilum.records.states import State
from hilum.settings import Settings

IMAGES: Final = 120
EVERY: Final = 10
LOOK_S: Final = 0.1
ROUNDS: Final = 2
SENDERS: Final = 4
NETWORK: Final = "pspnet-chestx-det"
LEAST: Final = 0.9
"""Of the rate without, which must be left."""


def ask(database: Database, queue: Queue, chosen: list[images.ImageRecord]) -> None:
    """Let the anatomy of images be measured, as a click on the page does."""
    now = datetime.now(UTC)
    with database.transaction() as connection:
        for image in chosen:
            attempt = anatomies.ask(connection, image.job, now)
            if attempt is not None:
                queue.enqueue_anatomy(connection, image.job, attempt, now)


def stored(database: Database, archive: str) -> list[images.ImageRecord]:
    """Return the images that were read, the newest first."""
    with database.look() as connection:
        return images.entries(connection, archive, {State.STORED})


def rate(node: Node, *, anatomy: bool) -> tuple[float, int]:
    """Return images a second, and of how many the anatomy was measured meanwhile."""
    source = chest()
    warmed_up(node, source)
    settings = Settings.load(data_folder=node.data)
    with (
        open_database(settings) as database,
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), node.dicom_port, list(islice(source, IMAGES)), SENDERS),
    ):
        queue, name = Queue(database), archive_name(settings)
        done = stored(database, name)
        before = len(done)
        while len(done) == before:
            sleep(LOOK_S)
            done = stored(database, name)
        began, first, asked = perf_counter(), len(done), 0
        while len(done) < before + IMAGES:
            sleep(LOOK_S)
            done = stored(database, name)
            if anatomy and len(done) - before >= EVERY * (asked + 1):
                ask(database, queue, done[:1])
                asked += 1
        ended = perf_counter()
        with database.look() as connection:
            each = (anatomies.entry(connection, name, image.uids) for image in done)
            measured = sum(found is not None and found.document is not None for found in each)
    return (before + IMAGES - first) / (ended - began), measured


def rows() -> Iterator[Row]:
    """Measure with and without, turn about."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    measured = 0
    for number in range(2 * ROUNDS):
        anatomy = number % 2 == 1
        with (
            tempfile.TemporaryDirectory(prefix="hilum-load-") as folder,
            running_node(Path(folder, "node"), DENSENET, HILUM_ANATOMY__MODE="on_click") as node,
        ):
            installed(find_card(NETWORK, node.data), node.data)
            found, count = rate(node, anatomy=anatomy)
            node.program.end(SIGKILL)  # it would wait for what is being measured
            print(f"  {'with' if anatomy else 'without'}: {found:.2f} images/s", flush=True)
        rates[anatomy].append(found)
        measured += count
    without, with_it = (statistics.median(rates[anatomy]) for anatomy in (False, True))
    yield Row(
        "images read, the anatomy of every tenth asked for",
        with_it,
        "images/s",
        without,
        "without",
        at_least=LEAST * without,
    )
    yield Row("of them measured meanwhile", measured, "images")
