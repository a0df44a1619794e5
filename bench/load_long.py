"""Thousands of images in one go, and whether anything grows or slows down."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from bench.load_images import Images, small
from bench.load_node import SMALL, Node, running_node
from bench.load_senders import Send, sending
from bench.row import median_ms
from hilum.jobs.queue import Queue
from hilum.node.retrying_archive import OWN_PACS
from hilum.radiograph import ImageUIDs
from hilum.records import Connection, Database, images, worklist
from hilum.records.database import FILE, sqlite_url
from hilum.records.images import Arrived
from hilum.records.states import State, Urgency
from hilum.records.worklist import WorklistFilter

AHEAD: Final = 60
"""Images that are sent before the one that is read; the rest waits at the sender."""

PAGE: Final = 50
"""Studies on a page of the worklist."""

ASKED: Final = 15
"""Times that each question is asked; the median counts."""

LOOK_S: Final = 0.5
STUCK_S: Final = 120.0


@dataclass
class Sender:
    """Sends without end, a little ahead of what is read."""

    send: Send
    images: Images
    most: int
    stored: int = 0
    sent: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Send until all is sent or it is over."""
        while self.sent < self.most and not self.over.is_set():
            if self.sent - self.stored >= AHEAD:
                time.sleep(0.02)
                continue
            self.send(next(self.images))
            self.sent += 1


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of the node's database while it works.

    Attributes
    ----------
    database, queue
        Of the node, opened beside it.
    """

    database: Database
    queue: Queue

    def stored(self) -> int:
        """Return how many images are read for good."""
        with self.database.look() as connection:
            counts = images.counts(connection, OWN_PACS)
        wrong = {state: n for state, n in counts.items() if state in {State.FAILED, State.REFUSED}}
        if wrong:
            raise RuntimeError(f"images were not read: {wrong}")
        return counts.get(State.STORED, 0)

    def times_ms(self) -> Mapping[str, float]:
        """Return how long each question takes."""
        asked: dict[str, Callable[[Connection], object]] = {
            "page": lambda connection: worklist.page(
                connection, OWN_PACS, WorklistFilter(), size=PAGE
            ),
            "studies": lambda connection: worklist.counts(connection, OWN_PACS),
            "images": lambda connection: images.counts(connection, OWN_PACS),
            "depth": lambda connection: images.depth(connection, OWN_PACS),
        }
        found = {}
        for name, question in asked.items():
            with self.database.look() as connection:
                found[name] = median_ms(partial(question, connection), repeats=ASKED, warm_up=0)
        found["enqueue"] = median_ms(self._enqueue, repeats=ASKED, warm_up=0)
        return found

    def _enqueue(self) -> None:
        """Take an image up, and undo it."""
        now = datetime.now(UTC)
        uid = f"2.25.9{time.time_ns()}"
        with self.database.engine.connect() as connection:
            job = images.arrived(
                connection,
                Arrived(OWN_PACS, ImageUIDs(uid, uid, uid), uid, None, Urgency.ROUTINE, now),
            )
            assert job is not None
            self.queue.enqueue(connection, job, Urgency.ROUTINE, now)
            connection.rollback()


def run(count: int, every: int) -> None:
    """Send so many small radiographs; print a line for every so many.

    Raises
    ------
    RuntimeError
        An image was not read, or none was for two minutes.
    """
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hilum-load-"))
        node = stack.enter_context(running_node(Path(folder, "node"), SMALL))
        database = stack.enter_context(Database(sqlite_url(node.data / FILE)))
        questions = Questions(database, Queue(database))
        sender = Sender(stack.enter_context(sending(node.dicom_port)), small(), count)
        stack.enter_context(_running(sender))
        start = last = time.perf_counter()
        for goal in range(every, count + 1, every):
            _wait(questions, sender, goal)
            now = time.perf_counter()
            print(_line(node, questions, goal, every / (now - last)), flush=True)
            last = time.perf_counter()
        print(f"  {count} images in {(last - start) / 60:.1f} minutes", flush=True)


@contextmanager
def _running(sender: Sender) -> Iterator[None]:
    thread = threading.Thread(target=sender.run)
    thread.start()
    try:
        yield
    finally:
        sender.over.set()
        thread.join()


def _wait(questions: Questions, sender: Sender, goal: int) -> None:
    moved = time.monotonic()
    while (stored := questions.stored()) < goal:
        if stored > sender.stored:
            moved = time.monotonic()
        if time.monotonic() - moved > STUCK_S:
            raise RuntimeError(f"nothing was read for {STUCK_S:.0f} s; {stored} images are stored")
        sender.stored = stored
        time.sleep(LOOK_S)
    sender.stored = stored


def _line(node: Node, questions: Questions, goal: int, rate: float) -> str:
    memory = ", ".join(f"{who} {cost.memory_mib:.0f}" for who, cost in node.costs().items())
    times = ", ".join(f"{name} {ms:.2f}" for name, ms in questions.times_ms().items())
    size = (node.data / FILE).stat().st_size / 1024**2
    return (
        f"  {goal:6} images: {rate:5.2f} a second; MiB: {memory}, database {size:.0f}; "
        f"ms: {times}; load {os.getloadavg()[0]:.1f}"
    )
