"""Workers: each one's heartbeat, by the database's clock."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from hilum.records.clock import now_of
from hilum.records.rows import as_record
from hilum.records.tables import WORKER
from hilum.records.upsert import into


@dataclass(frozen=True, slots=True)
class Worker:
    """One process."""

    executor_id: str
    """Its name for the job engine; on PostgreSQL another one in each of its lives."""
    host: str
    role: str
    """``node`` or ``worker``."""
    model: str
    """Name of its model, empty while it has none."""
    version: str


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A process that beats, or did."""

    worker: Worker
    started: datetime
    beat: datetime
    """When it began and when it was last heard of, by the database's clock."""


def beat(connection: Connection, worker: Worker) -> None:
    """Write down that `worker` lives."""
    now = now_of(connection)
    facts = {"host": worker.host, "role": worker.role, "model": worker.model}
    connection.execute(
        into(connection.dialect.name, WORKER)
        .values(**asdict(worker), started=now, beat=now)
        .on_conflict_do_update(index_elements=[WORKER.c.executor_id], set_={**facts, "beat": now})
    )


def seen(connection: Connection) -> list[WorkerRecord]:
    """Return all that are written down, the last heard of first."""
    rows = connection.execute(select(WORKER).order_by(WORKER.c.beat.desc()))
    return [WorkerRecord(as_record(Worker, row), row.started, row.beat) for row in rows]


def sign_off(connection: Connection, executor_id: str) -> None:
    """Forget a process that ends in order."""
    connection.execute(delete(WORKER).where(WORKER.c.executor_id == executor_id))


def forget(connection: Connection, before: datetime) -> int:
    """Forget processes that were last heard of before that; return how many."""
    return connection.execute(delete(WORKER).where(WORKER.c.beat < before)).rowcount
