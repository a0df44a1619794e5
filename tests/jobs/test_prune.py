"""What ended long ago is forgotten; nothing is read twice for that."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from hilum.jobs.dbos_tables import workflows
from hilum.jobs.engine import Retention
from hilum.jobs.prune import prune_jobs, prune_records
from hilum.jobs.queue import Queue
from hilum.records import forwards, images, studies
from hilum.records.images import Settlement
from hilum.records.states import State, Urgency
from hilum.records.studies import StudyFacts
from hilum.records.tables import IMAGE, STUDY, STUDY_WORD
from image_names import image_uids
from job_tools import NOW, PACE, Steps, all_settled, arrive, engine_of, entry, until

AT_ONCE = Retention(poll_s=PACE.poll_s, prune_s=0.2, keep_jobs=timedelta(0))


def jobs(database) -> int:
    """Return how many jobs are kept."""
    with database.look() as connection:
        rows = workflows(connection)
        return connection.scalar(select(func.count()).select_from(rows)) or 0


def test_jobs_are_forgotten_and_images_are_not(database):
    """An image that comes again is known, though its job is not there any more."""
    steps = Steps(database)
    with engine_of(database, steps.named(), pace=AT_ONCE) as engine:
        arrive(database, engine.queue, "1.1")
        engine.launch()
        until(lambda: all_settled(database) and jobs(database) == 0, engine)
        assert arrive(database, engine.queue, "1.1") is None

    assert 1 == steps.done["settle", "1.1"]


def test_jobs_that_wait_are_kept(database):
    """However old; and those that ended lately are, too."""
    queue = Queue(database)
    arrive(database, queue, "1.1")

    assert 0 == prune_jobs(queue, datetime.now(UTC) + timedelta(days=1))
    assert 1 == jobs(database)


def test_old_images_are_forgotten_with_all_that_is_theirs(database):
    """Settled ones, with their studies once these are empty; the rest stays."""
    queue = Queue(database)
    for uid in ("old", "new", "waits"):
        with database.transaction() as connection:
            facts = StudyFacts(f"study-{uid}", patient_name="Doe^Jane")
            studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=NOW)
            new = images.Arrived(
                "own", image_uids(uid, f"study-{uid}"), uid, None, Urgency.ROUTINE, NOW
            )
            job = images.arrived(connection, new)
            forwards.add(connection, job, "modality:PACS", NOW)
            if uid != "waits":
                when = NOW if uid == "old" else NOW + timedelta(days=2)
                images.settle(connection, job, Settlement(State.STORED), when)
    assert 1 == prune_records(database, NOW + timedelta(days=1))
    assert 0 == prune_records(database, NOW + timedelta(days=1))
    with database.look() as connection:
        left = {
            "images": set(connection.scalars(select(IMAGE.c.sop_instance_uid))),
            "studies": set(connection.scalars(select(STUDY.c.study_instance_uid))),
            "words": set(connection.scalars(select(STUDY_WORD.c.study_instance_uid))),
            "forwards": {
                e.forward.uids.sop_instance_uid for e in forwards.entries(connection, "own")
            },
        }

    uids, names = {"new", "waits"}, {"study-new", "study-waits"}
    assert {"images": uids, "studies": names, "words": names, "forwards": uids} == left
    assert queue.client is not None


def test_retry_reads_again_what_ended_without_results(database):
    """Asked for and enqueued in one transaction, in the image's own queue."""
    tries = []

    def fail_once(_job, _memo):
        tries.append(1)
        return {"end": "failed", "reasons": [["x", "y", ""]]} if len(tries) == 1 else {}

    steps = Steps(database, fail_once)
    with engine_of(database, steps.named()) as engine:
        arrive(database, engine.queue, "1.1", Urgency.URGENT)
        engine.launch()
        until(lambda: all_settled(database), engine)
        with database.transaction() as connection:
            both = [image_uids("1.1"), image_uids("1.2")]
            (job,) = engine.queue.retry(connection, "own", both, datetime.now(UTC))
        until(lambda: entry(database, "1.1").state is State.STORED, engine)
        with database.transaction() as connection:
            assert [] == engine.queue.retry(connection, "own", both, datetime.now(UTC))

    assert (2, Urgency.URGENT) == (job.run, entry(database, "1.1").urgency)
