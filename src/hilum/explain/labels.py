"""Where an outline begins, so that the label beside it can be read.

A closed outline may begin at any of its points, and says the same. Viewers differ in what
they make of the first ones: OHIF writes the label to the right of the first two points and
below their middle, whatever lies there. Outlines that begin at their top have their labels
on the very pixels they point to, and on each other.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum.language import ENGLISH
from hilum.reading import Region
from hilum.wording import finding_name

GRID: Final = 200
"""Rows of the grid on which places for labels are compared."""

SCREEN: Final = 650
"""Pixels in which a small window shows the image's height; labels keep their size."""

AWAY: Final = 25 / SCREEN
"""From the outline's first points to the label, right and down, as share of the height."""

CHARACTER: Final = 7.5 / SCREEN
LINES: Final = 42 / SCREEN
"""Width of one character, and height of two lines, as share of the height."""

SAID: Final = " score: 0.91 {score}"
"""What follows a finding's name in the first line of its label."""

ON_A_LABEL: Final = 40
OUTSIDE: Final = 3
"""How much worse than on a region it is for a label to be on another, or off the image."""


def begin_beside(regions: Iterable[Region], rows: int, columns: int) -> tuple[Region, ...]:
    """Return the regions in the same order, each beginning where its label is best read.

    Parameters
    ----------
    regions
        Closed outlines in source pixels.
    rows, columns
        Size of the source image.

    Returns
    -------
    tuple[Region, ...]
        The same outlines, begun at another of their points: those whose label covers
        the least of any region, of the labels before it, and of what is off the image.
    """
    regions, scale = tuple(regions), GRID / rows
    taken = sum(
        (_inside(region.outline * scale, round(columns * scale)) for region in regions),
        start=np.zeros((GRID, round(columns * scale))),
    )
    sums, begun = _sums(taken), []
    for region in regions:
        name = finding_name(region.label, ENGLISH)
        places = _places(region.outline * scale, len(name + SAID))
        best = int(np.argmin(_costs(sums, places)))
        sums += ON_A_LABEL * _sums_of_box(places[best], sums.shape)
        ring = np.roll(region.outline[:-1], -best, axis=0)
        begun.append(replace(region, outline=np.concatenate([ring, ring[:1]])))
    return tuple(begun)


def _inside(outline: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return 1 within an outline in grid coordinates and 0 elsewhere, ``(GRID, width)``."""
    mask = Image.new("L", (width, GRID))
    ImageDraw.Draw(mask).polygon([(x, y) for x, y in outline.tolist()], fill=1)
    return np.asarray(mask, np.float64)


def _places(outline: NDArray[np.float64], characters: int) -> NDArray[np.intp]:
    """Return the label's box for each beginning: left, top, right, bottom on the grid."""
    width, height = characters * CHARACTER, LINES
    first, second = outline[:-1], outline[1:]
    left = np.maximum(first[:, 0], second[:, 0]) + AWAY * GRID
    top = (first[:, 1] + second[:, 1]) / 2 + AWAY * GRID
    boxes = np.stack([left, top, left + width * GRID, top + height * GRID], axis=1)
    return np.rint(boxes).astype(np.intp)


def _sums(taken: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what lies above and to the left of each crossing of the grid's lines."""
    sums = np.zeros((taken.shape[0] + 1, taken.shape[1] + 1))
    sums[1:, 1:] = taken.cumsum(axis=0).cumsum(axis=1)
    return sums


def _sums_of_box(box: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return `_sums` of 1 within a box and 0 elsewhere."""
    left, top, right, bottom = box
    down = (np.arange(shape[0], dtype=np.float64).clip(None, bottom) - max(top, 0)).clip(0)
    across = (np.arange(shape[1], dtype=np.float64).clip(None, right) - max(left, 0)).clip(0)
    return np.outer(down, across)


def _costs(sums: NDArray[np.float64], places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how bad each box is: what it covers, and how much of it is off the image."""
    height, width = sums.shape[0] - 1, sums.shape[1] - 1
    left, right = places[:, 0].clip(0, width), places[:, 2].clip(0, width)
    top, bottom = places[:, 1].clip(0, height), places[:, 3].clip(0, height)
    covered = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    area = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    outside = area - (right - left) * (bottom - top)
    costs: NDArray[np.float64] = covered + OUTSIDE * outside
    return costs
