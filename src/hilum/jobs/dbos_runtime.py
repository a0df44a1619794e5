"""Starts and stops DBOS. All that uses its internals is here, but for its tables."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy.exc import DBAPIError

from hilum.errors import DatabaseUnavailable
from hilum.jobs.dbos_tables import APPLICATION, SCHEMA, VERSION, waiting
from hilum.jobs.guard import block_pickle, quieten
from hilum.records import Database
from hilum.runtime.waits import wait_until

Part = TypeVar("Part")

MOST_RECOVERIES: Final = 100
"""A job found in work after so many deaths is parked; `reconcile` asks for it anew."""

IDLE_IN_TRANSACTION_S: Final = 15
"""A process that freezes inside a transaction loses it, and its locks, after that."""

PARTS: Final = ("_now_ms_sql", "_in_flight_status_prover")
"""What its statements have in common: the time, and a condition that SQLite's indexes need."""

LOOK_S: Final = 0.05
"""Seconds between two looks whether what is in work has finished."""


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue as one process sees it."""

    name: str
    slots: int
    """Jobs of it that the process works on at once."""
    poll_s: float
    """Seconds between two looks."""


class DbosRuntime:
    """The one DBOS of a process, running.

    What it touches that is not public is held by tests/jobs/test_dbos_runtime.py.

    Raises
    ------
    DatabaseUnavailable
        The database cannot be used now.
    """

    def __init__(
        self,
        database: Database,
        executor_id: str,
        workflows: Mapping[str, Callable[..., object]],
        queues: list[LocalQueue],
    ) -> None:
        block_pickle()
        quieten()
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": database.url,
            "dbos_system_schema": SCHEMA,
            "application_version": VERSION,
            "executor_id": executor_id,
            "serializer": DBOSPortableJSONSerializer(),
            "sys_db_idle_transaction_timeout_sec": IDLE_IN_TRANSACTION_S,
            "db_engine_kwargs": {"hide_parameters": True},
            "run_migrations": False,  # the queue did
            "enable_otlp": False,
            "log_level": "WARNING",
        }
        self._dbos = DBOS(config=config)
        self._database = database
        for name, work in workflows.items():
            DBOS.workflow(name=name, max_recovery_attempts=MOST_RECOVERIES)(_plain(work))
        DBOS.listen_queues([])  # of those that are rows: none
        registry = self._dbos._registry  # noqa: SLF001
        for queue in queues:
            # a queue that is a row has one number of slots for all processes
            registry._register_internal_queue(  # noqa: SLF001
                queue.name, worker_concurrency=queue.slots, polling_interval_sec=queue.poll_s
            )
        try:
            DBOS.launch()
        except DBAPIError as exc:
            DBOS.destroy(destroy_registry=True)
            raise DatabaseUnavailable(
                "The jobs in {engine_name} cannot be processed now.",
                "Free space on its disk, or start it; hilum resumes by itself.",
                engine_name=database.engine_name,
            ) from exc
        self._slots = {queue.name: queue.slots for queue in queues}
        self._spare(self._dbos._sys_db)  # noqa: SLF001

    def _spare(self, system: Any) -> None:
        """Let the library leave out what it does for each job, or look, without need."""
        # all jobs have our version: which is the newest decides on those that have none
        system._is_latest_version = _no  # noqa: SLF001
        # asked before each look at a queue, which costs ten times as much as `_waiting`
        system.dequeue_scopes = self._scopes
        # every second, in a transaction; ours have no deadline
        system.cancel_timed_out_workflows = _none
        # parts of its statements that are alike each time, and are built anew each time
        for name in PARTS:
            part = getattr(system, name)()
            setattr(system, name, partial(_given, part))

    @property
    def active(self) -> list[str]:
        """Names of the jobs that are worked on now."""
        # its public lists ask the database, and tell of other processes too
        return self._dbos._active_workflows_set.activeList()  # noqa: SLF001

    def stop(self, timeout_s: float) -> list[str]:
        """Take no more jobs, and wait for those in work; return which are left."""
        for event in self._dbos.background_thread_stop_events:
            event.set()
        left = wait_until(lambda: self.active, operator.not_, timeout_s=timeout_s, every_s=LOOK_S)
        DBOS.destroy(destroy_registry=True)
        return left

    def _scopes(self, queue_name: str) -> list[str | None]:
        """Return what a look at a queue covers: all of it, or nothing where that is in vain.

        So it is while no slot is free, or nothing waits.
        """
        in_work = self._dbos._active_workflows_set.count_for_queue(queue_name)  # noqa: SLF001
        if in_work >= self._slots.get(queue_name, math.inf):
            return []
        return [None] if waiting(self._database, queue_name) else []


def _no(*_: object) -> bool:
    return False


def _none(*_: object) -> list[str]:
    return []


def _given(part: Part) -> Part:
    return part


def _plain(work: Callable[..., object]) -> Callable[..., object]:
    """Return a function: DBOS puts a mark on what it is given, and a method takes none."""

    def call(*values: object) -> object:
        return work(*values)

    return call
