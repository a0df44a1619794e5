"""A node on an archive that is no Orthanc: nothing but what `Archive` promises is used."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from hilum.node.backfill import Backfill, BackfillQuery
from hilum.node.forward import Forwarder
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.dicomweb.client import ObjectPath
from hilum.pacs.dicomweb.sweep import SweepPlan
from hilum.records import forwards
from hilum.records.forwards import ForwardState
from hilum.records.states import State
from memory_archive import MemoryArchive
from node_tools import Bench, send
from radiographs import dicom_file, make_radiograph
from scripted_dicomweb import ScriptedDicomWeb


@pytest.fixture
def archive() -> MemoryArchive:
    return MemoryArchive()


@pytest.fixture
def node(archive: MemoryArchive, tmp_path: Path, settled_reader) -> Iterator[Bench]:
    """Return a node that reads with the demonstration model."""
    made = Bench(archive, tmp_path, settled_reader, forward_to=("modality:OTHER",))
    yield made
    made.close()


def test_image_is_read_and_its_results_are_stored_beside_it(archive, node):
    """From its arrival to its line; results make no work."""
    uid = send(archive)
    node.work()
    node.work()
    entry = node.entry(uid)

    assert (State.STORED, 1) == (entry.state, entry.run)
    assert set(entry.results) == archive.present(entry.result_references)
    assert {State.STORED: 1} == node.counts()


def test_changed_image_is_read_again(archive, node):
    """Though here the new pixels take the place of the old ones."""
    image = make_radiograph()
    for comment in ("first", "second"):
        image.ImageComments = comment
        archive.store(dicom_file(image))
        node.work()

    assert 2 == node.entry(str(image.SOPInstanceUID)).run


def test_deleted_image_is_gone(archive, node):
    """Nothing is stored for it."""
    uid = send(archive)
    node.follow()
    archive.delete(*archive.find_objects(uid))
    node.work()

    assert State.GONE is node.entry(uid).state
    assert {} == archive.kept


def test_too_large_image_is_refused(archive, tmp_path):
    """With its size."""
    node = Bench(archive, tmp_path / "small", max_file_bytes=1000)
    uid = send(archive)
    node.work()

    assert (State.REFUSED, "too_large") == (node.entry(uid).state, node.entry(uid).reasons[0].code)
    node.close()


def test_images_of_the_past_are_queued(archive, node):
    """Study by study."""
    uid = send(archive, StudyDate="20200131", Modality="DX")
    send(archive, StudyDate="20200131", Modality="CT")
    send(archive, StudyDate="20240131")
    wanted = BackfillQuery(date(2020, 1, 1), date(2020, 12, 31), ("DX",))

    assert 1 == sum(Backfill(node.context, wanted).run())
    assert State.QUEUED is node.entry(uid).state


def test_archive_that_sends_nothing_on_is_named(archive, node):
    """Sending has failed, and says why."""
    uid = send(archive)
    node.work()
    with node.database.look() as connection:
        (line,) = forwards.entries(connection, "own", uids=node.entry(uid).uids)
    Forwarder(node.context)(line.forward, 1)
    with node.database.look() as connection:
        (line,) = forwards.entries(connection, "own", uids=node.entry(uid).uids)

    assert ForwardState.FAILED is line.state
    assert "cannot forward" in line.why


def test_report_of_another_node_is_read_back(archive, node, tmp_path):
    """While this one has no model of its own."""
    uid = send(archive)
    node.work()
    waiting = Bench(archive, tmp_path / "other")
    waiting.follower.intake.held = True
    waiting.follow()

    assert State.ELSEWHERE is waiting.entry(uid).state
    waiting.close()


def test_image_is_fetched_once_over_dicomweb(tmp_path, settled_reader):
    """On its arrival; the analysis takes that file, and asks for it again after a minute."""
    server, now = ScriptedDicomWeb(), [0.0]
    plan = SweepPlan(today=lambda: date(2024, 1, 2), clock=lambda: now[0])
    with closing(DicomWebArchive("http://pacs/web", transport=server, plan=plan)) as archive:
        node = Bench(archive, tmp_path, settled_reader)
        uids = [server.put(StudyDate="20240102")]
        node.work()
        now[0] = 10.0
        uids.append(server.put(StudyDate="20240102"))
        node.follow()
        now[0] = 71.0
        node.work()
        fetched = [server.asked.count(f"GET {ObjectPath(*each)}") for each in uids]
        states = {node.entry(each.sop_instance_uid).state for each in uids}
        node.close()

    assert {State.STORED} == states
    assert [1, 2] == fetched
