"""One SOP Instance UID in two studies, or in two series of one: each image has its own lines."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from hilum.eligibility import Reason
from hilum.jobs.queue import Queue
from hilum.jobs.reconcile import lost_forwards, lost_jobs
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import Connection, Database, forwards, images, readings, studies, worklist
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.retention import forget
from hilum.records.states import State, Urgency
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import StudyFacts

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIRST = ImageUIDs("1.1", "1.1.1", "1.9")
OTHERS = {
    "another study": ImageUIDs("1.2", "1.2.1", "1.9"),
    "another study, the same series": ImageUIDs("1.2", "1.1.1", "1.9"),
    "another series": ImageUIDs("1.1", "1.1.2", "1.9"),
    "a UID that goes on": ImageUIDs("1.1", "1.1.1", "1.91"),
    "parts that say the same together": ImageUIDs("1.1", "1.1", "1.1.9"),
    "a study without a UID": ImageUIDs("", "", "1.9"),
}
"""Why it is another image than `FIRST` → its UIDs."""

second = pytest.mark.parametrize("second", OTHERS.values(), ids=list(OTHERS))


def arrive(connection: Connection, uids: ImageUIDs, digest: str = "0a") -> Job | None:
    """Write an image down as the node does when it arrives."""
    new = Arrived("own", uids, "-".join(uids), digest, Urgency.ROUTINE, NOW)
    job = images.arrived(connection, new)
    facts = StudyFacts(uids.study_instance_uid)
    studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=NOW)
    return job


def said(score: float) -> StoredReading:
    """Return a reading with one finding."""
    finding = {"label": "Mass", "score": score, "positive": score > 0.5}
    model = {"name": "m", "version": "1", "verified": True, "demonstration": False}
    document = {"model": model, "readings": [{"findings": [finding]}]}
    return StoredReading(document, np.zeros((1, 2, 2), np.float16), FieldOfView(0, 0, 2, 2))


@second
def test_each_is_work_of_its_own(connection: Connection, second: ImageUIDs):
    """A second image is no re-send of the first one, and neither ends with the other."""
    one, other = arrive(connection, FIRST), arrive(connection, second)
    assert one is not None
    assert other is not None
    images.settle(connection, one, Settlement(State.STORED, results=("2.25.1",)), NOW)

    assert one.id != other.id
    states = [images.entry(connection, "own", uids).state for uids in (FIRST, second)]
    assert [State.STORED, State.QUEUED] == states


@second
def test_each_has_its_reading_its_picture_and_its_forwards(
    connection: Connection, second: ImageUIDs
):
    """What is written down of one replaces nothing of the other."""
    for uids, score in ((FIRST, 0.2), (second, 0.9)):
        job = arrive(connection, uids)
        images.settle(connection, job, Settlement(State.STORED), NOW)
        readings.put(connection, job, said(score))
        worklist.keep_thumbnail(connection, "own", uids, str(score).encode())
        forwards.add(connection, job, "modality:PACS", NOW)

    for uids, score in ((FIRST, 0.2), (second, 0.9)):
        kept = readings.get(connection, "own", uids).document["readings"][0]["findings"]
        assert [score] == [finding["score"] for finding in kept]
        assert str(score).encode() == worklist.thumbnail(connection, "own", uids)
        assert [uids] == [
            each.forward.uids for each in forwards.entries(connection, "own", uids=uids)
        ]


@second
def test_one_that_changes_leaves_the_other_alone(connection: Connection, second: ImageUIDs):
    """Only what came again with other pixels is read again."""
    for uids in (FIRST, second):
        images.settle(connection, arrive(connection, uids), Settlement(State.STORED), NOW)
    again = arrive(connection, second, digest="0b")

    assert (second, 2) == (again.uids, again.run)
    assert 1 == images.entry(connection, "own", FIRST).run


def analyzed(connection: Connection, scores: dict[ImageUIDs, float]) -> None:
    """Let images arrive and be analyzed."""
    for uids, score in scores.items():
        job = arrive(connection, uids)
        images.settle(connection, job, Settlement(State.STORED), NOW)
        readings.put(connection, job, said(score))
        studies.refresh(connection, "own", uids.study_instance_uid, NOW)


def test_study_is_what_its_own_image_says(connection: Connection):
    """The score of one study's image is not the other's."""
    second = OTHERS["another study"]
    analyzed(connection, {FIRST: 0.2, second: 0.9})
    rows = [worklist.row(connection, "own", uids.study_instance_uid) for uids in (FIRST, second)]

    assert [(0, 0.2), (1, 0.9)] == [(row.positives, row.findings[0][1]) for row in rows]


def test_study_is_shown_by_the_image_with_the_findings(connection: Connection):
    """Of two series with the same UID in one study, it is known which."""
    second = OTHERS["another series"]
    analyzed(connection, {FIRST: 0.2, second: 0.9})
    row = worklist.row(connection, "own", "1.1")

    assert ("1.9", "1.1.2", 2) == (row.cover, row.cover_series, row.images)


@second
def test_lost_work_is_found_for_the_image_that_has_none(database: Database, second: ImageUIDs):
    """The names of jobs are the same in SQL as here, and one's job is not the other's."""
    queue = Queue(database)
    with database.transaction() as connection:
        for uids in (FIRST, second):
            job = arrive(connection, uids)
            forward = forwards.add(connection, job, "modality:PACS", NOW)
            if uids == FIRST:
                queue.enqueue(connection, job, Urgency.ROUTINE, NOW)
                queue.enqueue_forward(connection, forward, NOW)
    with database.look() as connection:
        assert [second] == [job.uids for job, *_ in lost_jobs(connection)]
        assert [second] == [forward.uids for forward, _ in lost_forwards(connection)]


def test_only_the_named_one_is_asked_for_again(connection: Connection):
    """The other one failed too, and nobody asked."""
    second = OTHERS["another study"]
    for uids in (FIRST, second):
        end = Settlement(State.FAILED, (Reason("x", "y"),))
        images.settle(connection, arrive(connection, uids), end, NOW)

    assert [second] == [job.uids for job in images.ask_again(connection, "own", [second], NOW)]
    assert State.FAILED is images.entry(connection, "own", FIRST).state


def test_one_name_may_call_several(connection: Connection):
    """A SOP Instance UID both, with its study one; Orthanc's identifier never more than one."""
    second = OTHERS["another study"]
    for uids in (FIRST, second):
        arrive(connection, uids)

    def called(name: str, within: images.Within = (None, None)) -> list[ImageUIDs]:
        return [each.uids for each in images.called(connection, "own", name, within)]

    assert [FIRST, second] == called("1.9")
    assert [second] == called("1.9", ("1.2", None))
    assert [] == called("1.9", ("1.2", "1.1.1"))
    assert [second] == called("1.2-1.2.1-1.9")


def test_old_one_is_forgotten_alone(connection: Connection):
    """Its reading goes with it, the other's stays."""
    second = OTHERS["another study"]
    for uids, age in ((FIRST, 400), (second, 1)):
        job = arrive(connection, uids)
        readings.put(connection, job, said(0.5))
        images.settle(connection, job, Settlement(State.STORED), NOW - timedelta(days=age))

    assert 1 == forget(connection, NOW - timedelta(days=365), limit=10)
    assert readings.get(connection, "own", FIRST) is None
    assert readings.get(connection, "own", second) is not None
