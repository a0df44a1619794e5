"""The overlay as a Secondary Capture Image."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGBaseline8Bit, SecondaryCaptureImageStorage

from dicom_tools import dciodvfy_errors
from hilum.encode import secondary_capture, to_bytes
from hilum.explain import overlay
from hilum.settings import ReasonLanguage, ReportSettings
from invented import MODEL, make_reading, radiograph_of
from radiographs import make_radiograph

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
ENGLISH = ReportSettings()
PORTUGUESE = ReportSettings(language=ReasonLanguage.PORTUGUESE)
DEMONSTRATION = replace(MODEL, demonstration=True)
OPTIONAL = (
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "PatientOrientation",
    "BodyPartExamined",
    "StudyDate",
    "StudyTime",
    "PatientBirthDate",
    "PatientSex",
    "Manufacturer",
)


@pytest.fixture
def source():
    """Return the generated radiograph with fixed UIDs."""
    return make_radiograph(SOPInstanceUID="2.25.1", StudyInstanceUID="2.25.2")


def picture_of(source, scores=None, model=MODEL, settings=ENGLISH):
    """Return sheet and Secondary Capture of an invented reading."""
    reading = make_reading(radiograph_of(source), scores or {"Mass": 0.8}, model=model)
    sheet = overlay(reading, when=WHEN, language=settings.language)
    return sheet, secondary_capture(sheet, reading, when=WHEN, settings=settings)


def read_back(result):
    """Return a result as whoever receives the file reads it."""
    return pydicom.dcmread(BytesIO(to_bytes(result)))


@pytest.mark.parametrize("settings", [ENGLISH, PORTUGUESE], ids=["en", "pt"])
@pytest.mark.parametrize("positive", [True, False])
def test_validators_find_no_error(source, tmp_path, settings, positive):
    """Dciodvfy has nothing against it, with and without positives, in both languages."""
    _, result = picture_of(source, {"Mass": 0.8 if positive else 0.2}, settings=settings)

    assert [] == dciodvfy_errors(result, tmp_path)


def test_validators_find_no_error_on_a_real_image(chest_path, tmp_path):
    """Nor with the real radiograph's header, whose pixel spacing is zero."""
    _, result = picture_of(pydicom.dcmread(chest_path))

    assert [] == dciodvfy_errors(result, tmp_path)


@pytest.mark.parametrize(
    "attributes",
    [
        dict.fromkeys(OPTIONAL),
        {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "João^Conceição"},
        {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "João^Conceição"},
        {
            "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
            "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
        },
        {"PatientName": "", "PatientID": "p10000032", "AccessionNumber": "", "StudyID": ""},
    ],
    ids=["bare", "latin-1", "utf-8", "japanese", "anonymous"],
)
def test_identity_is_copied_whatever_it_is(tmp_path, attributes):
    """Missing attributes, accents, other scripts: valid, and the same patient and study."""
    source = make_radiograph(**attributes)

    _, result = picture_of(source)

    back = read_back(result)
    assert [] == dciodvfy_errors(result, tmp_path)
    assert source.StudyInstanceUID == back.StudyInstanceUID
    assert source.get("PatientID") == back.PatientID
    assert str(source.PatientName) == str(back.PatientName)
    assert source.get("StudyDescription") == back.get("StudyDescription")


def test_it_cannot_be_mistaken_for_the_acquisition(source):
    """Derived, secondary, a series of its own, marked; nobody can hang it or measure on it."""
    _, result = picture_of(source)

    back = read_back(result)
    assert SecondaryCaptureImageStorage == back.SOPClassUID
    assert ["DERIVED", "SECONDARY", "OTHER"] == back.ImageType
    assert "OT" == back.Modality
    assert "YES" == back.BurnedInAnnotation
    assert source.SeriesInstanceUID != back.SeriesInstanceUID
    assert 903 == back.SeriesNumber
    assert "AI" in back.SeriesDescription
    assert "research" in back.SeriesDescription
    for absent in ("PixelSpacing", "ImagerPixelSpacing", "ViewPosition", "ViewCodeSequence"):
        assert absent not in back


def test_it_names_the_image_it_was_made_from(source):
    """The source is referenced, with the purpose of the reference."""
    _, result = picture_of(source)

    (origin,) = read_back(result).SourceImageSequence
    assert source.SOPInstanceUID == origin.ReferencedSOPInstanceUID
    assert source.SOPClassUID == origin.ReferencedSOPClassUID
    assert "121322" == origin.PurposeOfReferenceCodeSequence[0].CodeValue


def test_a_demonstration_says_so_in_its_header():
    """The stamp is in the series' name and in the comments, not on the picture only."""
    _, result = picture_of(make_radiograph(), model=DEMONSTRATION)

    assert result.SeriesDescription.startswith("DEMONSTRATION ")
    assert result.ImageComments.startswith("DEMONSTRATION")


def test_its_pixels_are_the_sheet(source):
    """What a viewer decodes differs from the sheet only as JPEG differs."""
    sheet, result = picture_of(source)

    shown = read_back(result).pixel_array

    assert sheet.shape == shown.shape
    assert np.abs(shown.astype(int) - sheet).mean() < 1.5


def test_dcmtk_decodes_the_same_pixels(source, tmp_path):
    """A second, unrelated decoder sees what the first one sees."""
    _, result = picture_of(source)
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


def test_a_fixed_clock_gives_identical_bytes(source):
    """Same reading, same time: the same file, to the byte."""
    (_, one), (_, other) = picture_of(source), picture_of(source)

    assert to_bytes(one) == to_bytes(other)


def test_another_model_gives_another_picture(source):
    """UIDs differ when the weights do: changed content never reuses one."""
    (_, one), (_, other) = (
        picture_of(source, model=model) for model in (MODEL, replace(MODEL, sha256="cd" * 32))
    )

    assert one.SOPInstanceUID != other.SOPInstanceUID
    assert one.SeriesInstanceUID != other.SeriesInstanceUID


def test_a_picture_without_a_header_has_no_dicom_result():
    """PNG and JPEG have no patient and no study to write into."""
    reading = make_reading(scores={"Mass": 0.8})

    with pytest.raises(ValueError, match="without a DICOM header"):
        secondary_capture(np.zeros((8, 8, 3), np.uint8), reading, when=WHEN, settings=ENGLISH)
