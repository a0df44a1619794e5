"""Work of whoever died goes to whoever lives, and only that."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from hilum.jobs import sweep
from hilum.jobs.dbos_tables import workflows
from hilum.jobs.queue import Queue
from hilum.records import workers
from hilum.records.states import State
from hilum.records.tables import WORKER
from hilum.records.workers import Worker
from job_tools import Steps, all_settled, arrive, engine_of, entry, until


def claim(database, job_id: str, executor_id: str, owner: str = "token") -> None:
    """Mark a job as in work in a process, as a claim does."""
    with database.transaction() as connection:
        rows = workflows(connection)
        connection.execute(
            update(rows)
            .where(rows.c.workflow_uuid == job_id)
            .values(status="PENDING", executor_id=executor_id, owner_xid=owner)
        )


def statuses(database) -> dict[str, str]:
    """Return job → status."""
    with database.look() as connection:
        rows = workflows(connection)
        found = connection.execute(select(rows.c.workflow_uuid, rows.c.status))
        return {row.workflow_uuid: row.status for row in found}


def test_jobs_of_the_dead_are_queued_and_those_of_the_living_are_not(database):
    """Dead is who never told that it lives, or last did so too long ago."""
    queue = Queue(database)
    jobs = {uid: arrive(database, queue, uid) for uid in ("lives", "stopped", "unknown")}
    with database.transaction() as connection:
        for name in ("lives", "stopped"):
            workers.beat(connection, Worker(name, "host", "worker", "", "0"))
        connection.execute(
            update(WORKER)
            .where(WORKER.c.executor_id == "stopped")
            .values(beat=datetime.now(UTC) - timedelta(seconds=31))
        )
    for name, job in jobs.items():
        claim(database, job.id, name)
    with database.transaction() as connection:
        assert 2 == sweep.take_over(connection, 30)
        assert 0 == sweep.take_over(connection, 30)

    left = {"lives": "PENDING", "stopped": "ENQUEUED", "unknown": "ENQUEUED"}
    assert {jobs[name].id: status for name, status in left.items()} == statuses(database)


def test_job_of_the_dead_is_done(database):
    """It goes on where it was, in its queue."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        job = arrive(database, engine.queue, "1.1")
        claim(database, job.id, "somebody who died")
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert State.STORED is entry(database, "1.1").state


def test_job_whose_thread_died_is_found(database):
    """In work by its row, but by no thread of this process: e.g. the disk was full."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        engine.launch()
        job = arrive(database, engine.queue, "1.1")
        until(lambda: all_settled(database), engine)
        until(lambda: not engine.active)
        again = arrive(database, engine.queue, "1.2")
        until(lambda: all_settled(database) and not engine.active, engine)
        claim(database, again.id, engine.executor_id)
        until(lambda: "SUCCESS" == statuses(database)[again.id], engine)

    assert "SUCCESS" == statuses(database)[job.id]
    assert 1 == steps.done["work", "1.2"]  # its steps were remembered


def test_claim_that_moved_on_is_not_put_back(database):
    """Between the look and the write somebody else may have taken the job."""
    queue = Queue(database)
    job = arrive(database, queue, "1.1")
    claim(database, job.id, "me", "old")
    with database.transaction() as connection:
        seen = sweep.in_hand(connection, "me")
    claim(database, job.id, "me", "new")
    with database.transaction() as connection:
        assert 0 == sweep.put_back(connection, "me", seen)
        assert 1 == sweep.put_back(connection, "me", sweep.in_hand(connection, "me"))


@pytest.mark.parametrize("role", ["node", "worker"])
def test_processes_tell_who_they_are(database, role):
    """While it runs it is in the list, with its model; when it ended in order, no more."""
    with engine_of(database, Steps(database).named(), role=role) as engine:
        engine.launch("densenet")
        with database.look() as connection:
            (seen,) = workers.seen(connection)
        assert (engine.executor_id, role, "densenet") == (
            seen.worker.executor_id,
            seen.worker.role,
            seen.worker.model,
        )
    with database.look() as connection:
        assert [] == workers.seen(connection)
