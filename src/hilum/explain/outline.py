"""Regions: where on the source image a positive finding's heatmap is strong.

The outline of a region is the line where the class activation map falls to half of its
peak, evidence against the finding counting as none, in the coordinates of
`hilum.explain.saliency`. It says what the network's answer rests on, not where a
lesion ends.

A closed outline may begin at any of its points, and says the same. Viewers differ in what
they make of the first ones: OHIF writes the label to the right of the first two points and
below their middle, whatever lies there. Outlines that begin at their top have their labels
on the very pixels they point to, and on each other.

Sources
-------
PS3.3 C.18.6.1.2: a closed POLYLINE ends at its first point. PS3.16 TID 1410.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias, cast

import contourpy
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum.explain.saliency import relative, sample
from hilum.language import ENGLISH
from hilum.reading import Heatmap, Reading, Region
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


LEVEL: Final = 0.5
"""Share of the map's peak at which an outline is drawn."""

MAX_REGIONS: Final = 3
"""Outlines of one finding at most; weaker ones are left out."""

MIN_CELLS: Final = 0.25
"""Area, in cells of the feature map, below which an island says nothing."""

MAX_POINTS: Final = 100
"""Points of one outline at most."""

MIN_POINTS: Final = 6
"""Points of one outline at least: viewers take four or five for tools of their own."""

SAMPLES: Final = 8
"""Points of the sampling grid along one cell."""


_OuterOffset: TypeAlias = tuple[list[NDArray[np.float64]], list[NDArray[np.uint32]]]
"""For each polygon its points, and where its outer border and its holes end in them."""


def regions(reading: Reading) -> tuple[Region, ...]:
    """Return the regions of every positive finding, the highest score first.

    Returns
    -------
    tuple[Region, ...]
        One to `MAX_REGIONS` for each positive finding, the strongest first; empty when
        nothing is positive. A finding whose map supports it nowhere (its score then
        comes from the classifier's bias) gets the frame of the field of view. Each
        begins where a viewer's label does not hide it.
    """
    heatmaps = {heatmap.label: heatmap for heatmap in reading.heatmaps}
    found = (
        Region(finding.label, outline)
        for finding in reading.positives
        for outline in outlines(heatmaps[finding.label])
        or (heatmaps[finding.label].field_of_view.frame,)
    )
    return begin_beside(found, reading.radiograph.rows, reading.radiograph.columns)


@lru_cache(maxsize=32)  # the sheet and the report ask for the same ones
def outlines(heatmap: Heatmap) -> tuple[NDArray[np.float64], ...]:
    """Return where one map is above `LEVEL` of its peak, the strongest region first.

    Returns
    -------
    tuple[NDArray[np.float64], ...]
        At most `MAX_REGIONS` closed outlines, each of shape ``(points, 2)``, (column,
        row) in source coordinates, `MIN_POINTS` to `MAX_POINTS` points. Holes are not
        drawn. Empty when the map has no evidence for the finding. They are not to be
        written to: whoever asks about the same map gets the same arrays.
    """
    shares = relative(heatmap)
    if not shares.activation.any():
        return ()
    field = heatmap.field_of_view
    height, width = heatmap.activation.shape
    cell = np.array([field.width / width, field.height / height])
    ranked = [
        (_peak_inside(ring, shares), area(ring / cell), ring) for ring in _rings_above(shares)
    ]
    ranked.sort(key=lambda region: region[:2], reverse=True)
    large = [ring for _, cells, ring in ranked[1:] if cells >= MIN_CELLS]
    chosen = tuple(simplified(ring, cell) for ring in [ranked[0][2], *large][:MAX_REGIONS])
    for outline in chosen:
        outline.flags.writeable = False
    return chosen


def _rings_above(shares: Heatmap) -> list[NDArray[np.float64]]:
    """Return the outer borders of all that lies above `LEVEL`, each closed."""
    field = shares.field_of_view
    height, width = shares.activation.shape
    down = np.linspace(field.top, field.bottom, SAMPLES * height + 1)
    across = np.linspace(field.left, field.right, SAMPLES * width + 1)
    return rings_above(across, down, sample(shares, down, across).astype(np.float64), LEVEL)


def rings_above(
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    values: NDArray[np.float64],
    level: float,
) -> list[NDArray[np.float64]]:
    """Return the outer borders of all that lies above a level, each closed; holes are left out.

    Parameters
    ----------
    across, down
        Where the columns and rows of `values` are, rising; shapes ``(columns,)``, ``(rows,)``.
    values
        Shape ``(rows, columns)``; linear in between.

    Returns
    -------
    list of NDArray[np.float64]
        Shape ``(points, 2)`` each, in the units of `across` and `down`.
    """
    # Filled contours follow the border of the grid by themselves, so that a region cut
    # by the field of view is closed along it.
    # The class itself: `contour_generator` takes longer to look for masked values than it to draw.
    generator = contourpy.SerialContourGenerator(
        *np.meshgrid(across, down),
        values,
        None,  # type: ignore[arg-type]  # no mask
        corner_mask=False,
        line_type=contourpy.LineType.Separate,
        fill_type=contourpy.FillType.OuterOffset,
        quad_as_tri=False,
        z_interp=contourpy.ZInterp.Linear,
    )
    filled = cast("_OuterOffset", generator.filled(level, np.inf))
    corners = (across[0], down[0]), (across[-1], down[-1])  # rounding may step outside
    return [
        np.clip(points[: int(offsets[1])], *corners)
        for points, offsets in zip(*filled, strict=True)
    ]


def area(ring: NDArray[np.float64]) -> float:
    """Return the area within a closed ring of points, shape ``(points, 2)``."""
    x, y = ring[:, 0], ring[:, 1]
    return float(abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2)


def _peak_inside(ring: NDArray[np.float64], heatmap: Heatmap) -> float:
    """Return the greatest activation of a cell whose centre lies within the ring.

    Bilinear interpolation has its maxima at the cells' centres, so this is the peak of
    the region, unless the region is cut so that no centre is within: then it is weak.
    """
    field = heatmap.field_of_view
    height, width = heatmap.activation.shape
    y = field.top + (np.arange(height) + 0.5) * field.height / height
    x = field.left + (np.arange(width) + 0.5) * field.width / width
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    activation = heatmap.activation.ravel()
    return float(activation[within(ring, places)].max(initial=0.0))


def within(ring: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points lie within a closed ring; shapes ``(points, 2)`` and ``(places, 2)``."""
    column, row = places[:, :1], places[:, 1:]
    (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
    crosses = (y0 > row) != (y1 > row)
    with np.errstate(divide="ignore", invalid="ignore"):  # level edges cross nothing
        right_of = column < x0 + (row - y0) * (x1 - x0) / (y1 - y0)
    inside: NDArray[np.bool_] = np.count_nonzero(crosses & right_of, axis=1) % 2 == 1
    return inside


def simplified(
    ring: NDArray[np.float64], cell: NDArray[np.float64], most: int = MAX_POINTS
) -> NDArray[np.float64]:
    """Return a closed ring with `MIN_POINTS` to `most` points that looks the same.

    Parameters
    ----------
    ring
        Shape ``(points, 2)``, closed.
    cell
        Width and height of one cell: the first tolerance is a hundredth of it.
    """
    tolerance = float(cell.min()) / 100
    kept = _douglas_peucker(ring, tolerance)
    while len(kept) > most:
        tolerance *= 1.5
        kept = _douglas_peucker(ring, tolerance)
    while len(kept) < MIN_POINTS:
        longest = int(np.argmax(np.linalg.norm(np.diff(kept, axis=0), axis=1)))
        kept = np.insert(kept, longest + 1, kept[longest : longest + 2].mean(axis=0), axis=0)
    return kept


def _douglas_peucker(ring: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """Return the fewest points of a line that stay within `tolerance` of all of them.

    Sources
    -------
    Douglas and Peucker, "Algorithms for the reduction of the number of points required
    to represent a digitized line", Cartographica 10 (1973).
    """
    points = ring.tolist()
    keep = np.zeros(len(ring), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(ring) - 1)]
    while spans:
        first, last = spans.pop()
        farthest, away = _farthest(points[first : last + 1])
        if away > tolerance:
            middle = first + farthest
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return ring[keep]


def _farthest(line: Sequence[tuple[float, float]]) -> tuple[int, float]:
    """Return which point of a line is farthest from its chord, and how far that is.

    Most lines have few points: a loop is faster than arrays.
    """
    (x, y), (end_x, end_y) = line[0], line[-1]
    across, down = end_x - x, end_y - y
    length = math.sqrt(across * across + down * down)
    if length:
        away = [abs((px - x) * down - (py - y) * across) / length for px, py in line[1:-1]]
    else:
        away = [math.sqrt((px - x) * (px - x) + (py - y) * (py - y)) for px, py in line[1:-1]]
    most = max(away, default=0.0)
    return (away.index(most) + 1 if away else 0), most
