"""One line for each image: nothing is done twice, and nothing is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hilum.eligibility import Reason
from hilum.records import Connection, images
from hilum.records.images import Arrived, ImageRecord, Settlement
from hilum.records.states import SETTLED, State, Urgency
from image_names import image_uids

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IMAGE = Arrived("own", image_uids("1.2.3"), "abc", "0a", Urgency.ROUTINE, NOW)
STORED = Settlement(
    State.STORED,
    results=("2.25.1", "2.25.2"),
    result_references=("aa", "bb"),
    model="densenet 1",
    seconds={"predict": 0.5},
)
FAILED = Settlement(State.FAILED, (Reason("pacs", "the archive said no"),))


def known(connection: Connection, identifier: str) -> ImageRecord:
    """Return the line of the only image that is called so."""
    (found,) = images.called(connection, "own", identifier)
    return found


def test_new_image_is_queued_work(connection):
    """The first time that an image is seen, there is a first run to do."""
    job = images.arrived(connection, IMAGE)

    assert ("own|1.2|1.2.0|1.2.3|1", State.QUEUED) == (job.id, known(connection, "abc").state)


def test_known_image_makes_no_work(connection):
    """Whether it waits, is in work or is done: the same file is not read twice."""
    job = images.arrived(connection, IMAGE)
    waiting = images.arrived(connection, IMAGE)
    images.begin(connection, job, NOW)
    in_work = images.arrived(connection, IMAGE)
    images.settle(connection, job, STORED, NOW)

    assert (None, None, None) == (waiting, in_work, images.arrived(connection, IMAGE))


def test_changed_image_is_read_again(connection):
    """Another file under the same UID is a new run, which begins with a clean line."""
    images.settle(connection, images.arrived(connection, IMAGE), FAILED, NOW)
    job = images.arrived(connection, replace(IMAGE, file_digest="0b"))
    entry = known(connection, "1.2.3")

    assert (2, State.QUEUED, (), "0b") == (
        job.run,
        entry.state,
        entry.reasons,
        entry.file_digest,
    )


def test_image_that_changes_while_it_waits_keeps_its_turn(connection):
    """Its turn reads the file as it is then."""
    images.arrived(connection, IMAGE)

    assert images.arrived(connection, replace(IMAGE, file_digest="0b")) is None
    assert (1, "0b") == (
        known(connection, "abc").run,
        known(connection, "abc").file_digest,
    )


def test_image_that_changes_while_it_is_read_is_read_again(connection):
    """The run that read the old file may not write its end."""
    old = images.arrived(connection, IMAGE)
    images.begin(connection, old, NOW)
    new = images.arrived(connection, replace(IMAGE, file_digest="0b"))

    assert not images.settle(connection, old, STORED, NOW)
    assert images.settle(connection, new, STORED, NOW)


def test_end_is_written_once(connection):
    """Work that is done twice after a crash has one end, and a late start does nothing."""
    job = images.arrived(connection, IMAGE)

    begun = [images.begin(connection, job, NOW) for _ in range(2)]
    settled = [images.settle(connection, job, end, NOW) for end in (STORED, FAILED)]

    assert [(State.READING, 1), (State.READING, 2)] == [(x.state, x.attempts) for x in begun if x]
    assert [known(connection, "abc"), None] == settled
    assert images.begin(connection, job, NOW) is None
    assert State.STORED is known(connection, "abc").state


def test_line_keeps_all_that_is_said(connection):
    """Reasons, results, model, seconds and times come back as they went in."""
    job = images.arrived(connection, IMAGE)
    images.begin(connection, job, NOW)
    images.settle(connection, job, STORED, NOW + timedelta(seconds=1))
    entry = known(connection, "1.2.3")

    assert (STORED.results, STORED.result_references, STORED.model, STORED.seconds) == (
        entry.results,
        entry.result_references,
        entry.model,
        entry.seconds,
    )
    assert (1, NOW, NOW, NOW + timedelta(seconds=1)) == (
        entry.attempts,
        entry.arrived,
        entry.started,
        entry.settled,
    )


def test_results_are_known_by_what_the_archive_calls_them(connection):
    """A search by UID reads the whole index of some archives; nobody has to make one."""
    images.settle(connection, images.arrived(connection, IMAGE), STORED, NOW)
    entry = known(connection, "1.2.3")

    assert ("bb", None) == (entry.reference_to("2.25.2"), entry.reference_to("2.25.9"))


def test_each_archive_has_its_own_lines(connection):
    """The same image in two archives is work in each."""
    images.arrived(connection, IMAGE)

    assert images.arrived(connection, replace(IMAGE, archive="other")) is not None
    assert {State.QUEUED: 1} == images.counts(connection, "own")


def test_held_images_are_released_together(connection):
    """They wait for a model, and then for their turn."""
    images.arrived(connection, IMAGE, held=True)
    images.arrived(connection, replace(IMAGE, uids=image_uids("1.2.4"), reference="abd"))

    assert {State.HELD: 1, State.QUEUED: 1} == images.counts(connection, "own")
    assert 1 == images.release_held(connection, "own")
    assert {State.QUEUED: 2} == images.counts(connection, "own")


def test_asking_again_is_for_what_ended_without_results(connection):
    """Failed, refused and gone images can be tried again; stored ones cannot."""
    for number, state in enumerate(sorted(SETTLED)):
        new = replace(IMAGE, uids=image_uids(f"1.{state}"), reference=f"id{number}")
        job = images.arrived(connection, new)
        images.settle(connection, job, Settlement(state, (Reason("x", "y"),)), NOW)

    jobs = images.ask_again(connection, "own", [image_uids(f"1.{state}") for state in SETTLED], NOW)
    assert {"1.failed", "1.refused", "1.gone"} == {job.uids.sop_instance_uid for job in jobs}
    assert {2} == {job.run for job in jobs}
    assert {State.STORED: 1, State.QUEUED: 3} == images.counts(connection, "own")


def test_vanished_work_is_counted(connection):
    """Each new run that nobody asked for is counted, and only while there is no end."""
    job = images.arrived(connection, IMAGE)
    again = images.run_again(connection, job)

    assert (2, 1) == (again.run, known(connection, "abc").lost)
    assert images.run_again(connection, job) is None


def test_depth_tells_what_waits_and_since_when(connection):
    """By urgency; what is in work or settled does not wait."""
    for number, urgency in enumerate(Urgency):
        new = replace(
            IMAGE,
            uids=image_uids(f"1.{number}"),
            reference=f"id{number}",
            urgency=urgency,
            at=NOW + timedelta(seconds=number),
        )
        job = images.arrived(connection, new)
        if number == 0:
            images.begin(connection, job, NOW)
    depth = images.depth(connection, "own")

    assert {Urgency.URGENT: 0, Urgency.ROUTINE: 1, Urgency.BACKFILL: 1} == depth.waiting
    assert (1, NOW + timedelta(seconds=1)) == (depth.reading, depth.oldest)


def test_list_is_newest_first_and_limited(connection):
    """The newest lines come first, at most as many as were asked for."""
    for number in range(3):
        uid = f"1.{number}"
        at = NOW + timedelta(seconds=number)
        images.arrived(connection, replace(IMAGE, uids=image_uids(uid), reference=uid, at=at))
    found = images.entries(connection, "own", limit=2)

    assert ["1.2", "1.1"] == [entry.reference for entry in found]
    assert [] == images.entries(connection, "own", [State.FAILED])
    assert 3 == len(images.entries(connection, "own", study_instance_uid="1.2"))


@pytest.mark.parametrize("state", [State.HELD, State.QUEUED, State.READING])
def test_unsettled_state_is_no_end(state):
    """Work can't end in a state in which it goes on."""
    with pytest.raises(ValueError, match="not the end"):
        Settlement(state)


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED])
def test_refusal_and_failure_need_a_reason(state):
    """Nothing is refused or fails without a word."""
    with pytest.raises(ValueError, match="needs a reason"):
        Settlement(state)
