"""Which images do not leave, and that only released ones do."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom import uid as uids

from export_tools import MemorySource, everything_in, export, release
from hilum.errors import NotInPacs, RadiographRefused
from hilum.export.clean import cleaned, identifiers, require_no_identifier
from hilum.export.key import SiteKey
from hilum.export.reasons import WithheldError
from hilum.node import page_work
from hilum.records import Database
from hilum.records.releases import ReleaseState
from hilum.settings import Settings
from pixel_codings import recode
from radiographs import dicom_file, make_radiograph, thorax

MG = uids.DigitalMammographyXRayImageStorageForPresentation


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"SOPClassUID": MG, "Modality": "MG"}, "sop_class"),
        ({"SOPClassUID": uids.SecondaryCaptureImageStorage}, "sop_class"),
        ({"SOPClassUID": uids.DigitalXRayImageStorageForProcessing}, "sop_class"),
        ({"SOPClassUID": "1.2.3.4"}, "sop_class"),
        ({"Modality": "MG"}, "modality"),
        ({"Modality": "OT"}, "modality"),
        ({"BurnedInAnnotation": "YES"}, "burned_in"),
        ({"BurnedInAnnotation": "MAYBE"}, "burned_in_unknown"),
        ({"ConversionType": "DF"}, "secondary_capture"),
        ({"ImageType": ["DERIVED", "SECONDARY"]}, "secondary_capture"),
        ({"RecognizableVisualFeatures": "YES"}, "recognizable"),
        ({"NumberOfFrames": 2}, "several_frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "colour"),
        ({"StudyInstanceUID": ""}, "uid_missing"),
        ({"WindowCenter": 71234567890}, "unknown_value"),
        ({"VOILUTFunction": "SILVA"}, "unknown_value"),
        ({"ShutterShape": "SILVA"}, "unknown_value"),
        ({"PresentationLUTShape": "SILVA"}, "unknown_value"),
    ],
    ids=str,
)
def test_what_may_not_leave_is_refused_with_its_reason(attributes: dict[str, Any], code: str):
    """Whoever released it."""
    with pytest.raises(WithheldError) as caught:
        cleaned(make_radiograph(**attributes), SiteKey(bytes(32)))

    assert code == caught.value.reason.code


def test_reasons_quote_no_value_of_the_image():
    """They are printed, and counted in the manifest."""
    image = make_radiograph(SOPClassUID="1.2.840.99999.4711")
    with pytest.raises(WithheldError) as caught:
        cleaned(image, SiteKey(bytes(32)))

    assert "4711" not in caught.value.reason.text


def hidden_overlay() -> Dataset:
    """Return an image with a picture in the unused bits, of which the header says nothing."""
    pixels = thorax()
    pixels[100:110, 50:200] |= 0x8000
    return make_radiograph(pixels)


def named_overlay() -> Dataset:
    """Return an image with an overlay in the unused bits, of which it does say."""
    image = hidden_overlay()
    image.add_new((0x6000, 0x0100), "US", 16)
    image.add_new((0x6000, 0x0102), "US", 15)
    return image


def named_in_pixels() -> Dataset:
    """Return an image whose first row is the patient's name."""
    image = make_radiograph(PatientName="Oliveira^Josefa")
    image.PixelData = b"Oliveira" + image.PixelData[8:]
    image.BitsStored, image.HighBit = 16, 15
    return image


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (named_overlay, "hidden_bits"),
        (hidden_overlay, "hidden_bits"),
        (named_in_pixels, "identifier_in_pixels"),
        (lambda: make_radiograph(PixelData=bytes(100)), "not_readable"),
        (
            lambda: recode(make_radiograph(), uids.JPEGLSLossless, b"\xff\xd8\xff\xe0"),
            "not_readable",
        ),
    ],
    ids=["overlay bits", "no word of them", "name in the first row", "too few", "no image"],
)
def test_pixels_that_hide_something_stay(
    image, code: str, sqlite: Database, settings: Settings, tmp_path: Path
):
    """They could be released only by somebody who cannot see it."""
    file = dicom_file(image())
    try:
        release(sqlite, file, settings)
        _, (why,) = export(MemorySource([file]), tmp_path / "out", sqlite, settings)
    except WithheldError as exc:
        why = exc.reason.code

    assert code == why


def test_only_what_a_person_released_as_it_is_leaves(
    sqlite: Database, settings: Settings, tmp_path: Path
):
    """Not what nobody saw, what is kept back, or what has other pixels since."""
    files = [dicom_file(make_radiograph()) for _ in range(5)]
    release(sqlite, files[1], settings, ReleaseState.SHOWN)
    release(sqlite, files[2], settings, ReleaseState.KEPT_BACK)
    release(sqlite, files[3], settings, digest="ab" * 32)
    release(sqlite, files[4], settings)
    _, why = export(MemorySource(files), tmp_path / "out", sqlite, settings)

    assert ["not_reviewed", "not_reviewed", "kept_back", "image_changed", ""] == why
    assert 1 == sum(name.startswith("images/") for name in everything_in(tmp_path / "out"))


def test_an_image_that_is_deleted_meanwhile_is_counted(
    sqlite: Database, settings: Settings, tmp_path: Path
):
    """And the others leave all the same."""
    files = [dicom_file(make_radiograph()) for _ in range(2)]
    for file in files:
        release(sqlite, file, settings)

    def fetch(file: bytes) -> bytes:
        if file == files[0]:
            raise NotInPacs("It is gone.", "Ask for another one.")
        return file

    work, why = export(MemorySource(files, fetch=fetch), tmp_path / "out", sqlite, settings)

    assert ["not_in_pacs", ""] == why
    assert {"not_in_pacs": 1} == dict(work.withheld)


def test_identifiers_are_found_in_any_letters():
    """As they are stored, in items too; short words and the standard's UIDs do not count."""
    inner = Dataset()
    inner.PatientName = "Sequence^Hidden"
    image = make_radiograph(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Conceição^Li",
        OtherPatientIDsSequence=[inner],
    )
    found = set(identifiers(image))

    assert {b"sequence", b"hidden", b"generated-1"} <= found
    assert "Conceição".lower().encode() in {each.decode().lower().encode() for each in found}
    assert b"li" not in found
    assert not [each for each in found if each.startswith(b"1.2.840.10008.")]
    require_no_identifier(image, frozenset(found))


def test_the_page_is_told_why_an_image_is_not_exported(settings: Settings):
    """As a refusal, which passes from worker to page."""
    with pytest.raises(RadiographRefused) as caught:
        page_work.release_picture(dicom_file(make_radiograph(Modality="MG")), settings)

    assert ["modality"] == [each.code for each in caught.value.reasons]
