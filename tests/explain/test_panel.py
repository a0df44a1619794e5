"""A panel's picture: what is drawn fast is what the plain way draws."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hilum.explain.drawing import (
    as_picture,
    heat_opacity,
    heat_palette,
    paint_heat,
    without_heat,
)
from hilum.explain.panel import (
    DASH,
    HALO,
    LINE,
    draw_frame,
    draw_outlines,
    shrunk,
    shrunk_to,
)
from hilum.radiograph import FieldOfView, PixelPipeline, Radiograph

ROWS, COLUMNS = 900, 700
RADIOGRAPH = Radiograph(np.zeros((ROWS, COLUMNS), np.float32), None, PixelPipeline.DISPLAY)


def noise(width, height):
    """Return greys, shape ``(height, width)``, of which each differs from its neighbours."""
    return np.random.default_rng(3).integers(0, 256, (height, width), np.uint8)


def ring(seed, points):
    """Return a closed outline that turns sharply, and at times leaves the image."""
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, points))
    radius = rng.uniform(0.05, 0.55, points)[:, None]
    around = 0.5 + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    outline = np.clip(around, 0, 1) * (COLUMNS, ROWS)
    return np.concatenate([outline, outline[:1]])


def plainly_outlined(grey, outlines):
    """Return a grey picture with outlines over it, each pixel asked how far every line is."""
    height, width = grey.shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    away = np.full(grey.shape, np.inf)
    for outline in outlines:
        points = outline * (width / COLUMNS, height / ROWS)
        for (left, top), (right, bottom) in pairwise(points):
            across, down = right - left, bottom - top
            share = ((x - left) * across + (y - top) * down) / (across**2 + down**2)
            share = share.clip(0, 1)
            away = np.minimum(away, np.hypot(x - left - share * across, y - top - share * down))
    halo, line = (np.clip(width / 2 + 0.5 - away, 0, 1) for width in (HALO, LINE))
    return grey * (1 - halo) * (1 - line) + 255 * line


@pytest.mark.parametrize("size", [(638, 820), (290, 373), (71, 91)])
@pytest.mark.parametrize("points", [5, 9, 40, 100])
def test_no_ink_of_an_outline_is_left_out(size, points):
    """Looking only where a line runs draws every pixel of it."""
    grey = noise(*size)
    outlines = [ring(points, points), ring(points + 100, points)]
    quick = without_heat(grey)

    draw_outlines(quick, outlines, RADIOGRAPH)

    plain = plainly_outlined(grey, outlines)
    for channel in np.moveaxis(np.asarray(as_picture(quick)), 2, 0):
        np.testing.assert_allclose(channel, plain, atol=0.6)


def test_an_outline_is_white_on_black():
    """On a bright and on a dark lung alike, the line is seen, as wide as it is said to be."""
    side = np.array([(100.0, 100.0), (600, 100), (600, 800), (100, 800), (100, 100)])
    for level in (0, 255):
        picture = without_heat(np.full((ROWS, COLUMNS), level, np.uint8))

        draw_outlines(picture, [side], RADIOGRAPH)

        across = np.asarray(as_picture(picture))[450, 90:110, 0] / 255
        white = across[7:13].sum()
        assert LINE == pytest.approx(white - (level / 255) * (6 - HALO), abs=0.1)
        assert across[[7, 12]].max() < 0.3


def test_no_outline_changes_nothing():
    """A structure that was not found leaves the picture as it is."""
    picture = without_heat(noise(50, 70))

    draw_outlines(picture, [], RADIOGRAPH)

    np.testing.assert_array_equal(without_heat(noise(50, 70)), picture)


@pytest.mark.parametrize("size", [(638, 820), (290, 373), (71, 91), (900, 1100)])
def test_the_radiograph_is_shrunk_as_pillow_does_it(size):
    """Larger or smaller, each grey is the bilinear filter's of all pixels, within rounding."""
    values = np.random.default_rng(5).normal(0, 400, (ROWS, COLUMNS)).astype(np.float32)
    radiograph = Radiograph(values, None, PixelPipeline.DISPLAY)

    (picture,) = shrunk_to(radiograph, [size]).values()

    plain = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR))
    expected = ((plain + 1024) * 255 / 2048).clip(0, 255)
    np.testing.assert_allclose(picture, expected, atol=1.01)


def test_a_smaller_panel_shows_the_same():
    """Made from the larger one, it differs little from the radiograph shrunk at once."""
    y, x = np.mgrid[:ROWS, :COLUMNS] / 40
    values = (900 * np.sin(x) * np.cos(y)).astype(np.float32)
    radiograph = Radiograph(values, None, PixelPipeline.DISPLAY)

    small = shrunk_to(radiograph, [(638, 820), (290, 373)])[290, 373].astype(int)

    at_once = shrunk_to(radiograph, [(290, 373)])[290, 373]
    assert np.abs(small - at_once).max() <= 2


def test_proportions_are_kept():
    """Fitted into a box, the radiograph fills one of its sides and is not stretched."""
    assert (450, 350) == shrunk(RADIOGRAPH, 350, 1000).shape
    assert (90, 70) == shrunk(RADIOGRAPH, 1000, 90).shape


@pytest.mark.parametrize("field", [(100, 0, 700, 700), (0, 90, 611, 613), (3, 4, 20, 8)])
def test_a_frame_is_dashed_along_every_side(field):
    """Drawn at once, it has the pixels of its dashes drawn one by one."""
    quick, plain = without_heat(noise(350, 450)), as_picture(without_heat(noise(350, 450)))
    view = FieldOfView(*field)
    left, right = round(view.left / 2), min(round((view.left + view.width) / 2), 349)
    top, bottom = round(view.top / 2), min(round((view.top + view.height) / 2), 449)
    draw, grey = ImageDraw.Draw(plain), (170, 178, 188)

    draw_frame(quick, view, RADIOGRAPH)
    for x in range(left, right, 2 * DASH):
        for y in (top, bottom):
            draw.line((x, y, min(x + DASH, right), y), fill=grey)
    for y in range(top, bottom, 2 * DASH):
        for x in (left, right):
            draw.line((x, y, x, min(y + DASH, bottom)), fill=grey)

    np.testing.assert_array_equal(np.asarray(as_picture(quick)), np.asarray(plain))


def test_heat_is_laid_over_the_radiograph():
    """Looking colours up gives what laying one picture over the other gives."""
    grey = noise(256, 300)
    shares = np.linspace(0, 1, 256 * 300, dtype=np.float32).reshape(300, 256)
    heat = Image.fromarray((shares * np.float32(255)).astype(np.uint8))
    opacity = heat.point(heat_opacity())
    heat.putpalette(heat_palette())
    plain = Image.fromarray(grey).convert("RGB")

    plain.paste(heat.convert("RGB"), (0, 0), opacity)

    painted = as_picture(paint_heat(grey, shares))
    np.testing.assert_array_equal(np.asarray(plain), np.asarray(painted))
