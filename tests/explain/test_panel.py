"""A panel's picture: what is drawn fast is what the plain way draws."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hilum.explain.drawing import heat_opacity, heat_palette, paint_heat
from hilum.explain.panel import DASH, FINER, HALO, LINE, draw_frame, draw_outlines
from hilum.radiograph import FieldOfView, PixelPipeline, Radiograph

ROWS, COLUMNS = 900, 700
RADIOGRAPH = Radiograph(np.zeros((ROWS, COLUMNS), np.float32), None, PixelPipeline.DISPLAY)


def noise(size, mode="RGB"):
    """Return a picture of which every pixel differs from its neighbours."""
    shape = (size[1], size[0], 3) if mode == "RGB" else size[::-1]
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, shape, np.uint8))


def ring(seed, points):
    """Return a closed outline that turns sharply, and at times leaves the image."""
    rng = np.random.default_rng(seed)
    turn = np.sort(rng.uniform(0, 2 * np.pi, points))
    radius = rng.uniform(0.05, 0.55, points)[:, None]
    around = 0.5 + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    outline = np.clip(around, 0, 1) * (COLUMNS, ROWS)
    return np.concatenate([outline, outline[:1]])


def plainly_outlined(picture, outline):
    """Draw one outline over all of the picture, empty or not."""
    points = outline * (picture.width / COLUMNS, picture.height / ROWS)
    left, top = np.maximum(np.floor(points.min(axis=0) - HALO), 0).astype(int).tolist()
    finer = ((points - (left, top)) * FINER - 0.5).ravel().tolist()
    size = (picture.width - left) * FINER, (picture.height - top) * FINER
    for colour, line in (((0, 0, 0), HALO), ((255, 255, 255), LINE)):
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).line(finer, fill=255, width=round(line * FINER), joint="curve")
        picture.paste(colour, (left, top), mask.reduce(FINER))


@pytest.mark.parametrize("size", [(638, 820), (290, 373), (71, 91)])
@pytest.mark.parametrize("points", [5, 9, 40, 100])
def test_no_ink_of_an_outline_is_left_out(size, points):
    """Looking only where a line runs draws every pixel of it, twice none."""
    for seed in range(8):
        quick, plain = noise(size), noise(size)
        outlines = [ring(seed, points), ring(seed + 100, points)]

        draw_outlines(quick, outlines, RADIOGRAPH)
        for outline in outlines:
            plainly_outlined(plain, outline)

        np.testing.assert_array_equal(np.asarray(quick), np.asarray(plain))


@pytest.mark.parametrize("field", [(100, 0, 700, 700), (0, 90, 611, 613), (3, 4, 20, 8)])
def test_a_frame_is_dashed_along_every_side(field):
    """Drawn at once, it has the pixels of its dashes drawn one by one."""
    quick, plain = noise((350, 450)), noise((350, 450))
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

    np.testing.assert_array_equal(np.asarray(quick), np.asarray(plain))


def test_heat_is_laid_over_the_radiograph():
    """Looking colours up gives what laying one picture over the other gives."""
    grey = noise((256, 300), "L")
    shares = np.linspace(0, 1, 256 * 300, dtype=np.float32).reshape(300, 256)
    heat = Image.fromarray((shares * np.float32(255)).astype(np.uint8))
    opacity = heat.point(heat_opacity())
    heat.putpalette(heat_palette())
    plain = grey.convert("RGB")

    plain.paste(heat.convert("RGB"), (0, 0), opacity)

    np.testing.assert_array_equal(np.asarray(paint_heat(grey, shares)), np.asarray(plain))
