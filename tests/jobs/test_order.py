"""Urgent images first, a share for all others, and old images behind what arrives."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hilum.jobs.queue import LAST, WAITS, order
from hilum.records.states import State, Urgency
from job_tools import NOW, Steps, all_settled, arrive, engine_of, entry, until


def test_routine_gets_its_share_of_an_endless_urgent_backlog(database):
    """However many urgent images come, routine ones are read beside them."""
    steps, enough = Steps(database), threading.Event()
    with engine_of(database, steps.named(), slots=1) as engine:

        def another(job, _memo):
            if not enough.is_set() and job.uids.sop_instance_uid.startswith("1."):
                arrive(database, engine.queue, f"{job.uids.sop_instance_uid}1", Urgency.URGENT)
            return {}

        steps._work = another
        for number in range(6):  # urgent has two slots: four always wait
            arrive(database, engine.queue, f"1.{number + 1}", Urgency.URGENT)
        for number in range(5):
            arrive(database, engine.queue, f"2.{number}")
        engine.launch()
        until(lambda: all(entry(database, f"2.{n}").state is State.STORED for n in range(5)))
        backlog = not enough.is_set()
        enough.set()
        until(lambda: all_settled(database), engine)

    assert backlog
    assert 6 < sum(uid.startswith("1.") for uid in steps.order)


def test_urgent_is_not_behind_routine(database):
    """With more routine images waiting than there are slots, an urgent one begins at once."""
    blocked, go_on = threading.Semaphore(0), threading.Event()

    def hold(job, _memo):
        if job.uids.sop_instance_uid.startswith("2."):
            blocked.release()
            assert go_on.wait(30)
        return {}

    steps = Steps(database, hold)
    with engine_of(database, steps.named(), slots=1) as engine:
        for number in range(4):
            arrive(database, engine.queue, f"2.{number}")
        engine.launch()
        assert blocked.acquire(timeout=30)
        arrive(database, engine.queue, "1.1", Urgency.URGENT)
        until(lambda: entry(database, "1.1").state is State.STORED)
        waiting = sum(entry(database, f"2.{n}").state is State.QUEUED for n in range(4))
        go_on.set()
        until(lambda: all_settled(database))

    assert 3 == waiting


def test_queue_is_in_the_order_of_arrival_and_old_images_wait(database):
    """The earliest first; a backfilled image is behind what arrives within a day of it."""
    steps = Steps(database)
    with engine_of(database, steps.named(), slots=1) as engine:
        arrive(database, engine.queue, "3.old", Urgency.BACKFILL, NOW)
        arrive(database, engine.queue, "2.later", at=NOW + timedelta(hours=23))
        arrive(database, engine.queue, "1.first", at=NOW)
        arrive(database, engine.queue, "4.next day", at=NOW + timedelta(hours=25))
        engine.launch()
        until(lambda: all_settled(database), engine)

    assert ["1.first", "2.later", "3.old", "4.next day"] == steps.order


@pytest.mark.parametrize("year", [1999, 2020, 2200])
def test_number_of_the_order_is_one_that_the_engine_takes(year):
    """A clock that is wrong by centuries does not keep an image from its queue."""
    assert 1 <= order(datetime(year, 1, 1, tzinfo=UTC)) <= LAST


def test_every_urgency_has_its_wait():
    """Nothing arrives that has no place in the order."""
    assert set(Urgency) == set(WAITS)
