"""One picture of the radiograph: as displayed, with a finding's heat and outlines."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum.explain.ink import paint_heat
from hilum.explain.saliency import relative, sample
from hilum.radiograph import FieldOfView, Radiograph
from hilum.reading import Heatmap

FINER: Final = 2
"""Lines are drawn this many times larger and averaged down, so that they are smooth."""

LINE: Final = 2.5
"""Width of an outline in pixels."""

HALO: Final = 5.5
"""Width of the dark line under it, which sets it off from a bright lung."""

DASH: Final = 7
"""Length of a dash of the frame, and of the gap after it, in pixels."""


def shrunk(radiograph: Radiograph, width: int, height: int) -> Image.Image:
    """Return the radiograph as displayed, fitted into a box, mode ``L``.

    Parameters
    ----------
    radiograph
        Bone is bright, in [-1024, 1024].
    width, height
        Size of the box in pixels; the picture keeps its proportions.
    """
    scale = min(width / radiograph.columns, height / radiograph.rows)
    size = max(1, round(radiograph.columns * scale)), max(1, round(radiograph.rows * scale))
    whole = Image.fromarray(radiograph.pixels)
    if (factor := int(1 / scale)) > 1:  # averaging first is much faster than a wide filter
        whole = whole.reduce(factor)
    values = np.asarray(whole.resize(size, Image.Resampling.BILINEAR))
    shown = np.clip((values + np.float32(1024.0)) * np.float32(255 / 2048), 0, 255)
    return Image.fromarray(shown.astype(np.uint8))


def heated(grey: Image.Image, heatmap: Heatmap, radiograph: Radiograph) -> Image.Image:
    """Return a radiograph's picture with one finding's heat over it, mode ``RGB``.

    Parameters
    ----------
    grey
        The radiograph at any size, mode ``L``.
    heatmap
        The finding's map.
    radiograph
        Tells how large the source matrix is.
    """
    width, height = grey.size
    down = (np.arange(height) + 0.5) * (radiograph.rows / height)
    across = (np.arange(width) + 0.5) * (radiograph.columns / width)
    return paint_heat(grey, sample(relative(heatmap), down, across))


def draw_outlines(
    picture: Image.Image, outlines: Sequence[NDArray[np.float64]], radiograph: Radiograph
) -> None:
    """Draw closed outlines, given in source pixels, over a picture of the radiograph.

    Parameters
    ----------
    picture
        Mode ``RGB``, the whole radiograph at any size; drawn on.
    outlines
        Each of shape ``(points, 2)``, (column, row).
    radiograph
        Tells how large the source matrix is.
    """
    for outline in outlines:
        points = outline * (picture.width / radiograph.columns, picture.height / radiograph.rows)
        left, top = np.maximum(np.floor(points.min(axis=0) - HALO), 0).astype(int).tolist()
        right, bottom = np.ceil(points.max(axis=0) + HALO).astype(int).tolist()
        size = min(right, picture.width) - left, min(bottom, picture.height) - top
        finer = ((points - (left, top)) * FINER - 0.5).ravel().tolist()
        for colour, line in (((0, 0, 0), HALO), ((255, 255, 255), LINE)):
            mask = Image.new("L", (size[0] * FINER, size[1] * FINER))
            ImageDraw.Draw(mask).line(finer, fill=255, width=round(line * FINER), joint="curve")
            picture.paste(colour, (left, top), mask.reduce(FINER))


def draw_frame(picture: Image.Image, field: FieldOfView, radiograph: Radiograph) -> None:
    """Draw what the network saw as a dashed frame, if that is not the whole image."""
    if (field.height, field.width) == (radiograph.rows, radiograph.columns):
        return
    across, down = picture.width / radiograph.columns, picture.height / radiograph.rows
    left, right = (round(x * across) for x in (field.left, field.left + field.width))
    top, bottom = (round(y * down) for y in (field.top, field.top + field.height))
    right, bottom = min(right, picture.width - 1), min(bottom, picture.height - 1)
    draw = ImageDraw.Draw(picture)
    grey = (170, 178, 188)
    for x in range(left, right, 2 * DASH):
        for y in (top, bottom):
            draw.line((x, y, min(x + DASH, right), y), fill=grey)
    for y in range(top, bottom, 2 * DASH):
        for x in (left, right):
            draw.line((x, y, x, min(y + DASH, bottom)), fill=grey)
