"""What a scrape and the doctor are told, from either database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from hilum.eligibility import Reason
from hilum.records import feed, images, workers
from hilum.records.counts import ALIVE_S, STUCK_AFTER, observe, troubles
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.tables import WORKER
from hilum.records.workers import Worker
from image_names import image_uids

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IMAGE = Arrived("own", image_uids("1.2.3"), "abc", "0a", Urgency.ROUTINE, NOW)
STORED = Settlement(State.STORED, results=("2.25.1",))
FAILED = Settlement(State.FAILED, (Reason("pacs", "the archive said no"),))


def arrive(connection, number, urgency=Urgency.ROUTINE, ago=MINUTE, *, archive="own", held=False):
    """Write an image down that arrived a while ago; return its job."""
    uid = f"1.2.{number}"
    new = replace(
        IMAGE,
        archive=archive,
        uids=image_uids(uid),
        reference=uid,
        urgency=urgency,
        at=NOW - ago,
    )
    return images.arrived(connection, new, held=held)


def test_nothing_is_nothing(connection):
    """A node that never saw anything has an empty queue and no position."""
    found = observe(connection, "own", NOW)

    assert ({}, 0.0, 0, 0, None) == (
        found.queue,
        found.oldest_s,
        found.workers_alive,
        found.workers_dead,
        found.position,
    )


def test_queue_is_counted_by_urgency_and_state(connection):
    """Of this archive alone; what is settled is not in the queue."""
    arrive(connection, 1, Urgency.URGENT)
    arrive(connection, 2, Urgency.BACKFILL, ago=10 * MINUTE)
    arrive(connection, 3, held=True)
    images.begin(connection, arrive(connection, 4, ago=20 * MINUTE), NOW)
    images.settle(connection, arrive(connection, 5, ago=30 * MINUTE), STORED, NOW)
    arrive(connection, 6, archive="other", ago=40 * MINUTE)
    feed.advance(connection, "own", None, "17 x")
    found = observe(connection, "own", NOW)

    assert {
        (Urgency.URGENT, State.QUEUED): 1,
        (Urgency.BACKFILL, State.QUEUED): 1,
        (Urgency.ROUTINE, State.HELD): 1,
        (Urgency.ROUTINE, State.READING): 1,
    } == found.queue
    assert (600.0, "17 x") == (found.oldest_s, found.position)


def test_worker_without_a_beat_is_dead(connection):
    """By the database's clock, whatever this machine's says."""
    for name in ("alive", "dead"):
        workers.beat(connection, Worker(name, "host", "worker", "", "1"))
    connection.execute(
        update(WORKER)
        .where(WORKER.c.executor_id == "dead")
        .values(beat=datetime.now(UTC) - timedelta(seconds=ALIVE_S + 5))
    )
    found = observe(connection, "own", NOW)

    assert (1, 1) == (found.workers_alive, found.workers_dead)


def test_image_that_is_read_for_over_an_hour_is_stuck(connection):
    """Whatever else moves."""
    long_ago = NOW - STUCK_AFTER - MINUTE
    images.begin(connection, arrive(connection, 1, ago=STUCK_AFTER + MINUTE), long_ago)
    images.begin(connection, arrive(connection, 2, ago=STUCK_AFTER + MINUTE), NOW - MINUTE)
    images.settle(connection, arrive(connection, 3), STORED, NOW)

    assert 1 == troubles(connection, "own", NOW).stuck


def test_queue_in_which_nothing_moves_is_stuck(connection):
    """A long queue that moves is only long; what waits for a model is held, not stuck."""
    arrive(connection, 1, ago=STUCK_AFTER + MINUTE)
    arrive(connection, 2, ago=MINUTE)
    arrive(connection, 3, ago=STUCK_AFTER + MINUTE, held=True)
    still = troubles(connection, "own", NOW)
    images.settle(connection, arrive(connection, 4), FAILED, NOW - MINUTE)
    moving = troubles(connection, "own", NOW)

    assert (1, 0) == (still.stuck, moving.stuck)
    assert (1, 1, 0) == (moving.of(State.FAILED), moving.of(State.HELD), moving.of(State.GONE))
