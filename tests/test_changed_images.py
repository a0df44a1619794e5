"""An image that comes again under the same UID: the same pixels, or others."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from hilum import encode, pipeline
from hilum.dataset.results import ResultsInPacs, write_results
from hilum.eligibility import Reason
from hilum.files import dicom
from hilum.outcome import Outcome, Read, Status
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pipeline import Writing
from hilum.pixels import radiograph_from_dicom
from hilum.reading import Reading
from hilum.settings import PixelSettings, Settings
from invented import make_reading
from pixel_codings import LOSSLESS, recode
from radiographs import dicom_file, make_radiograph, thorax

NOW = datetime(2026, 1, 2, tzinfo=UTC)

UIDS = {
    "SOPInstanceUID": "1.2.826.0.1.3680043.8.498.11",
    "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.12",
    "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.13",
}
"""The same in all images of this file."""


def image(**changes: object) -> Dataset:
    """Return the image, with its UIDs."""
    return make_radiograph(**{**UIDS, **changes})


def retouched() -> Dataset:
    """Return the image with one pixel that is one grey value brighter."""
    pixels = thorax()
    pixels[100, 100] += 1
    return make_radiograph(pixels, **UIDS)


def reading_of(dataset: Dataset) -> Reading:
    """Return the reading of an image as it comes from a file."""
    received = dicom.parse(dicom_file(dataset), name="image")
    return make_reading(radiograph_from_dicom(received, PixelSettings()))


def store(pacs: OrthancArchive, dataset: Dataset, when: datetime) -> dict[int, Dataset]:
    """Read `dataset`, store its results, return them by series number."""
    settings, reading = Settings.load(), reading_of(dataset)
    write = ResultsInPacs(pacs, settings)
    read = Read(reading, pipeline.write(reading, settings, Writing(when, write.earlier)))
    outcome = write_results(Outcome("image.dcm", Status.READ, read=read), [write])
    assert Status.READ is outcome.status, outcome.reasons
    files = [pacs.fetch(where.rpartition("/")[2]) for where in outcome.outputs]
    results = [pydicom.dcmread(BytesIO(file)) for file in files]
    return {int(result.SeriesNumber): result for result in results}


def uids(results: dict[int, Dataset]) -> dict[int, str]:
    """Return the SOP Instance UIDs."""
    return {number: str(result.SOPInstanceUID) for number, result in results.items()}


def test_other_pixels_under_the_same_uid_get_other_results(empty_orthanc):
    """No result of the old image stands for the new one, and each report names its predecessor."""
    with empty_orthanc.client() as pacs:
        first = pacs.store(dicom_file(image()))
        old = store(pacs, image(), NOW)
        pacs.request("DELETE", f"/instances/{first.reference}")
        pacs.store(dicom_file(retouched()))
        new = store(pacs, retouched(), NOW + timedelta(hours=1))

    assert {901, 902, 903} == set(old) == set(new)
    assert not set(uids(old).values()) & set(uids(new).values())
    for report in (901, 902):
        (study,) = new[report].PredecessorDocumentsSequence
        (replaced,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
        assert old[report].SOPInstanceUID == replaced.ReferencedSOPInstanceUID


def test_same_image_again_changes_nothing(empty_orthanc):
    """Stored twice, at another time: the same UIDs, and no second object."""
    with empty_orthanc.client() as pacs:
        pacs.store(dicom_file(image()))
        old = store(pacs, image(), NOW)
        new = store(pacs, image(), NOW + timedelta(hours=1))
        held = len(pacs.find("Instance", {}))

    assert uids(old) == uids(new)
    assert 1 + len(old) == held


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
def test_same_pixels_in_another_coding_are_the_same_image(syntax):
    """A lossless transcoding on the way gives the same identity."""
    plain, recoded = (
        encode.report_documents(
            encode.ResultContext.of(reading_of(each), when=NOW, settings=Settings.load().report), ()
        )
        for each in (image(), recode(image(), syntax))
    )

    assert [each.SOPInstanceUID for each in plain] == [each.SOPInstanceUID for each in recoded]


def test_same_pixels_in_a_narrower_container_are_the_same_image():
    """Eight bits in one byte or in two."""
    values = (thorax() >> 4).astype(np.uint8)
    bits = {"BitsStored": 8, "HighBit": 7}
    wide = make_radiograph(values, **UIDS, **bits)
    narrow = make_radiograph(values, **UIDS, **bits, BitsAllocated=8, PixelData=values.tobytes())
    narrow["PixelData"].VR = "OB"
    digests = [reading_of(each).radiograph.pixel_digest for each in (wide, narrow)]

    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "change",
    [
        {"WindowCenter": 2000},
        {"VOILUTFunction": "SIGMOID"},
        {"PhotometricInterpretation": "MONOCHROME1"},
    ],
    ids=str,
)
def test_what_changes_how_pixels_are_shown_changes_the_results(change):
    """The same stored pixels, shown in another way, are another image to the model."""
    settings = Settings.load().report
    plain, other = (
        encode.report_documents(
            encode.ResultContext.of(reading_of(each), when=NOW, settings=settings), ()
        )
        for each in (image(), image(**change))
    )

    assert {e.SOPInstanceUID for e in plain}.isdisjoint(e.SOPInstanceUID for e in other)


def test_refusal_of_the_same_image_is_the_same_document():
    """Refused again for the same reason: nothing new is written, whatever its pixels."""
    reasons = [Reason("not_frontal", "not a frontal view", "PS3.3 C.8.11.5")]
    settings = Settings.load().report
    first, again = (
        encode.refusal_document(each, reasons, when=NOW, settings=settings)
        for each in (image(), retouched())
    )

    assert first.SOPInstanceUID == again.SOPInstanceUID


def test_real_radiograph_is_the_same_in_both_codings(chest_path, chest_lossless_path):
    """RG1, uncompressed and as lossless JPEG 2000 by somebody else's encoder."""
    digests = {
        radiograph_from_dicom(
            dicom.parse(path.read_bytes(), name="RG1"), PixelSettings()
        ).pixel_digest
        for path in (chest_path, chest_lossless_path)
    }

    assert 1 == len(digests)
