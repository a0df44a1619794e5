"""Broken, hostile and unusual datasets: always read or refused with a reason, never worse."""

import os
import struct
import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from hilum.errors import RadiographRefused
from hilum.pixels import radiograph_from_dicom
from hilum.settings import PixelSettings
from pixel_cases import FULL, image
from pixel_codings import recode
from radiographs import dicom_file, make_radiograph

ROOT = Path(__file__).resolve().parents[2]


def codes_of_refusal(dataset, settings) -> list[str]:
    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_dicom(dataset, settings)
    return [reason.code for reason in caught.value.reasons]


def test_mutated_files_are_read_or_refused():
    """Two hundred mutated files end as read, refused or unreadable, in a limited worker."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.fuzz_dicom", "--count", "200", "--seed", "7"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "0 finding" in done.stdout


def test_too_many_pixels_are_refused_before_decoding():
    """An image above the limit is refused by its header alone."""
    settings = PixelSettings(max_pixels=1000)

    assert ["too_many_pixels"] == codes_of_refusal(image(), settings)
    assert ["no_pixels", "too_many_pixels"] == codes_of_refusal(
        image(Rows=65535, Columns=65535, PixelData=None), settings
    )


def test_image_in_crumbs_is_refused():
    """Millions of fragments of two bytes kept a worker busy for half a minute."""
    piece = b"\xfe\xff\x00\xe0\x02\x00\x00\x00ab"
    dataset = recode(image(), JPEG2000Lossless)
    dataset.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + piece * 20_000

    with pytest.raises(RadiographRefused, match=r"in 20,001 fragments, more than 10,000"):
        radiograph_from_dicom(dataset, PixelSettings())


CLAIMS = {
    "jpeg 2000": (JPEG2000Lossless, b"\xff\x51", 6, ">II"),
    "jpeg-ls": (JPEGLSLossless, b"\xff\xf7", 5, ">HH"),
}


@pytest.mark.parametrize("coding", CLAIMS)
@pytest.mark.parametrize("header_agrees", [False, True])
def test_small_codestream_of_a_huge_image_is_refused(coding, header_agrees):
    """A few bytes that say 60,000 by 60,000 pixels make nobody allocate gigabytes."""
    syntax, marker, offset, form = CLAIMS[coding]
    dataset = recode(image(), syntax)
    frame = bytearray(dataset.PixelData)
    struct.pack_into(form, frame, frame.index(marker) + offset, 60_000, 60_000)
    dataset.PixelData = bytes(frame)
    if header_agrees:
        dataset.Rows = dataset.Columns = 60_000

    expected = "too_many_pixels" if header_agrees else "undecodable"
    assert [expected] == codes_of_refusal(dataset, PixelSettings())


def test_missing_meta_information_is_assumed_and_recorded():
    """A dataset without file meta information is read as Implicit VR Little Endian."""
    dataset = pydicom.dcmread(BytesIO(dicom_file(image())))
    del dataset.file_meta

    radiograph = radiograph_from_dicom(dataset, PixelSettings())

    np.testing.assert_allclose((2 * FULL - 1) * 1024, radiograph.pixels, atol=1e-3)
    assert ["syntax_assumed"] == [decision.code for decision in radiograph.decisions]


def test_missing_transfer_syntax_of_compressed_pixels_is_found():
    """Compressed pixels are told by their first item when no transfer syntax is said."""
    dataset = recode(image(), JPEG2000Lossless)
    del dataset.file_meta

    radiograph = radiograph_from_dicom(dataset, PixelSettings())

    np.testing.assert_allclose((2 * FULL - 1) * 1024, radiograph.pixels, atol=1e-3)


@pytest.mark.parametrize("syntax", ["1.2.840.113619.5.2", "1.2.3", "1.2.840.10008.1.1"])
def test_unknown_transfer_syntax_is_refused(syntax):
    """A private syntax, or a UID that is none, says nothing about the bytes: no guess."""
    dataset = image()
    dataset.file_meta.TransferSyntaxUID = syntax

    assert ["undecodable"] == codes_of_refusal(dataset, PixelSettings())


def test_deferred_pixels_are_read(tmp_path):
    """A dataset whose large elements are deferred gives the same radiograph."""
    path = tmp_path / "deferred.dcm"
    path.write_bytes(dicom_file(image()))

    radiograph = radiograph_from_dicom(pydicom.dcmread(path, defer_size=64), PixelSettings())

    np.testing.assert_allclose((2 * FULL - 1) * 1024, radiograph.pixels, atol=1e-3)


def test_deferred_pixels_that_are_gone_are_refused(tmp_path):
    """A file that vanished before its pixels were read is a refusal."""
    path = tmp_path / "gone.dcm"
    path.write_bytes(dicom_file(image()))
    dataset = pydicom.dcmread(path, defer_size=64)
    path.unlink()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns that the file has changed
        assert ["no_pixels"] == codes_of_refusal(dataset, PixelSettings())


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": 100},
        {"RescaleSlope": None, "RescaleIntercept": -5},
        {"VOILUTSequence": []},
        {"VOILUTFunction": "LOG"},
        {"PixelPaddingValue": 4096},
        {"NumberOfFrames": 0},
        {"BitsStored": None, "HighBit": None, "BitsAllocated": 16},
    ],
    ids=str,
)
def test_odd_but_harmless_attributes_do_not_stop_reading(attributes):
    """Empty, lonely or unknown display attributes leave the image readable."""
    dataset = image(**attributes)

    pixels = radiograph_from_dicom(dataset, PixelSettings()).pixels

    assert -1024 <= pixels.min() < pixels.max() <= 1024


def test_refusals_name_no_patient():
    """A reason has values of the pixels, never of the patient."""
    dataset = make_radiograph(PixelData=b"\1" * 10)

    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_dicom(dataset, PixelSettings())

    assert "Generated" not in str(caught.value)
    assert str(dataset.SOPInstanceUID) not in str(caught.value)


def test_refusal_has_its_source():
    """Each reason says where the rule comes from."""
    with pytest.raises(RadiographRefused) as caught:
        radiograph_from_dicom(image(NumberOfFrames=3), PixelSettings())

    assert "PS3.3 C.7.6.6" == caught.value.reasons[0].source
