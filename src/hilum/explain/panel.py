"""One panel of the overlay: the radiograph as displayed, with a finding's heatmap and outlines."""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum.band_matrix import BandMatrix
from hilum.explain.drawing import paint_heat
from hilum.explain.saliency import relative, sample
from hilum.radiograph import FieldOfView, Radiograph
from hilum.reading import Heatmap

FINER: Final = 2
"""Lines are drawn this many times larger and averaged down, so that they are smooth."""

LINE: Final = 2.5
"""Width of an outline in pixels."""

HALO: Final = 5.5
"""Width of the dark line under it, which sets it off from a bright lung."""

CELL: Final = 24
"""Side of the squares, in pixels, of which only those that a line touches are looked at."""

STEP: Final = 8
"""Pixels from one point of a line to the next that is asked for its squares."""

REACH: Final = 10
"""How far from these points a line's ink lies at most, in pixels: half a step, half its
width, and what rounding may add."""

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
    rows = _averages(radiograph.rows, size[1]).down(radiograph.pixels)
    shown = np.clip((rows + np.float32(1024.0)) * np.float32(255 / 2048), 0, 255)
    return Image.fromarray(shown.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)


@lru_cache(maxsize=32)  # a site's modalities have few sizes
def _averages(length: int, size: int) -> BandMatrix:
    """Return the matrix that resizes an axis as Pillow's bilinear filter does.

    Pillow takes twice as long for numbers that are not whole, and first copies them.

    Returns
    -------
    BandMatrix
        Of shape ``(size, length)``; each row sums to 1.
    """
    reach = max(length / size, 1.0)
    centres = (np.arange(size)[:, None] + 0.5) * (length / size)
    nearness = np.maximum(0.0, 1.0 - np.abs(centres - np.arange(length) - 0.5) / reach)
    return BandMatrix.of(nearness / nearness.sum(axis=1, keepdims=True))


def heated(grey: Image.Image, heatmap: Heatmap, radiograph: Radiograph) -> Image.Image:
    """Return a radiograph's picture with one finding's heat over it, mode ``RGB``.

    Parameters
    ----------
    grey
        The radiograph at any size, mode ``L``.
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
    """
    for outline in outlines:
        points = outline * (picture.width / radiograph.columns, picture.height / radiograph.rows)
        left, top = np.maximum(np.floor(points.min(axis=0) - HALO), 0).astype(int).tolist()
        right, bottom = np.ceil(points.max(axis=0) + HALO).astype(int).tolist()
        size = min(right, picture.width) - left, min(bottom, picture.height) - top
        line = points - (left, top)
        finer = (line * FINER - 0.5).ravel().tolist()
        boxes = tuple(_touched(line, *size))
        for colour, width in (((0, 0, 0), HALO), ((255, 255, 255), LINE)):
            mask = Image.new("L", (size[0] * FINER, size[1] * FINER))
            ImageDraw.Draw(mask).line(finer, fill=255, width=round(width * FINER), joint="curve")
            for x, y, end, bottom in boxes:
                ink = mask.reduce(FINER, (x * FINER, y * FINER, end * FINER, bottom * FINER))
                picture.paste(colour, (left + x, top + y), ink)


def _touched(
    line: NDArray[np.float64], width: int, height: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes, none over another, that together hold all ink of a line in a picture.

    Most of what an outline goes around is empty, and not worth averaging and pasting.

    Parameters
    ----------
    line
        Shape ``(points, 2)``, (column, row) in pixels.
    width, height
        Size of the picture.

    Yields
    ------
    tuple[int, int, int, int]
        Left, top, right, bottom in pixels, the last two outside.
    """
    along = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    steps = np.arange(0.0, along[-1] + STEP, STEP)
    x, y = (np.interp(steps, along, axis) for axis in line.T)
    cells = np.zeros((math.ceil(height / CELL), math.ceil(width / CELL) + 2), np.int8)
    for right in (-REACH, REACH):
        for down in (-REACH, REACH):
            row = ((y + down) // CELL).astype(int).clip(0, cells.shape[0] - 1)
            column = ((x + right) // CELL).astype(int).clip(0, cells.shape[1] - 3)
            cells[row, column + 1] = 1  # an empty column at either side ends every run
    edges = np.diff(cells, axis=1)
    for (row, start), (_, end) in zip(
        np.argwhere(edges == 1).tolist(), np.argwhere(edges == -1).tolist(), strict=True
    ):
        top = row * CELL
        yield start * CELL, top, min(end * CELL, width), min(top + CELL, height)


def draw_frame(picture: Image.Image, field: FieldOfView, radiograph: Radiograph) -> None:
    """Draw what the network saw as a dashed frame, if that is not the whole image."""
    if (field.height, field.width) == (radiograph.rows, radiograph.columns):
        return
    across, down = picture.width / radiograph.columns, picture.height / radiograph.rows
    left, right = (round(x * across) for x in (field.left, field.right))
    top, bottom = (round(y * down) for y in (field.top, field.bottom))
    right, bottom = min(right, picture.width - 1), min(bottom, picture.height - 1)
    ImageDraw.Draw(picture).point(_dashes(left, top, right, bottom), fill=(170, 178, 188))


@lru_cache(maxsize=32)  # a site's modalities have few sizes, and the panels of one sheet share it
def _dashes(left: int, top: int, right: int, bottom: int) -> tuple[int, ...]:
    """Return the pixels of a dashed frame, a column and a row each: one call draws them all."""
    pixels: list[tuple[int, int]] = []
    for x in range(left, right, 2 * DASH):
        dash = range(x, min(x + DASH, right) + 1)
        pixels += [(column, y) for y in (top, bottom) for column in dash]
    for y in range(top, bottom, 2 * DASH):
        dash = range(y, min(y + DASH, bottom) + 1)
        pixels += [(x, row) for x in (left, right) for row in dash]
    return tuple(chain.from_iterable(pixels))
