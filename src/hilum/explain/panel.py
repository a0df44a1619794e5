"""One panel of the overlay: the radiograph as displayed, with a finding's heatmap and outlines."""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.band_matrix import BandMatrix
from hilum.explain.drawing import Colour, Pixels, paint_heat
from hilum.explain.saliency import relative, sample
from hilum.radiograph import FieldOfView, Radiograph
from hilum.reading import Heatmap

LINE: Final = 2.5
"""Width of an outline in pixels."""

HALO: Final = 5.5
"""Width of the dark line under it, which sets it off from a bright lung."""

REACH: Final = HALO / 2 + 0.5
"""How far from an outline a pixel's centre may be to hold some of its ink, in pixels."""

PIECE: Final = 8
"""Longest straight piece of an outline around which distances are measured, in pixels."""

WINDOW: Final = math.ceil(PIECE + 2 * REACH) + 1
"""Side of the square of pixels around a piece that holds all of its ink."""

DASH: Final = 7
"""Length of a dash of the frame, and of the gap after it, in pixels."""

FRAME: Final[Colour] = (170, 178, 188)
"""Colour of the frame."""

Size = tuple[int, int]
"""Width and height in pixels."""


def shrunk(radiograph: Radiograph, width: int, height: int) -> NDArray[np.uint8]:
    """Return the radiograph as displayed, fitted into a box, of which it fills one side.

    Parameters
    ----------
    radiograph
        Bone is bright, in [-1024, 1024].
    width, height
        Size of the box in pixels; the picture keeps its proportions.
    """
    scale = min(width / radiograph.columns, height / radiograph.rows)
    size = max(1, round(radiograph.columns * scale)), max(1, round(radiograph.rows * scale))
    return shrunk_to(radiograph, [size])[size]


def shrunk_to(radiograph: Radiograph, sizes: Iterable[Size]) -> dict[Size, NDArray[np.uint8]]:
    """Return the radiograph as displayed at each of some sizes, the smaller from the larger."""
    values, pictures = radiograph.pixels, {}
    for width, height in sorted(set(sizes), reverse=True):
        rows, columns = values.shape
        values = _averages(columns, width).across(_averages(rows, height).down(values))
        shown = (values + np.float32(1024.0)) * np.float32(255 / 2048)
        pictures[width, height] = np.clip(shown, 0, 255, out=shown).astype(np.uint8)
    return pictures


@lru_cache(maxsize=32)  # a site's modalities have few sizes
def _averages(length: int, size: int) -> BandMatrix:
    """Return the matrix that resizes an axis as Pillow's bilinear filter does.

    Pillow takes three times as long, and twice that for numbers that are not whole.

    Returns
    -------
    BandMatrix
        Of shape ``(size, length)``; each row sums to 1.
    """
    reach = max(length / size, 1.0)
    centres = (np.arange(size)[:, None] + 0.5) * (length / size)
    nearness = np.maximum(0.0, 1.0 - np.abs(centres - np.arange(length) - 0.5) / reach)
    return BandMatrix.of(nearness / nearness.sum(axis=1, keepdims=True))


def heated(grey: NDArray[np.uint8], heatmap: Heatmap, radiograph: Radiograph) -> Pixels:
    """Return a radiograph's picture with one finding's heat over it.

    Parameters
    ----------
    grey
        The radiograph at any size.
    """
    height, width = grey.shape
    down = (np.arange(height) + 0.5) * (radiograph.rows / height)
    across = (np.arange(width) + 0.5) * (radiograph.columns / width)
    return paint_heat(grey, sample(relative(heatmap), down, across))


def draw_outlines(
    picture: Pixels, outlines: Sequence[NDArray[np.float64]], radiograph: Radiograph
) -> None:
    """Draw closed outlines, given in source pixels, over a picture of the radiograph.

    Parameters
    ----------
    picture
        The whole radiograph at any size; drawn on.
    outlines
        Each of shape ``(points, 2)``, (column, row).
    """
    if not outlines:
        return
    height, width = picture.shape
    scale = width / radiograph.columns, height / radiograph.rows
    place, away = _ink(_pieces([outline * scale for outline in outlines]), width, height)
    nearest = np.full(picture.size, REACH, np.float32)
    np.minimum.at(nearest, place, away)
    away = nearest[place][:, None]
    halo, line = (np.clip(each / 2 + 0.5 - away, 0, 1) for each in (HALO, LINE))
    colours = picture.reshape(-1)
    under = colours[place].view(np.uint8).reshape(-1, 4) * ((1 - halo) * (1 - line))
    colours[place] = (under + 255 * line + 0.5).astype(np.uint8).view(np.uint32).ravel()


def _pieces(lines: Iterable[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Return lines cut into straight pieces of at most `PIECE` pixels, shape ``(pieces, 4)``.

    Where each begins, and how far it leads: column, row, columns, rows.
    """
    starts = np.concatenate([line[:-1] for line in lines])
    along = np.concatenate([np.diff(line, axis=0) for line in lines])
    count = np.ceil(np.hypot(*along.T) / PIECE).astype(int)
    which = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(which)) - (count.cumsum() - count)[which]
    step = along[which] / count[which, None]
    return np.hstack([starts[which] + number[:, None] * step, step]).astype(np.float32)


def _ink(
    pieces: NDArray[np.float32], width: int, height: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the pixels of a picture that lie within `REACH` of straight pieces, and how far.

    A pixel near several pieces is there several times: what an outline leaves empty, which is
    most of the picture, is not looked at.
    """
    start, step = pieces[:, :2, None], pieces[:, 2:, None]
    corner = np.floor(np.minimum(start, start + step) - np.float32(REACH))
    pixels = corner + np.arange(WINDOW, dtype=np.float32)
    centre = pixels + np.float32(0.5) - start
    share = centre * step / (step * step).sum(axis=1, keepdims=True)
    along = share[:, 1, :, None] + share[:, 0, None, :]
    np.clip(along, np.float32(0), np.float32(1), out=along)
    right, down = (
        centre[:, 0, None, :] - along * step[:, 0, :, None],
        centre[:, 1, :, None] - along * step[:, 1, :, None],
    )
    away = (right * right + down * down).ravel()
    near = np.flatnonzero(away < REACH * REACH)
    piece, row = near // WINDOW**2, near // WINDOW % WINDOW
    row, column = pixels[piece, 1, row], pixels[piece, 0, near % WINDOW]
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    place = (row * width + column)[inside].astype(np.intp)
    return place, np.sqrt(away[near[inside]])


def draw_frame(picture: Pixels, field: FieldOfView, radiograph: Radiograph) -> None:
    """Draw what the network saw as a dashed frame, if that is not the whole image."""
    if (field.height, field.width) == (radiograph.rows, radiograph.columns):
        return
    height, width = picture.shape
    across, down = width / radiograph.columns, height / radiograph.rows
    left, right = (round(x * across) for x in (field.left, field.right))
    top, bottom = (round(y * down) for y in (field.top, field.bottom))
    columns, rows = _dashes(left, top, min(right, width - 1), min(bottom, height - 1))
    picture.view(np.uint8).reshape(height, width, 4)[rows, columns, :3] = FRAME


@lru_cache(maxsize=32)  # a site's modalities have few sizes, and the panels of one sheet share it
def _dashes(left: int, top: int, right: int, bottom: int) -> NDArray[np.intp]:
    """Return the pixels of a dashed frame, their columns and their rows."""
    pixels: list[tuple[int, int]] = []
    for x in range(left, right, 2 * DASH):
        dash = range(x, min(x + DASH, right) + 1)
        pixels += [(column, y) for y in (top, bottom) for column in dash]
    for y in range(top, bottom, 2 * DASH):
        dash = range(y, min(y + DASH, bottom) + 1)
        pixels += [(x, row) for x in (left, right) for row in dash]
    return np.array(pixels, np.intp).T
