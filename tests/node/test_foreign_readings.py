"""What another hilum stored is the reading of an image that waits for a model."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO

from hilum.eligibility import Reason
from hilum.node.processed import ProcessedImage
from hilum.outcome import Status
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.phantom import make
from hilum.records import audit, images, readings, worklist
from hilum.records.images import ImageRecord
from hilum.records.states import State
from hilum.records.stored_reading import StoredReading
from hilum.records.worklist import StudyRow
from node_tools import Bench
from radiographs import dicom_file

pytestmark = pytest.mark.orthanc

Edit = Callable[[Dataset], None]


@pytest.fixture
def chest() -> Dataset:
    return make(1, findings=["effusion"], size=256).dataset


@pytest.fixture
def waiting(bench: Any) -> Bench:
    """Return a node without a model."""
    node: Bench = bench()
    node.follower.intake.held = True
    return node


def made(reader: Any, chest: Dataset, when: str = "2024-05-06T07:08:09+00:00") -> ProcessedImage:
    """Return what another hilum makes of an image."""
    answer: ProcessedImage = reader(dicom_file(chest), (), datetime.fromisoformat(when))
    return answer


def store(pacs: OrthancArchive, answer: ProcessedImage, edit: Edit = lambda _: None) -> None:
    """Store results as another hilum does, the last of them edited."""
    *others, report = answer.results
    for each in others:
        pacs.store(each.file)
    edited = dcmread(DicomBytesIO(report.file))
    edit(edited)
    pacs.store(dicom_file(edited))


def kept(node: Bench, chest: Dataset) -> tuple[ImageRecord, StudyRow, StoredReading | None]:
    entry = node.entry(str(chest.SOPInstanceUID))
    with node.database.look() as connection:
        row = worklist.row(connection, node.context.archive, entry.study_instance_uid)
        assert row is not None
        return entry, row, readings.get(connection, node.context.archive, entry.uids)


def test_report_of_another_becomes_the_reading(waiting, pacs, chest, settled_reader):
    """With its findings, its model, its links and from where it came."""
    answer = made(settled_reader, chest)
    pacs.store(dicom_file(chest))
    waiting.follow()
    before = kept(waiting, chest)
    store(pacs, answer)
    waiting.follow()
    entry, row, reading = kept(waiting, chest)

    assert (State.HELD, "held", None) == (before[0].state, before[1].state, before[2])
    assert (State.ELSEWHERE, "elsewhere") == (entry.state, row.state)
    assert reading is not None
    assert answer.reading is not None
    own, read_back = (
        each.document["readings"][0]["findings"] for each in (answer.reading, reading)
    )
    assert [(f["label"], f["positive"]) for f in own] == [
        (f["label"], f["positive"]) for f in read_back
    ]
    assert [f["score"] for f in own] == pytest.approx([f["score"] for f in read_back], abs=2e-7)
    assert answer.reading.document["model"] == reading.document["model"]
    assert row.positives == sum(f["positive"] for f in own) > 0
    assert answer.results[-1].sop_instance_uid == entry.results[-1]
    assert answer.results[0].sop_instance_uid == entry.results[0]
    assert "2024-05-06T07:08:09+00:00" == reading.origin["at"]
    assert "127.0.0.1" in reading.origin["received_from"]
    with waiting.database.look() as connection:
        assert "image.elsewhere" in [each.line.action for each in audit.lines(connection)]


def test_nobody_waits_for_it_any_more(waiting, pacs, chest, settled_reader):
    """Neither as held nor as work of which there is none."""
    pacs.store(dicom_file(chest))
    store(pacs, made(settled_reader, chest))
    waiting.follow()
    with waiting.database.look() as connection:
        depth = images.depth(connection, waiting.context.archive)

    assert {State.ELSEWHERE: 1} == waiting.counts()
    assert (0, None) == (sum(depth.waiting.values()), depth.oldest)


def test_own_reading_replaces_it(bench, pacs, chest, settled_reader):
    """Once the node has a model; nothing doubles in the archive."""
    node = bench(settled_reader)
    node.follower.intake.held = True
    pacs.store(dicom_file(chest))
    store(pacs, made(settled_reader, chest))
    node.follow()
    before = len(pacs.find("Instance", {}))
    node.follower.intake.held = False
    with node.database.transaction() as connection:
        images.release_held(connection, node.context.archive)
    node.work()
    entry, row, reading = kept(node, chest)

    assert (State.STORED, "stored") == (entry.state, row.state)
    assert reading is not None
    assert reading.origin is None
    assert reading.maps.size
    assert before == len(pacs.find("Instance", {}))


def test_own_refusal_replaces_it(bench, pacs, chest, settled_reader):
    """What this node may not read has no findings here."""

    def refuse(*_: Any, **__: Any) -> ProcessedImage:
        return ProcessedImage(Status.REFUSED, (Reason("not_frontal", "a lateral view"),))

    node = bench(refuse)
    node.follower.intake.held = True
    pacs.store(dicom_file(chest))
    store(pacs, made(settled_reader, chest))
    node.follow()
    before = kept(node, chest)
    node.work()
    entry, row, reading = kept(node, chest)

    assert (State.ELSEWHERE, True) == (before[0].state, before[2] is not None)
    assert (State.REFUSED, "refused", 0, None) == (entry.state, row.state, row.positives, reading)


def test_node_with_a_model_says_itself(bench, pacs, chest, settled_reader):
    """It does not take another's word for what it is about to analyze."""
    node = bench()
    pacs.store(dicom_file(chest))
    store(pacs, made(settled_reader, chest))
    node.follow()

    assert {State.QUEUED: 1} == node.counts()


@pytest.mark.parametrize("first", [0, 1], ids=["the older first", "the newer first"])
def test_newer_report_counts(waiting, pacs, chest, settled_reader, first):
    """In whichever order they come."""
    answers = [made(settled_reader, chest, f"202{n}-05-06T07:08:09+00:00") for n in (1, 2)]
    pacs.store(dicom_file(chest))
    for number, answer in enumerate((answers[first], answers[1 - first])):
        store(pacs, answer, lambda report, name=f"1.2.{number}": renamed(report, name))
        waiting.follow()
    reading = kept(waiting, chest)[2]

    assert reading is not None
    assert reading.origin is not None
    assert reading.origin["at"].startswith("2022")


def test_image_that_came_again_waits_again(waiting, pacs, chest, settled_reader):
    """What was said of its earlier pixels is not said of the new ones."""
    pacs.store(dicom_file(chest))
    store(pacs, made(settled_reader, chest))
    waiting.follow()
    changed = dcmread(DicomBytesIO(dicom_file(chest)))
    changed.PixelData = bytes(reversed(changed.PixelData))
    pacs.delete(waiting.entry(str(chest.SOPInstanceUID)).reference)
    pacs.store(dicom_file(changed))
    waiting.follow()
    entry, row, reading = kept(waiting, chest)

    assert (State.HELD, "held", 0, None) == (entry.state, row.state, row.positives, reading)


def renamed(report: Dataset, uid: str) -> None:
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = uid


def another_maker(report: Dataset) -> None:
    report.Manufacturer = "Somebody"


def another_device(report: Dataset) -> None:
    report.ManufacturerModelName = "Something"


def another_image(report: Dataset) -> None:
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    for series in study.ReferencedSeriesSequence:
        series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3"


def nothing_inside(report: Dataset) -> None:
    del report.ContentSequence


def scores_of_a_thousand(report: Dataset) -> None:
    for row in report.ContentSequence[-1].ContentSequence:
        for item in row.get("ContentSequence", ()):
            if item.ValueType == "NUM":
                item.MeasuredValueSequence[0].FloatingPointValue = 1000.0


def another_title(report: Dataset) -> None:
    report.ConceptNameCodeSequence[0].CodeValue = "126001"


@pytest.mark.parametrize(
    "forge",
    [
        another_maker,
        another_device,
        another_image,
        nothing_inside,
        scores_of_a_thousand,
        another_title,
    ],
    ids=lambda forge: forge.__name__,
)
def test_forged_and_broken_reports_change_nothing(waiting, pacs, chest, settled_reader, forge):
    """They neither stop the node nor say anything of the image."""
    pacs.store(dicom_file(chest))
    store(pacs, made(settled_reader, chest), forge)
    waiting.follow()
    with waiting.database.look() as connection:
        entries = images.entries(connection, waiting.context.archive)
    entry = next(each for each in entries if each.sop_instance_uid == chest.SOPInstanceUID)
    with waiting.database.look() as connection:
        reading = readings.get(connection, waiting.context.archive, entry.uids)

    assert (State.HELD, None) == (entry.state, reading)


@pytest.mark.parametrize(
    ("ending", "status"),
    [("/file", 404), ("/file", 500), ("/metadata", 404), ("/metadata", 500)],
)
def test_report_that_the_pacs_cannot_give_holds_nothing_up(
    waiting, faults, settled_reader, ending, status
):
    """What comes after it is taken up all the same."""
    pacs, chest = waiting.pacs, make(1, findings=["effusion"], size=256).dataset
    pacs.store(dicom_file(chest))
    waiting.follow()

    def fault(request: httpx.Request) -> httpx.Response | None:
        lost = request.url.path.endswith(ending)
        return httpx.Response(status, request=request) if lost else None

    store(pacs, made(settled_reader, chest))
    faults.fault = fault
    waiting.follow()
    faults.fault = lambda _: None
    pacs.store(dicom_file(make(2, findings=[], size=256).dataset))
    waiting.follow()

    assert {State.HELD: 2} == waiting.counts()


def test_report_that_came_before_its_image_counts(waiting, pacs, chest, settled_reader):
    """As where another PACS sends a study on, its series in any order."""
    store(pacs, made(settled_reader, chest))
    waiting.follow()
    pacs.store(dicom_file(chest))
    waiting.follow()

    assert {State.ELSEWHERE: 1} == waiting.counts()


def test_report_on_an_image_that_is_not_known_makes_no_work(waiting, pacs, chest, settled_reader):
    """Where the node began after the image came."""
    store(pacs, made(settled_reader, chest))
    waiting.follow()

    assert {} == waiting.counts()
