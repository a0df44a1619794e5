"""What the tests of the job engine share: images that arrive, steps that count, waiting."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from hilum.eligibility import Reason
from hilum.jobs.engine import Engine, Retention, Slots
from hilum.jobs.pause import Pause
from hilum.jobs.queue import Queue
from hilum.jobs.workflow import Step, StepState
from hilum.records import Database, images
from hilum.records.images import Arrived, ImageRecord, Settlement
from hilum.records.job import Job
from hilum.records.states import SETTLED, State, Urgency
from image_names import image_uids

ARCHIVE: Final = "own"
NOW: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PACE: Final = Retention(
    poll_s=0.02, forward_poll_s=0.02, beat_s=0.2, dead_after_s=1.5, reconcile_s=0.2
)
PATIENCE_S: Final = 45.0
"""Longer than anything takes on a loaded machine; reached only when it failed."""


def arrive(
    database: Database,
    queue: Queue,
    uid: str,
    urgency: Urgency = Urgency.ROUTINE,
    at: datetime = NOW,
) -> Job | None:
    """Write an image down and enqueue its job, in one transaction as the follower does."""
    with database.transaction() as connection:
        new = Arrived(ARCHIVE, image_uids(uid, "1.2"), f"id-{uid}", None, urgency, at)
        job = images.arrived(connection, new)
        if job is not None:
            queue.enqueue(connection, job, urgency, at)
        return job


def until(reached: Callable[[], bool], engine: Engine | None = None) -> None:
    """Wait until something is so; let the engine do what is due meanwhile."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "it did not happen"
        if engine is not None:
            engine.tend()
        time.sleep(0.02)


def entry(database: Database, uid: str) -> ImageRecord:
    """Return the line of an image that has one."""
    with database.look() as connection:
        (found,) = images.called(connection, ARCHIVE, uid)
    return found


def all_settled(database: Database) -> bool:
    """Return whether no image is in a state in which something is still to happen."""
    with database.look() as connection:
        return set(images.counts(connection, ARCHIVE)) <= SETTLED


class Steps:
    """Three steps, begin, work and settle, that count how often each was done for what."""

    def __init__(self, database: Database, work: Step = lambda _job, _done: {}) -> None:
        self.done: Counter[tuple[str, str]] = Counter()
        self.order: list[str] = []
        self.states: dict[str, StepState] = {}
        self._database = database
        self._work = work
        self._lock = threading.Lock()

    def named(self) -> dict[str, Step]:
        """Return them as the engine takes them."""
        return {"begin": self.begin, "work": self.work, "settle": self.settle}

    def count(self, step: str, job: Job) -> None:
        """Count that a step was done."""
        with self._lock:
            self.done[step, job.uids.sop_instance_uid] += 1

    def begin(self, job: Job, _done: StepState) -> StepState:
        """Write down that work begins, as the node does."""
        self.count("begin", job)
        with self._lock:
            self.order.append(job.uids.sop_instance_uid)
        with self._database.transaction() as connection:
            images.begin(connection, job, NOW)
        return {"when": NOW.isoformat()}

    def work(self, job: Job, done: StepState) -> StepState:
        """Do what the test wants done."""
        self.count("work", job)
        return self._work(job, done)

    def settle(self, job: Job, done: StepState) -> StepState:
        """Write down how it ended."""
        self.count("settle", job)
        self.states[job.uids.sop_instance_uid] = done
        reasons = tuple(Reason.of_stored(reason) for reason in done.get("reasons", []))
        end = Settlement(State(done.get("end", "stored")), reasons)
        with self._database.transaction() as connection:
            images.settle(connection, job, end, NOW)
        return {}


@contextmanager
def engine_of(
    database: Database,
    steps: dict[str, Step],
    *,
    slots: int = 2,
    pace: Retention = PACE,
    **more: Any,
) -> Iterator[Engine]:
    """Open an engine that is not launched yet."""
    given = {"forward": None, "role": "node", "pause": Pause(), **more}
    with Engine(database, steps, slots=Slots(slots), pace=pace, **given) as engine:
        yield engine
