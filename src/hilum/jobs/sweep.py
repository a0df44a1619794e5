"""Requeues the jobs of processes that died.

A process that dies leaves its jobs marked as in work, and nothing in DBOS but a restart
under the same name takes them up. Here each process tells that it lives; whose beat stops
loses its jobs to the queue. One that was only slow notices when it writes its next step
down: the job has another owner, and it lets go.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, func, select, update

from hilum.jobs.dbos_tables import requeued, workflows
from hilum.records.clock import seconds_of
from hilum.records.tables import WORKER

SWEEPS: Final = 0x73776565
"""Key of the PostgreSQL advisory lock under which one process at a time sweeps ("swee")."""


def take_over(connection: Connection, dead_after_s: float) -> int:
    """Requeue the jobs of processes without a heartbeat for so many seconds; return how many."""
    rows = workflows(connection)
    if connection.dialect.name == "postgresql":
        mine = connection.scalar(select(func.pg_try_advisory_xact_lock(SWEEPS)))
        if not mine:
            return 0
    since = datetime.fromtimestamp(seconds_of(connection) - dead_after_s, UTC)
    each = rows.alias("each")
    lives = (
        select(WORKER.c.executor_id)
        .where(WORKER.c.executor_id == each.c.executor_id, WORKER.c.beat > since)
        .exists()
    )
    left = (
        select(each.c.workflow_uuid)
        .where(each.c.status == "PENDING", ~lives)
        .with_for_update(skip_locked=True, of=each)
    )
    swept = connection.execute(
        update(rows).where(rows.c.workflow_uuid.in_(left)).values(requeued(connection, rows))
    )
    return swept.rowcount


def in_hand(connection: Connection, executor_id: str) -> set[tuple[str, str]]:
    """Return the jobs that are marked as in work in one process, each with its claim."""
    rows = workflows(connection)
    found = connection.execute(
        select(rows.c.workflow_uuid, rows.c.owner_xid).where(
            rows.c.status == "PENDING", rows.c.executor_id == executor_id
        )
    )
    return {(row.workflow_uuid, row.owner_xid) for row in found}


def put_back(connection: Connection, executor_id: str, claims: Collection[tuple[str, str]]) -> int:
    """Queue jobs of one process that it does not work on any more; return how many."""
    rows = workflows(connection)
    return sum(
        connection.execute(
            update(rows)
            .where(
                rows.c.workflow_uuid == workflow_id,
                rows.c.owner_xid == owner,
                rows.c.executor_id == executor_id,
                rows.c.status == "PENDING",
            )
            .values(requeued(connection, rows))
        ).rowcount
        for workflow_id, owner in claims
    )
