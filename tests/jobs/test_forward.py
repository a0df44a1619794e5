"""Results are sent on by jobs of their own, which may wait for their next attempt."""

from hilum.records import forwards
from hilum.records.forwards import Forward, ForwardState
from hilum.records.job import Job
from image_names import image_uids
from job_tools import NOW, Steps, engine_of, until

JOB = Job("own", image_uids("1.1"), "id", 1)


def test_forward_is_tried_until_it_is_sent(database):
    """Each attempt writes down how it went and asks for the next one, after a while."""
    tries = []

    def send(forward: Forward, attempt: int) -> None:
        tries.append(attempt)
        done = attempt == 3
        with database.transaction() as connection:
            state = ForwardState.SENT if done else ForwardState.WAITING
            forwards.change(connection, forward, state, "" if done else "no answer", NOW)
            if not done:
                engine.queue.enqueue_forward(
                    connection, forward, NOW, attempt=attempt + 1, delay_s=0.1
                )

    with engine_of(database, Steps(database).named(), forward=send) as engine:
        with database.transaction() as connection:
            forward = forwards.add(connection, JOB, "peer:B", NOW)
            engine.queue.enqueue_forward(connection, forward, NOW)
            engine.queue.enqueue_forward(connection, forward, NOW)
        engine.launch()
        until(lambda: state_of(database) is ForwardState.SENT, engine)

    assert [1, 2, 3] == tries


def test_process_that_does_not_forward_leaves_it(database):
    """The job waits for a process that does."""
    with engine_of(database, Steps(database).named(), forward=None) as engine:
        with database.transaction() as connection:
            forward = forwards.add(connection, JOB, "peer:B", NOW)
            engine.queue.enqueue_forward(connection, forward, NOW)
        engine.launch()
        for _ in range(3):
            engine.tend()
    assert ForwardState.WAITING is state_of(database)


def state_of(database) -> ForwardState:
    """Return how far the only forward is."""
    with database.look() as connection:
        (found,) = forwards.entries(connection, "own")
    return found.state
