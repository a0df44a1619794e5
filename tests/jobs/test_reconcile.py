"""No image is stuck, whatever happened to its job."""

import pytest
from sqlalchemy import delete, update

from hilum.jobs.dbos_tables import workflows
from hilum.jobs.queue import Queue
from hilum.jobs.reconcile import MOST_RUNS, reconcile
from hilum.records import forwards, images
from hilum.records.forwards import ForwardState
from hilum.records.images import Settlement
from hilum.records.job import Job
from hilum.records.states import State
from image_names import image_uids
from job_tools import NOW, Steps, all_settled, arrive, engine_of, entry, until


def set_status(database, job_id: str, status: str | None) -> None:
    """Put a job into a status; without one, take it out of the table."""
    with database.transaction() as connection:
        rows = workflows(connection)
        if status is None:
            connection.execute(delete(rows).where(rows.c.workflow_uuid == job_id))
        else:
            connection.execute(
                update(rows).where(rows.c.workflow_uuid == job_id).values(status=status)
            )


@pytest.mark.parametrize(
    "status", ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED", None]
)
def test_image_without_work_gets_some(database, status):
    """Its job ended, was parked or is gone, and the image is not settled: a new run."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        job = arrive(database, engine.queue, "1.1")
        set_status(database, job.id, status)
        assert 1 == reconcile(database, engine.queue)
        assert 0 == reconcile(database, engine.queue)
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert (State.STORED, 2, 1) == (
        entry(database, "1.1").state,
        entry(database, "1.1").run,
        entry(database, "1.1").lost,
    )


@pytest.mark.parametrize("status", ["ENQUEUED", "PENDING", "DELAYED"])
def test_image_whose_work_goes_on_is_left_alone(database, status):
    """Also while it is held, and while another process has it in hand."""
    queue = Queue(database)
    job = arrive(database, queue, "1.1")
    set_status(database, job.id, status)

    assert 0 == reconcile(database, queue)


def test_settled_image_needs_no_work(database):
    """A job that is forgotten leaves its image as it ended."""
    queue = Queue(database)
    job = arrive(database, queue, "1.1")
    with database.transaction() as connection:
        images.settle(connection, job, Settlement(State.STORED), NOW)
    set_status(database, job.id, None)

    assert 0 == reconcile(database, queue)


def test_image_whose_work_always_vanishes_has_failed(database):
    """After some runs it fails with a reason, by the step that settles."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        job = arrive(database, engine.queue, "1.1")
        for _ in range(MOST_RUNS + 1):
            set_status(database, job.id, None)
            assert 1 == reconcile(database, engine.queue)
            job = entry(database, "1.1").job
        engine.launch()
        until(lambda: all_settled(database), engine)
    found = entry(database, "1.1")

    assert (State.FAILED, "work_lost") == (found.state, found.reasons[0].code)
    assert {("settle", "1.1"): 1} == steps.done


def test_result_that_waits_to_be_sent_gets_work_again(database):
    """An attempt that vanished counts; after too many sending has failed."""
    queue, job = Queue(database), Job("own", image_uids("1.1"), "id", 1)
    with database.transaction() as connection:
        forward = forwards.add(connection, job, "modality:PACS", NOW)
        queue.enqueue_forward(connection, forward, NOW)
    assert 0 == reconcile(database, queue)
    for attempt in range(1, MOST_RUNS + 1):
        set_status(database, f"{forward.id}#{attempt}", None)
        assert 1 == reconcile(database, queue)
    with database.look() as connection:
        (found,) = forwards.entries(connection, "own")

    assert (ForwardState.FAILED, MOST_RUNS) == (found.state, found.attempts)
    assert 0 == reconcile(database, queue)
