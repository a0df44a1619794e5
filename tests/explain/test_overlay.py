"""The overlay sheet, as a picture."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image

from hilum.eligibility import Reason
from hilum.explain import drawing, overlay, png
from hilum.explain.overlay import BAND, FOOTER, HEADER, HEIGHT, WIDTH
from hilum.language import ENGLISH, LANGUAGES
from hilum.radiograph import PixelPipeline, Radiograph
from invented import LABELS, MODEL, bump, flat, make_reading, real_chest

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
DEMONSTRATION = replace(MODEL, name="demonstration", demonstration=True)


def draw(reading, language=ENGLISH, when=WHEN):
    return np.asarray(overlay(reading, when=when, language=language))


def pixels_of(sheet, colour):
    """Count the pixels that have exactly this colour."""
    return int((sheet == np.array(colour, np.uint8)).all(axis=2).sum())


def coloured(sheet):
    """Return where a sheet has colour, left of the table, below the headline."""
    panels = sheet[HEADER + 6 : -FOOTER - 16, :970].astype(int)
    return panels.max(axis=2) - panels.min(axis=2) > 30


@pytest.mark.parametrize("positives", [0, 1, 2, 3, 4, 5, 18])
@pytest.mark.parametrize("shape", [(300, 200), (200, 300), (256, 256), (900, 230)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sheet_for_every_reading(positives, shape, language):
    """Any number of positives, any proportions, both languages: one sheet of its size."""
    scores = {label: 0.5 + 0.02 * n for n, label in enumerate(LABELS[:positives])}

    sheet = draw(make_reading(flat(*shape), scores), language)

    assert np.uint8 == sheet.dtype
    assert (WIDTH, 3) == sheet.shape[1:]
    assert sheet.shape[0] <= HEIGHT


def test_the_same_reading_gives_the_same_sheet():
    """Two drawings do not differ in one pixel."""
    reading = make_reading(scores={"Mass": 0.8})

    np.testing.assert_array_equal(draw(reading), draw(reading))


def test_a_sheet_without_positives_is_calm():
    """No heat, no mark of a positive finding: the radiograph as it is."""
    sheet = draw(make_reading())

    assert not coloured(sheet).any()
    assert 0 == pixels_of(sheet, drawing.POSITIVE)


@pytest.mark.parametrize("cell", [(2, 1), (2, 5), (5, 1), (5, 5)])
@pytest.mark.parametrize("shape", [(600, 600), (900, 600), (600, 900), (601, 443)])
def test_heat_is_painted_where_the_map_has_its_peak(cell, shape):
    """The coloured part of the panel has its centre on the source pixels of the peak."""
    rows, columns = shape
    sheet = draw(make_reading(flat(rows, columns), {"Mass": 0.8}, {"Mass": bump(*cell)}))
    # The panel is the only part left of the table that is as grey as the radiograph.
    grey = (sheet[:, :970] == 127).all(axis=2)
    (top, bottom), (left, right) = (
        np.flatnonzero(grey.sum(axis=axis) > 20)[[0, -1]] for axis in (1, 0)
    )
    panel = sheet[top : bottom + 1, left : right + 1].astype(int)
    down, across = np.nonzero(panel[:, :, 0] - panel[:, :, 2] > 90)  # yellow: near the peak
    scale = panel.shape[0] / rows
    side, offset = min(shape) / 7, (np.array(shape) - min(shape)) // 2

    expected = offset + (np.array(cell) + 0.5) * side

    found = (np.array([np.median(down), np.median(across)]) + 0.5) / scale
    np.testing.assert_allclose(found, expected, atol=side / 2)


@pytest.mark.parametrize("positives", [0, 3])
def test_corners_are_left_to_the_viewer(positives):
    """Viewers write name, date and window into the corners: nothing of ours is there."""
    scores = dict.fromkeys(LABELS[:positives], 0.8)
    sheet = draw(make_reading(scores=scores))

    for band in (sheet[:BAND], sheet[-BAND:]):
        assert (band == drawing.BACKGROUND).all()


def test_demonstration_is_burnt_in():
    """A demonstration's sheet differs across the whole image, not in a corner only."""
    real, stamped = (
        draw(make_reading(scores={"Mass": 0.8}, model=m)) for m in (MODEL, DEMONSTRATION)
    )

    changed = (real[150:900, :970] != stamped[150:900, :970]).any(axis=2)
    assert changed.mean() > 0.05
    for quarter in np.array_split(changed[:, 250:700], 4, axis=1):
        assert quarter.any()


def test_unverified_weights_and_warnings_are_on_the_sheet():
    """Each thing to beware of adds words in the colour of caution."""
    plain = make_reading()
    doubts = (
        replace(plain, model=replace(MODEL, verified=False)),
        replace(plain, warnings=(Reason("unknown_view", "the view is not known"),)),
    )

    for doubtful in doubts:
        caution = [pixels_of(draw(reading), drawing.CAUTION) for reading in (plain, doubtful)]
        assert caution[1] > caution[0] + 200


def test_no_patient_is_named_on_the_sheet(chest_path):
    """Identity in the header changes nothing on the picture."""
    radiograph = real_chest(str(chest_path))
    named = pydicom.dcmread(chest_path, stop_before_pixels=True)
    named.PatientName, named.PatientID, named.AccessionNumber = "Somebody^Else", "42", "A2"
    reading = make_reading(radiograph, {"Mass": 0.8})

    other = replace(reading, radiograph=replace(radiograph, header=named))

    np.testing.assert_array_equal(draw(reading), draw(other))


def test_monochrome1_and_its_twin_are_drawn_alike():
    """Radiographs are bone-bright already: the sheet does not invert a second time."""
    dark = Radiograph(np.full((300, 300), -1024, np.float32), None, PixelPipeline.DISPLAY)

    sheet = draw(make_reading(dark))

    assert (0, 0, 0) == tuple(sheet[500, 450])


def test_png_holds_the_same_pixels():
    """The PNG is the sheet, without loss."""
    sheet = overlay(make_reading(scores={"Mass": 0.8}), when=WHEN, language=ENGLISH)

    with Image.open(BytesIO(png(sheet))) as picture:
        np.testing.assert_array_equal(np.asarray(sheet), np.asarray(picture))
