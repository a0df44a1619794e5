"""Finds images and forwards that wait without a job, so that none is stuck, and queues them."""

from datetime import UTC, datetime
from functools import reduce
from typing import Final

from sqlalchemy import ColumnElement, Connection, Exists, String, Table, cast, literal, select

from hilum.eligibility import Reason
from hilum.jobs.dbos_tables import ALIVE, workflows
from hilum.jobs.queue import Queue
from hilum.jobs.workflow import END
from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records import Database, anatomies, forwards, images, indexed
from hilum.records.anatomies import AnatomyState
from hilum.records.forwards import Forward, ForwardState
from hilum.records.job import Job
from hilum.records.keys import uids_of
from hilum.records.states import UNSETTLED, State, Urgency
from hilum.records.tables import ANATOMY, FORWARD, IMAGE

MOST_RUNS: Final = 5
"""Work on an image that vanished so often is not asked for again; the image has failed."""

BATCH: Final = 500
"""Images that are asked for again in one transaction."""

LOST_ANATOMY: Final = Message("its job ended without a result")

LOST: Final = Message("its job ended {count} times without a result", count=MOST_RUNS)


def reconcile(database: Database, queue: Queue) -> int:
    """Ask again for the work of every image that has none; return how many.

    Raises
    ------
    DatabaseUnavailable
        The database cannot be used now.
    """
    with database.look() as connection:
        jobs = lost_jobs(connection)
        sends = lost_forwards(connection)
        unmeasured = lost_anatomies(connection)
    if not jobs and not sends and not unmeasured:
        return 0
    with database.transaction() as connection:
        asked = sum(_ask_again(connection, queue, job) for job in jobs)
        asked += sum(anatomies.failed(connection, job, LOST_ANATOMY) for job in unmeasured)
        return asked + sum(_send_again(connection, queue, *send) for send in sends)


def lost_jobs(connection: Connection) -> list[tuple[Job, Urgency, datetime, int]]:
    """Return images that are not settled and whose job is not there or has ended."""
    has_work = _is_alive(connection, _run_of(IMAGE))
    waits = select(IMAGE).where(IMAGE.c.state.in_(sorted(UNSETTLED)), ~has_work).limit(BATCH)
    found = connection.execute(indexed.by(waits, IMAGE, "image_by_state"))
    return [
        (
            Job(row.archive, uids_of(row), row.reference, row.run),
            Urgency(row.urgency),
            row.arrived,
            row.lost,
        )
        for row in found
    ]


def lost_forwards(connection: Connection) -> list[tuple[Forward, int]]:
    """Return results that wait to be sent on without a job, with the attempts so far."""
    attempt = cast(FORWARD.c.attempts + 1, String)
    name = _run_of(FORWARD) + literal(">") + FORWARD.c.target + literal("#") + attempt
    has_work = _is_alive(connection, name)
    found = connection.execute(
        select(FORWARD).where(FORWARD.c.state == ForwardState.WAITING, ~has_work).limit(BATCH)
    )
    return [
        (Forward(row.archive, uids_of(row), row.target, row.run), row.attempts) for row in found
    ]


def lost_anatomies(connection: Connection) -> list[Job]:
    """Return images whose anatomy is waited for without a job: a fault of ours ended it."""
    name = _run_of(ANATOMY) + literal("!anatomy#") + cast(ANATOMY.c.attempt, String)
    has_work = _is_alive(connection, name)
    found = connection.execute(
        select(ANATOMY).where(ANATOMY.c.state == AnatomyState.WAITING, ~has_work).limit(BATCH)
    )
    return [Job(row.archive, uids_of(row), row.reference, row.run) for row in found]


def _is_alive(connection: Connection, name: ColumnElement[str]) -> Exists:
    """Return SQL for whether a job of that name is there and has not ended."""
    rows = workflows(connection)
    alive = rows.c.workflow_uuid == name, rows.c.status.in_(ALIVE)
    return select(rows.c.workflow_uuid).where(*alive).exists()


def _run_of(table: Table) -> ColumnElement[str]:
    """Return SQL for what `Job.id` says, and `Forward.id` begins with."""
    parts = [table.c[name] for name in ("archive", *ImageUIDs._fields)]
    return reduce(
        lambda said, part: said + literal("|") + part, (*parts, cast(table.c.run, String))
    )


def _ask_again(
    connection: Connection, queue: Queue, lost: tuple[Job, Urgency, datetime, int]
) -> bool:
    job, urgency, arrived, times = lost
    again = images.run_again(connection, job)
    if again is None:
        return False
    done = {END: State.FAILED.value, "reasons": [Reason("work_lost", LOST).stored]}
    queue.enqueue(connection, again, urgency, arrived, done=done if times >= MOST_RUNS else None)
    return True


def _send_again(connection: Connection, queue: Queue, forward: Forward, attempts: int) -> bool:
    """Count the attempt that vanished and ask for the next; after too many it has failed."""
    now = datetime.now(UTC)
    failed = attempts + 1 >= MOST_RUNS
    state = ForwardState.FAILED if failed else ForwardState.WAITING
    if not forwards.change(connection, forward, state, LOST if failed else "", now):
        return False
    if not failed:
        queue.enqueue_forward(connection, forward, now, attempt=attempts + 2)
    return True
