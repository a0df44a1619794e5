"""The overlay as a Secondary Capture Image."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage

from hilum.encode import ResultContext, extra_objects, secondary_capture, to_bytes
from hilum.explain import heat, overlay, regions
from hilum.settings import ExtraObject, ReportSettings
from invented import MODEL, make_reading, radiograph_of
from messages import PORTUGUESE
from radiographs import make_radiograph
from sr_validators import objections

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
IN_ENGLISH = ReportSettings()
IN_PORTUGUESE = ReportSettings(language=PORTUGUESE)
DEMONSTRATION = replace(MODEL, demonstration=True)


@pytest.fixture
def image():
    """Return the generated radiograph with fixed UIDs."""
    return make_radiograph(SOPInstanceUID="2.25.1", StudyInstanceUID="2.25.2")


def picture_of(source, scores=None, model=MODEL, settings=IN_ENGLISH):
    """Return sheet and Secondary Capture of an invented reading."""
    reading = make_reading(radiograph_of(source), scores or {"Mass": 0.8}, model=model)
    sheet = overlay(reading, when=WHEN, language=settings.language)
    return np.asarray(sheet), secondary_capture(
        sheet, ResultContext.of(reading, when=WHEN, settings=settings)
    )


def read_back(result):
    """Return a result as whoever receives the file reads it."""
    return pydicom.dcmread(BytesIO(to_bytes(result)))


@pytest.mark.parametrize("settings", [IN_ENGLISH, IN_PORTUGUESE], ids=["en", "pt"])
@pytest.mark.parametrize("positive", [True, False])
def test_validators_find_nothing(image, tmp_path, settings, positive):
    """Dciodvfy has nothing against it, with and without positives, in both languages."""
    _, result = picture_of(image, {"Mass": 0.8 if positive else 0.2}, settings=settings)

    (tmp_path / "picture.dcm").write_bytes(to_bytes(result))

    assert [] == objections(tmp_path / "picture.dcm")


def test_identity_is_copied_whatever_it_is(source, tmp_path):
    """Missing attributes, accents, other scripts: valid, and the same patient and study."""
    _, result = picture_of(source)

    (tmp_path / "picture.dcm").write_bytes(to_bytes(result))
    back = pydicom.dcmread(tmp_path / "picture.dcm")
    assert [] == objections(tmp_path / "picture.dcm")
    assert source.StudyInstanceUID == back.StudyInstanceUID
    for keyword in ("PatientName", "PatientID", "AccessionNumber", "StudyDescription"):
        assert str(source.get(keyword) or "") == str(back.get(keyword) or "")


def test_it_cannot_be_mistaken_for_the_acquisition(image):
    """Derived, secondary, a series of its own, marked; nobody can hang it or measure on it."""
    _, result = picture_of(image)

    back = read_back(result)
    assert SecondaryCaptureImageStorage == back.SOPClassUID
    assert ["DERIVED", "SECONDARY", "OTHER"] == back.ImageType
    assert "OT" == back.Modality
    assert "YES" == back.BurnedInAnnotation
    assert image.SeriesInstanceUID != back.SeriesInstanceUID
    assert 903 == back.SeriesNumber
    assert "AI" in back.SeriesDescription
    assert "research" in back.SeriesDescription
    for absent in ("PixelSpacing", "ImagerPixelSpacing", "ViewPosition", "ViewCodeSequence"):
        assert absent not in back


def test_it_names_the_image_it_was_made_from(image):
    """The source is referenced, with the purpose of the reference."""
    _, result = picture_of(image)

    (origin,) = read_back(result).SourceImageSequence
    assert image.SOPInstanceUID == origin.ReferencedSOPInstanceUID
    assert image.SOPClassUID == origin.ReferencedSOPClassUID
    assert "121322" == origin.PurposeOfReferenceCodeSequence[0].CodeValue


def test_a_demonstration_says_so_in_its_header():
    """The stamp is in the series' name and in the comments, not on the picture only."""
    _, result = picture_of(make_radiograph(), model=DEMONSTRATION)

    assert result.SeriesDescription.startswith("DEMONSTRATION ")
    assert result.ImageComments.startswith("DEMONSTRATION")


def test_its_pixels_are_the_sheet(image):
    """What a viewer decodes differs from the sheet only as JPEG differs."""
    sheet, result = picture_of(image)

    shown = read_back(result).pixel_array

    assert sheet.shape == shown.shape
    assert np.abs(shown.astype(int) - sheet).mean() < 1.5


def test_dcmtk_decodes_the_same_pixels(image, tmp_path):
    """A second, unrelated decoder sees what the first one sees."""
    _, result = picture_of(image)
    (tmp_path / "in.dcm").write_bytes(to_bytes(result))

    subprocess.run(["dcmdjpeg", tmp_path / "in.dcm", tmp_path / "out.dcm"], check=True)

    decoded = pydicom.dcmread(tmp_path / "out.dcm").pixel_array.astype(int)
    assert np.abs(decoded - read_back(result).pixel_array).mean() < 1


def test_it_is_small(chest_path):
    """A sheet of the real radiograph stays far below a megabyte."""
    _, result = picture_of(pydicom.dcmread(chest_path), {"Mass": 0.8, "Effusion": 0.9})

    assert len(to_bytes(result)) < 1_000_000


def test_loss_is_declared_after_what_the_source_had_lost():
    """The chain of lossy compressions has the source's steps and then ours."""
    source = make_radiograph(
        LossyImageCompression="01",
        LossyImageCompressionRatio="12.5",
        LossyImageCompressionMethod="ISO_15444_1",
    )

    sheet, result = picture_of(source)

    back = read_back(result)
    assert JPEGBaseline8Bit == back.file_meta.TransferSyntaxUID
    assert "01" == back.LossyImageCompression
    assert ["ISO_15444_1", "ISO_10918_1"] == back.LossyImageCompressionMethod
    first, second = back.LossyImageCompressionRatio
    assert 12.5 == first
    assert second == pytest.approx(sheet.size / len(back.PixelData), rel=0.01)


def test_a_fixed_clock_gives_identical_bytes(image):
    """Same reading, same time: the same file, to the byte."""
    (_, one), (_, other) = picture_of(image), picture_of(image)

    assert to_bytes(one) == to_bytes(other)


def test_another_model_gives_another_picture(image):
    """UIDs differ when the weights do: changed content never reuses one."""
    (_, one), (_, other) = (
        picture_of(image, model=model) for model in (MODEL, replace(MODEL, sha256="cd" * 32))
    )

    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID


def test_a_picture_without_a_header_has_no_dicom_result():
    """PNG and JPEG have no patient and no study to write into."""
    reading = make_reading(scores={"Mass": 0.8})

    with pytest.raises(ValueError, match="without a DICOM header"):
        secondary_capture(
            Image.new("RGB", (8, 8)), ResultContext.of(reading, when=WHEN, settings=IN_ENGLISH)
        )


@pytest.mark.orthanc
def test_orthanc_shows_the_sheet(image, orthanc):
    """A real PACS decodes the picture and serves it to browsers as it is."""
    sheet, result = picture_of(image)

    with orthanc.client() as client:
        stored = client.store(to_bytes(result))
        shown = client.request("GET", f"/instances/{stored.reference}/preview").content

    with Image.open(BytesIO(shown)) as preview:
        seen = np.asarray(preview.convert("RGB")).astype(int)
    assert sheet.shape == seen.shape
    assert np.abs(seen - sheet).mean() < 1.5


@pytest.mark.orthanc
def test_orthanc_stores_every_further_object(orthanc):
    """Segmentation, presentation state, key objects and maps come back as they were sent."""
    reading = make_reading(radiograph_of(make_radiograph()), {"Mass": 0.8, "Effusion": 0.9})
    settings = ReportSettings(objects=tuple(ExtraObject))

    for result in extra_objects(
        ResultContext.of(reading, when=WHEN, settings=settings), regions(reading), heat=heat
    ):
        with orthanc.client() as client:
            stored = client.store(to_bytes(result))
            assert to_bytes(result) == client.fetch(stored.reference)
