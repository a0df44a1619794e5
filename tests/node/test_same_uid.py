"""One SOP Instance UID in two studies, or in two series of one: two images, read and kept apart."""

from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from hilum import pipeline
from hilum.dataset.results import ResultsInPacs, write_results
from hilum.files import dicom
from hilum.outcome import Outcome, Read, Status
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.phantom import make
from hilum.pipeline import Writing
from hilum.pixels import radiograph_from_dicom
from hilum.radiograph import ImageUIDs
from hilum.records import images, readings, worklist
from hilum.records.states import State
from hilum.settings import Settings
from invented import make_reading
from node_tools import Bench
from radiographs import dicom_file

pytestmark = pytest.mark.orthanc

NEW_UIDS = {
    "half-done anonymiser": {"StudyInstanceUID": "1.2.40.2", "SeriesInstanceUID": "1.2.40.3"},
    "moved study that kept its series": {"StudyInstanceUID": "1.2.40.2"},
    "two series of one study": {"SeriesInstanceUID": "1.2.40.3"},
}
"""How a SOP Instance UID comes twice → what is new in the second image."""

twice = pytest.mark.parametrize("new", NEW_UIDS.values(), ids=list(NEW_UIDS))


def pair(new: dict[str, str]) -> tuple[Dataset, Dataset]:
    """Return two images with one SOP Instance UID: one with an effusion, one of another person."""
    first = make(1, findings=["effusion"], size=256).dataset
    second = make(2, findings=[], size=256).dataset
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(second, keyword, first[keyword].value)
    for keyword, uid in new.items():
        setattr(second, keyword, uid)
    second.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    if "StudyInstanceUID" in new:
        second.PatientID, second.PatientName = "ANON77", "ANON"
    else:
        second.PatientID, second.PatientName = first.PatientID, first.PatientName
    return first, second


def results_of(node: Bench, pacs: OrthancArchive, image: Dataset) -> list[Dataset]:
    """Return the results that the records tell of an image, from the PACS."""
    with node.database.look() as connection:
        entry = images.entry(connection, "own", ImageUIDs.of(image))
    assert entry is not None
    assert State.STORED is entry.state
    return [dcmread(BytesIO(pacs.fetch(each))) for each in entry.result_references]


@twice
def test_each_is_read_and_has_its_results_in_its_study(pacs, bench, settled_reader, new):
    """Two lines, two readings, and no UID of a result is there twice."""
    node = bench(settled_reader)
    both = pair(new)
    for image in both:
        pacs.store(dicom_file(image))
    node.work()
    found = [results_of(node, pacs, image) for image in both]
    uids = [{str(result.SOPInstanceUID) for result in results} for results in found]
    series = [{str(result.SeriesInstanceUID) for result in results} for results in found]

    assert not uids[0] & uids[1]
    assert not series[0] & series[1]
    for image, results in zip(both, found, strict=True):
        assert {str(image.StudyInstanceUID)} == {str(each.StudyInstanceUID) for each in results}
        assert {str(image.PatientID)} == {str(each.PatientID) for each in results}
        assert not any("PredecessorDocumentsSequence" in each for each in results)
    with node.database.look() as connection:
        first, second = (readings.get(connection, "own", ImageUIDs.of(each)) for each in both)
    assert not np.array_equal(first.maps, second.maps)


def test_the_same_pixels_twice_have_two_sets_of_results(pacs, bench, settled_reader):
    """A moved study holds the very same image: only the study tells them apart."""
    first = make(1, findings=["effusion"], size=256).dataset
    second = dcmread(BytesIO(dicom_file(first)))
    second.StudyInstanceUID = "1.2.40.2"
    node = bench(settled_reader)
    for image in (first, second):
        pacs.store(dicom_file(image))
    node.work()
    uids = [
        {str(each.SOPInstanceUID) for each in results_of(node, pacs, i)} for i in (first, second)
    ]

    assert not uids[0] & uids[1]


@twice
def test_one_that_comes_again_is_read_again_alone(pacs, bench, settled_reader, new):
    """With other pixels, after it was deleted; its reports name its own earlier ones."""
    node = bench(settled_reader)
    first, second = pair(new)
    for image in (first, second):
        pacs.store(dicom_file(image))
    node.work()
    before = {str(each.SOPInstanceUID) for each in results_of(node, pacs, second)}
    with node.database.look() as connection:
        known = images.entry(connection, "own", ImageUIDs.of(second))
    pacs.delete(known.reference)
    second.PixelData = bytes([second.PixelData[0] ^ 1]) + second.PixelData[1:]
    pacs.store(dicom_file(second))
    node.work()
    with node.database.look() as connection:
        runs = [images.entry(connection, "own", ImageUIDs.of(each)).run for each in (first, second)]
    replaced = {
        str(item.ReferencedSOPInstanceUID)
        for each in results_of(node, pacs, second)
        for study in each.get("PredecessorDocumentsSequence", ())
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }

    assert [1, 2] == runs
    assert replaced
    assert replaced <= before


def test_one_that_is_gone_leaves_the_other(pacs, bench):
    """What is deleted before its turn is gone; the other one is read."""
    node = bench()
    first, second = pair(NEW_UIDS["half-done anonymiser"])
    gone = pacs.store(dicom_file(first)).reference
    pacs.store(dicom_file(second))
    node.follow()
    pacs.delete(gone)
    for job in node.jobs():
        node.do(job)
    with node.database.look() as connection:
        states = [
            images.entry(connection, "own", ImageUIDs.of(each)).state for each in (first, second)
        ]

    assert [State.GONE, State.STORED] == states


def only_patient_id_is_new() -> tuple[Dataset, Dataset]:
    """Return two patients' images with the same three UIDs."""
    first, second = pair({})
    second.PatientID, second.PatientName = "ANON77", "Other^Person"
    return first, second


def warnings_of(node: Bench, image: Dataset) -> list[str]:
    with node.database.look() as connection:
        return list(worklist.row(connection, "own", str(image.StudyInstanceUID)).warnings)


@pytest.mark.parametrize("at_once", [True, False])
def test_image_that_another_patients_replaced_is_not_lost_in_silence(pacs, bench, at_once, caplog):
    """All three UIDs are kept, and the first still waits: the log and the study say so."""
    node = bench()
    first, second = only_patient_id_is_new()
    replaced = pacs.store(dicom_file(first)).reference
    if not at_once:
        node.follow()
    pacs.store(dicom_file(second))
    node.work()

    assert ["patients_differ", "image_replaced"] == sorted(warnings_of(node, first), reverse=True)
    assert replaced in caplog.text
    assert "image.replaced" in caplog.text
    for private in ("ANON77", "Other", str(first.PatientID), str(first.PatientName)):
        assert private not in caplog.text


def test_image_that_was_read_before_is_not_replaced(pacs, bench):
    """Its results are in the PACS: the study names two patients, and nothing was lost."""
    node = bench()
    for image in only_patient_id_is_new():
        pacs.store(dicom_file(image))
        node.work()

    assert ["patients_differ"] == warnings_of(node, image)


def test_image_with_the_uid_of_a_result_is_no_result(pacs, bench):
    """What this process stored lately is known by its UID; an image under it is read too."""
    node = bench()
    first, second = pair(NEW_UIDS["half-done anonymiser"])
    pacs.store(dicom_file(first))
    node.work()
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = node.entry(
        str(first.SOPInstanceUID)
    ).results[0]
    pacs.store(dicom_file(second))
    node.work()

    assert [str(first.SOPInstanceUID), str(second.SOPInstanceUID)] == node.recorder.seen


def test_results_by_hand_go_to_the_images_own_study(pacs):
    """`hilum read --store` asks for the image by its study and series too."""
    settings = Settings.load()
    write = ResultsInPacs(pacs, settings)
    both = pair(NEW_UIDS["half-done anonymiser"])
    for image in both:
        pacs.store(dicom_file(image))
    for image in both:
        received = dicom.parse(dicom_file(image), name="image")
        reading = make_reading(radiograph_from_dicom(received, settings.pixels))
        made = pipeline.write(reading, settings, Writing(datetime.now(UTC), write.earlier))
        outcome = Outcome("image.dcm", Status.READ, read=Read(reading, made))
        stored = write_results(outcome, [write]).outputs
        studies = {
            str(dcmread(BytesIO(pacs.fetch(where.rpartition("/")[2]))).StudyInstanceUID)
            for where in stored
        }
        assert {str(image.StudyInstanceUID)} == studies
