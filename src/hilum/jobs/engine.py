"""The job engine: remembers each step, goes on after a crash, takes over from dead processes.

DBOS keeps the jobs and their steps in our database. What it lacks is added here, one file
for each: `guard` (JSON alone), `sweep` (jobs of processes that died), `reconcile` (images
without a job), `prune` (what ended long ago), `lock` (one process for an SQLite file).
"""

import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final, Self

from hilum import __version__
from hilum.errors import DatabaseUnavailable
from hilum.jobs import prune, sweep
from hilum.jobs.dbos_runtime import DbosRuntime, LocalQueue
from hilum.jobs.lock import locked
from hilum.jobs.pause import Pause
from hilum.jobs.queue import (
    ANATOMY,
    FORWARD,
    MEASURE_ANATOMY,
    READ_IMAGE,
    ROUTINE,
    SEND_FORWARD,
    URGENT,
    Queue,
    forward_queue,
)
from hilum.jobs.reconcile import reconcile
from hilum.jobs.workflow import EACH, ImageWorkflow, Measure, Remembering, Send, Step
from hilum.records import Database, workers
from hilum.records.workers import Worker
from hilum.telemetry.logs import get_log

SQLITE_LOCK: Final = "jobs.lock"
SQLITE_EXECUTOR: Final = "node"
"""Name of the only process of an SQLite file, in each of its lives."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """Intervals of housekeeping, and how long things are kept."""

    poll_s: float = 0.1
    """Seconds between two looks at a queue of images."""
    forward_poll_s: float = 1.0
    """Seconds between two looks at the queue of results to send on."""
    beat_s: float = 5.0
    dead_after_s: float = 30.0
    """Seconds between two beats, and without one until a process counts as dead."""
    reconcile_s: float = 30.0
    prune_s: float = 600.0
    """Seconds between two looks for lost work, and for what can be forgotten."""
    keep_jobs: timedelta = timedelta(hours=24)
    """How long jobs are kept after they ended."""
    keep_images: Callable[[], timedelta] = lambda: timedelta(days=365)
    """How long images are kept after they were settled; it may change meanwhile."""


@dataclass(frozen=True, slots=True)
class Slots:
    """How many jobs one process works on at once."""

    reading: int
    """Routine images; urgent ones have twice as many slots of their own."""
    forwarding: int = 2
    """Results on their way to other archives."""
    receivers: Collection[str] = ()
    """Targets beside the PACS; each has one slot of its own."""
    measure: Measure | None = None
    """Measures the anatomy of an image, one at a time; None when this process does not."""


class Engine:
    """Works on the jobs of a database. One in a process; a context manager.

    Parameters
    ----------
    steps
        Name → step, in order. The last one settles the image and is always reached; an
        earlier one goes there at once by returning ``{"end": state, …}``. Names and
        order are for good: jobs of an earlier release may be in work.
    forward
        Tries to send results on; None when this process does not.
    role
        ``node`` or ``worker``.
    pause
        What the steps wait with; ends when the process stops.
    pace
        How often things are looked at.
    remembering
        Which steps are done again after a crash rather than remembered, or together with others.

    Raises
    ------
    AlreadyRunning
        Another process works with the same SQLite file.
    SettingInvalid
        The database does not let us make tables.
    """

    def __init__(
        self,
        database: Database,
        steps: Mapping[str, Step],
        *,
        forward: Send | None,
        slots: Slots,
        role: str,
        pause: Pause,
        pace: Retention = Retention(),
        remembering: Remembering = EACH,
    ) -> None:
        self._database = database
        self._course = ImageWorkflow(
            *(database, steps, forward, pause),
            measure=slots.measure,
            remembering=remembering,
        )
        self._forward = forward
        self._slots = slots
        self._pause = pause
        self._pace = pace
        self._resources = ExitStack()
        if database.is_sqlite:
            file = Path(database.engine_name)
            self._resources.enter_context(locked(file.parent, SQLITE_LOCK))
            executor_id = SQLITE_EXECUTOR
        else:
            executor_id = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        self._worker = Worker(executor_id, socket.gethostname(), role, "", __version__)
        self.queue: Final = Queue(database)
        self._dbos: DbosRuntime | None = None
        self._suspects: set[tuple[str, str]] = set()
        self._due: dict[str, float] = {}
        self._away = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drain(0)
        self._resources.close()

    @property
    def executor_id(self) -> str:
        """Name of this process for the others."""
        return self._worker.executor_id

    @property
    def launched(self) -> bool:
        """Whether jobs are worked on."""
        return self._dbos is not None

    @property
    def active(self) -> list[str]:
        """Names of the jobs that this process works on now."""
        return [] if self._dbos is None else self._dbos.active

    def launch(self, model: str = "") -> None:
        """Begin to work; jobs that were running when the last process died go on first.

        Raises
        ------
        DatabaseUnavailable
            The database cannot be used now; call again.
        """
        if self._dbos is not None:
            return
        self._worker = replace(self._worker, model=model)
        self._beat()  # so that nobody takes our first jobs for orphans
        queues = [
            LocalQueue(URGENT, 2 * self._slots.reading, self._pace.poll_s),
            LocalQueue(ROUTINE, self._slots.reading, self._pace.poll_s),
        ]
        if self._forward is not None:
            queues.append(LocalQueue(FORWARD, self._slots.forwarding, self._pace.forward_poll_s))
            queues += [
                LocalQueue(forward_queue(each), 1, self._pace.forward_poll_s)
                for each in self._slots.receivers
            ]
        if self._slots.measure is not None:
            queues.append(LocalQueue(ANATOMY, 1, self._pace.forward_poll_s))
        workflows: Mapping[str, Callable[..., object]] = {
            READ_IMAGE: self._course.read_image,
            SEND_FORWARD: self._course.send_forward,
            MEASURE_ANATOMY: self._course.measure_anatomy,
        }
        self._dbos = DbosRuntime(self._database, self.executor_id, workflows, queues)
        log.info("engine.launched", executor=self.executor_id, slots=self._slots.reading)

    def tend(self) -> None:
        """Do what is due: beat, take over, ask again, forget. Call it every second or so.

        While the database is away this says so once, and tries again the next time.
        """
        pace = self._pace
        try:
            self._when_due("beat", pace.beat_s, self._beat)
            self._when_due("sweep", pace.beat_s, self._sweep)
            self._when_due("reconcile", pace.reconcile_s, self._reconcile)
            self._when_due("prune", pace.prune_s, self._prune)
        except DatabaseUnavailable as exc:
            if not self._away:
                log.warning("database.away", why=str(exc))
            self._away = True
        else:
            if self._away:
                log.info("database.back")
            self._away = False

    def drain(self, timeout_s: float) -> bool:
        """Take no more jobs and let those in work finish; the rest stays queued.

        A job that only waits, for the archive or the database, is left at once and goes on
        where it was when the next process starts.

        Returns
        -------
        bool
            Whether all that was in work finished or was left in order.
        """
        self._pause.stop()
        if self._dbos is None:
            return True
        library, self._dbos = self._dbos, None
        left = library.stop(timeout_s)
        log.info("engine.stopped", left=len(left))
        try:
            with self._database.transaction() as connection:
                claims = sweep.in_hand(connection, self.executor_id)
                sweep.put_back(connection, self.executor_id, claims)
                workers.sign_off(connection, self.executor_id)
        except DatabaseUnavailable as exc:
            log.warning("database.away", why=str(exc))
        return not left

    def _when_due(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        if monotonic() >= self._due.get(name, 0):
            work()
            self._due[name] = monotonic() + every_s

    def _beat(self) -> None:
        with self._database.transaction() as connection:
            workers.beat(connection, self._worker)

    def _sweep(self) -> None:
        """Queue the jobs of dead processes, and those of dead threads of this one."""
        with self._database.transaction() as connection:
            taken = sweep.take_over(connection, self._pace.dead_after_s)
            dropped: set[tuple[str, str]] = set()
            if self._dbos is not None:
                active = set(self.active)
                claims = sweep.in_hand(connection, self.executor_id)
                idle = {claim for claim in claims if claim[0] not in active}
                # a claim is written a moment before its thread runs: look twice
                dropped, self._suspects = idle & self._suspects, idle - self._suspects
                sweep.put_back(connection, self.executor_id, dropped)
        if taken or dropped:
            log.warning("engine.took_over", of_the_dead=taken, of_ours=len(dropped))

    def _reconcile(self) -> None:
        asked = reconcile(self._database, self.queue)
        if asked:
            log.warning("engine.asked_again", images=asked)

    def _prune(self) -> None:
        now = datetime.now(UTC)
        prune.prune_jobs(self.queue, now - self._pace.keep_jobs)
        prune.prune_records(self._database, now - self._pace.keep_images())
        with self._database.transaction() as connection:
            workers.forget(connection, now - timedelta(days=1))
