"""A whole node on DICOMweb servers that nobody here wrote: intake, reading, results, deletion."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dicomweb_servers import ALL_DAYS, tiny_pacs, web_of
from hilum.node.backfill import Backfill, BackfillQuery
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.records.states import State
from node_tools import Bench, send

TODAY = f"{datetime.now(UTC):%Y%m%d}"


@pytest.fixture(params=[pytest.param("orthanc", marks=pytest.mark.orthanc), "tiny"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DicomWebArchive]:
    """Return each server in turn, empty."""
    if request.param == "tiny":
        with tiny_pacs(tmp_path) as url, closing(DicomWebArchive(url)) as made:
            yield made
        return
    with closing(web_of(request.getfixturevalue("empty_orthanc"))) as made:
        yield made


@pytest.fixture
def node(archive: DicomWebArchive, tmp_path: Path, settled_reader) -> Iterator[Bench]:
    """Return a node that reads with the demonstration model."""
    made = Bench(archive, tmp_path / "node", settled_reader)
    yield made
    made.close()


def test_image_is_read_and_its_results_are_stored_beside_it(archive, node):
    """From its arrival to its line; results make no work, also of a node that knows none."""
    uid = send(archive, StudyDate=TODAY)
    node.work()
    node.work()
    entry = node.entry(uid)

    assert (State.STORED, 1) == (entry.state, entry.run)
    assert set(entry.results) == archive.present(entry.result_references)
    assert {State.STORED: 1} == node.counts()


def test_results_make_no_work_after_a_restart(archive, node, tmp_path):
    """A node that never saw them reads the image, and nothing else."""
    uid = send(archive, StudyDate=TODAY)
    node.work()
    other = Bench(archive, tmp_path / "other")
    other.follow()
    other.work()

    assert [uid] == other.recorder.seen
    other.close()


def test_late_image_of_a_known_study_is_read(archive, node):
    """Whether or not the server counts."""
    study = "1.2.3.4"
    for _ in range(3):
        send(archive, StudyDate=TODAY, StudyInstanceUID=study)
        node.work()
        node.work()

    assert {State.STORED: 3} == node.counts()


def test_images_that_come_while_others_are_read_are_read(archive, node):
    """Some in the midst of a sweep."""
    for _ in range(5):
        send(archive, StudyDate=TODAY)
        node.follower.step()
        send(archive, StudyDate=TODAY)
    node.work()
    node.work()

    assert {State.STORED: 10} == node.counts()


def test_images_of_the_past_are_queued_on_demand(archive, node):
    """A sweep leaves old studies alone."""
    uid = send(archive, StudyDate="20200131", Modality="DX")
    send(archive, StudyDate="20200131", Modality="CT")
    send(archive, StudyDate="20240131")
    node.follow()
    wanted = BackfillQuery(date(2020, 1, 1), date(2020, 12, 31), ("DX",))

    assert {} == node.counts()
    assert 1 == sum(Backfill(node.context, wanted).run())
    assert State.QUEUED is node.entry(uid).state


@pytest.mark.orthanc
def test_deleted_image_is_gone_and_what_cannot_be_deleted_is_left(empty_orthanc, node_on):
    """Results of an image that somebody deleted meanwhile do not fail its job."""
    plain = DicomWebArchive(
        f"{empty_orthanc.url}/dicom-web", auth=web_of(empty_orthanc).web._auth, plan=ALL_DAYS
    )
    node = node_on(plain)
    uid = send(plain)
    node.follow()
    (job,) = node.jobs()
    state: dict = {}
    for name in ("read", "store"):
        state.update(node.steps[name](job, dict(state)))
    web_of(empty_orthanc).delete(job.reference)
    state.update(node.steps["verify"](job, dict(state)))
    node.steps["settle"](job, state)

    assert State.GONE is node.entry(uid).state
    plain.close()


@pytest.fixture
def node_on(tmp_path: Path) -> Iterator:
    """Make nodes."""
    made: list[Bench] = []

    def make(archive: DicomWebArchive) -> Bench:
        made.append(Bench(archive, tmp_path / "node"))
        return made[-1]

    yield make
    for each in made:
        each.close()
