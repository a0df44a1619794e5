"""Readings, forwards, workers and backfills: what goes in comes out."""

from datetime import UTC, datetime, timedelta

import numpy as np

from hilum.radiograph import FieldOfView
from hilum.records import backfills, forwards, readings, workers
from hilum.records.backfills import Progress
from hilum.records.forwards import ForwardState
from hilum.records.job import Job
from hilum.records.stored_reading import StoredReading
from hilum.records.workers import Worker
from image_names import image_uids

NOW = datetime(2026, 1, 2, tzinfo=UTC)
JOB = Job("own", image_uids("1.2.3"), "abc", 1)


def test_reading_comes_back_and_the_newest_counts(connection):
    """Document, maps and field of view are the same; a new run takes the old one's place."""
    maps = np.linspace(0, 1, 18 * 7 * 7).reshape(18, 7, 7).astype(np.float16)
    view = FieldOfView(1, 2, 30, 40)
    readings.put(connection, JOB, StoredReading({"rows": []}, maps, view))
    readings.put(connection, JOB, StoredReading({"rows": ["é"]}, maps, view))
    got = readings.get(connection, "own", JOB.uids)

    assert ({"rows": ["é"]}, view) == (got.document, got.field_of_view)
    assert got.maps.dtype == np.float16
    assert np.array_equal(maps, got.maps)
    assert readings.get(connection, "own", image_uids("1.2.4")) is None


def test_forward_of_an_older_run_changes_nothing(connection):
    """A newer run takes the line over."""
    old = forwards.add(connection, JOB, "modality:ARCHIVE", NOW)
    new = forwards.add(
        connection, Job("own", image_uids("1.2.3"), "abc", 2), "modality:ARCHIVE", NOW
    )

    assert not forwards.change(connection, old, ForwardState.SENT, "", NOW)
    assert forwards.change(connection, new, ForwardState.WAITING, "no answer", NOW)
    (entry,) = forwards.entries(connection, "own")
    assert (new, ForwardState.WAITING, 1, "no answer") == (
        entry.forward,
        entry.state,
        entry.attempts,
        entry.why,
    )
    assert {ForwardState.WAITING: 1} == forwards.counts(connection, "own")


def test_beat_is_by_the_databases_clock(connection):
    """A beat is about now, keeps the start, and is forgotten when it is old."""
    worker = Worker("a", "host", "node", "", "0.1")
    workers.beat(connection, worker)
    (first,) = workers.seen(connection)
    workers.beat(connection, worker)
    (seen,) = workers.seen(connection)

    assert abs(datetime.now(UTC) - seen.beat) < timedelta(minutes=1)
    assert (first.started, worker) == (seen.started, seen.worker)
    assert 0 == workers.forget(connection, seen.beat - timedelta(seconds=1))
    assert 1 == workers.forget(connection, seen.beat + timedelta(seconds=1))


def test_worker_that_ends_in_order_is_gone(connection):
    """Nobody waits for its beat."""
    workers.beat(connection, Worker("a", "host", "node", "", "0.1"))
    workers.sign_off(connection, "a")

    assert [] == workers.seen(connection)


def test_backfill_goes_on_where_it_stopped(connection):
    """The same question, in whatever order, is the same backfill."""
    query = backfills.key({"modality": "CR", "from": "2020"})
    backfills.keep(connection, "own", query, Progress("1.2", 3, 4))
    same = backfills.key({"from": "2020", "modality": "CR"})

    assert Progress("1.2", 3, 4) == backfills.progress(connection, "own", same)
    backfills.keep(connection, "own", query, Progress("1.3", 5, 6, NOW))
    assert Progress("1.3", 5, 6, NOW) == backfills.progress(connection, "own", same)
    assert Progress() == backfills.progress(connection, "other", same)
