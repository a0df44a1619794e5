"""Numbers of a header that do not parse: read where they are plain, else named; never shifted."""

from io import BytesIO

import numpy as np
import pydicom
import pytest

from hilum.encode.source import as_source
from hilum.pixels import radiograph_from_dicom
from hilum.radiograph import Radiograph
from hilum.settings import PixelSettings
from pixel_cases import image
from radiographs import dicom_file, write_raw


def developed(**written: str) -> Radiograph:
    """Return what becomes of an image with these values, read from a file."""
    read = pydicom.dcmread(BytesIO(dicom_file(image())))
    for keyword, text in written.items():
        write_raw(read, keyword, text)
    return radiograph_from_dicom(read, PixelSettings())


def codes(radiograph: Radiograph) -> list[str]:
    """Return the codes of its decisions."""
    return [decision.code for decision in radiograph.decisions]


def said(radiograph: Radiograph, code: str) -> str:
    """Return the text of one decision."""
    return next(each.text for each in radiograph.decisions if each.code == code)


@pytest.mark.parametrize(
    ("center", "width"),
    [
        ("2000,5", "1000,5"),
        ("2000.5 HU", "1000.5 HU"),
        ("2,000.5", "1,000.5"),
        ("2.000,5", "1.000,5"),
        ("２０００．５", "１０００．５"),
        ("[2000.5, 7]", "[1000.5, 9]"),
        ("2000,5\\512", "1000,5\\abc"),
    ],
)
def test_window_whose_meaning_is_plain_is_applied(center: str, width: str):
    """As if it were written with a point, and the repair is on record."""
    right = developed(WindowCenter="2000.5", WindowWidth="1000.5")
    repaired = developed(WindowCenter=center, WindowWidth=width)

    np.testing.assert_array_equal(right.pixels, repaired.pixels)
    assert "window_applied" in codes(repaired)
    assert {"decimal_comma", "number_repaired"} & set(codes(repaired))


def test_comma_is_said():
    """With the value as it is, and as it was read."""
    found = developed(WindowCenter="300,5", WindowWidth="400")

    assert "Window Center 300,5 was read as 300.5" in said(found, "decimal_comma")


def test_pairs_stay_pairs():
    """A centre that cannot be read takes its own width with it, not the next one's."""
    found = developed(WindowCenter="abc\\2000.5", WindowWidth="400\\1000.5")
    right = developed(WindowCenter="2000.5", WindowWidth="1000.5")

    np.testing.assert_array_equal(right.pixels, found.pixels)
    assert "Window 2 of 2" in said(found, "window_applied")
    assert "abc" in said(found, "number_unreadable")


def test_only_what_cannot_be_read_of_a_list_is_called_so():
    """Nobody is told that a value is ignored which is applied."""
    found = developed(WindowCenter="2000,5\\x\\512", WindowWidth="1000\\300\\-1.#IND")
    texts = [each.text for each in found.decisions if each.code == "number_unreadable"]

    assert "Window Center x cannot be read as a number and is ignored." == texts[0]
    assert "Window Width -1.#IND cannot be read as a number and is ignored." == texts[1]
    assert "Window 1 of 3" in said(found, "window_applied")


@pytest.mark.parametrize("center", ["1,024", "NaN", "inf", "wide", "300 400", "1e999"])
def test_window_that_is_not_plain_is_named_and_not_applied(center: str):
    """1,024 may be a thousand and 24, or one: nobody guesses."""
    found = developed(WindowCenter=center, WindowWidth="1000")

    np.testing.assert_array_equal(developed().pixels, found.pixels)
    assert ["number_unreadable"] == codes(found)


@pytest.mark.parametrize("slope", ["2,0", "2.0 HU", "2,0e0"])
def test_rescale_with_a_comma_is_applied(slope: str):
    """And intercepts with it."""
    written = {"WindowCenter": "1000", "WindowWidth": "2000"}
    right = developed(RescaleSlope="2", RescaleIntercept="-1000.5", **written)
    found = developed(RescaleSlope=slope, RescaleIntercept="-1000,5", **written)

    np.testing.assert_array_equal(right.pixels, found.pixels)
    assert "decimal_comma" in codes(found)


def test_rescale_that_cannot_be_read_is_named():
    """It is as if there were none."""
    found = developed(RescaleSlope="steep", RescaleIntercept="0")

    np.testing.assert_array_equal(developed().pixels, found.pixels)
    assert "steep" in said(found, "number_unreadable")


@pytest.mark.parametrize("spacing", ["0.000\\0.000", "-0.1\\-0.1", "143\\143", "0.2\\0\\0.2"])
@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing"])
def test_spacing_that_is_none_is_said_and_gets_into_no_result(keyword: str, spacing: str):
    """Nobody measures by zeros."""
    found = developed(**{keyword: spacing})

    assert "spacing_ignored" in codes(found)
    assert found.header is not None
    assert keyword not in as_source(found.header)


@pytest.mark.parametrize(
    "spacing",
    ["0,143\\0,143", "0.143 mm\\0.143 mm", "0.143,0.143", "[0.143, 0.143]", "143um\\143um"],
)
def test_spacing_whose_meaning_is_plain_gets_into_results(spacing: str):
    """As DICOM writes it."""
    found = developed(ImagerPixelSpacing=spacing)

    assert {"decimal_comma", "number_repaired"} & set(codes(found))
    assert found.header is not None
    assert [0.143, 0.143] == pytest.approx(list(as_source(found.header).ImagerPixelSpacing))


def test_polygon_with_a_corner_that_cannot_be_read_is_none():
    """Its numbers would shift, and hide another part of the image."""
    corners = "1\\1\\1\\30\\abc\\30\\38\\1\\38\\5"
    found = developed(ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=corners)

    assert "shutter_applied" not in codes(found)
