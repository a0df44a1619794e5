"""Bars: straight ones with round ends, bones bent out of pieces, and many small ones at once."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from hilum.phantom.shapes import BAND_RAYS, Canvas, Depth, Patch, Point, Tile, dome

MARROW: Final = 0.32
"""Mineral of the inside of a bone, as a share of its cortex."""

SIDES: Final = (24, 40, 64, 100, 160, 256, 400, 640)
"""Rays along a side of the boxes that bars of about the same size are worked out in."""

Numbers = tuple[float, float] | NDArray[np.float64]
"""Two, or two for each of many bars."""


def within(x: Depth, y: Depth, start: Numbers, end: Numbers, radii: Numbers) -> tuple[Depth, Depth]:
    """Return ``r² - d²`` of each ray to the axis of a bar, mm², and the radius r there, mm.

    Parameters
    ----------
    x, y
        Of the rays, mm: shapes ``(rows, columns)`` and ``(rows, 1)``; for many bars a box
        of rays for each, with one more axis in front.
    start, end, radii
        Of the bar, mm; of many as arrays of shape ``(n, 1, 1)``.
    """
    step_x, step_y = end[0] - start[0], end[1] - start[1]
    scale = 1 / np.maximum(step_x * step_x + step_y * step_y, 1e-6)
    x = x - np.float32(start[0])
    y = y - np.float32(start[1])
    along = x * np.float32(step_x * scale)
    along += y * np.float32(step_y * scale)
    along.clip(0, 1, out=along)
    aside = along * np.float32(step_x)
    np.subtract(x, aside, out=x)
    np.multiply(along, np.float32(step_y), out=aside)
    np.subtract(y, aside, out=aside)
    radius = along
    radius *= np.float32(radii[1] - radii[0])
    radius += np.float32(radii[0])
    inside = radius * radius
    x *= x
    inside -= x
    aside *= aside
    inside -= aside
    return inside, radius


def shell(inside: Depth, radius: Depth, cortex: float) -> Depth:
    """Return what is left of ``r² - d²`` inside the `cortex` (mm) of a round bone."""
    return inside - np.float32(2 * cortex) * radius + np.float32(cortex * cortex)


def chord(inside: Depth) -> Depth:
    """Return the depth of a round bar from its ``r² - d²``, which is changed; mm."""
    depth = dome(inside)
    depth *= 2
    return depth


def bone_depth(outer: Depth, inner: Depth) -> Depth:
    """Return the mineral of a round bone from ``r² - d²`` of its outside and its marrow, mm."""
    depth = dome(outer)
    depth -= dome(inner) * np.float32(1 - MARROW)
    depth *= 2
    return depth


def capsule(canvas: Canvas, start: Point, end: Point, radii: tuple[float, float]) -> Patch:
    """Return a bar with round ends whose radius (mm) changes evenly from start to end."""
    at = around(canvas, start, end, max(radii))
    inside, _ = within(canvas.x[at], canvas.y[at[0]], start, end, radii)
    return Patch(at, chord(inside))


def around(canvas: Canvas, start: Point, end: Point, reach: float) -> Tile:
    """Return the box of rays around two corners, or ends of a line, widened by `reach` mm."""
    (left, top), (right, bottom) = start, end
    if left > right:
        left, right = right, left
    if top > bottom:
        top, bottom = bottom, top
    return canvas.tile(left - reach, right + reach, top - reach, bottom + reach)


def capsules(
    canvas: Canvas, ends: NDArray[np.float64], radii: NDArray[np.float64]
) -> Iterator[Patch]:
    """Yield many bars like that of `capsule`, in any order, each on a part that holds it.

    They are worked out together: for one small bar numpy takes longer to be called than to
    count, and lets threads beside it in and out at each call.

    Parameters
    ----------
    ends
        Shape ``(n, 2, 2)``: start and end of each, x and y, mm.
    radii
        Shape ``(n, 2)``: at start and end, mm.
    """
    reach = radii.max(axis=1).tolist()
    tiles = [
        around(canvas, start, end, most)
        for (start, end), most in zip(ends.tolist(), reach, strict=True)
    ]
    for (height, width), bars in alike(tiles, canvas.shape).items():
        across = sliding_window_view(canvas.x, (height, width))
        down = sliding_window_view(canvas.y[:, 0], height)
        most = max(BAND_RAYS // (height * width), 1)
        for some in (bars[first : first + most] for first in range(0, len(bars), most)):
            top = [min(tiles[bar][0].start, canvas.shape[0] - height) for bar in some]
            left = [min(tiles[bar][1].start, canvas.shape[1] - width) for bar in some]
            start, end = ends[some].transpose(1, 2, 0)[..., None, None]
            thick = radii[some].T[..., None, None]
            depths = chord(within(across[top, left], down[top][..., None], start, end, thick)[0])
            for row, column, depth in zip(top, left, depths, strict=True):
                yield Patch((slice(row, row + height), slice(column, column + width)), depth)


def alike(tiles: list[Tile], shape: tuple[int, int]) -> dict[tuple[int, int], list[int]]:
    """Return the tiles that are not empty by the size of a box that holds each of them.

    Parameters
    ----------
    shape
        Of the canvas: no box is larger.

    Returns
    -------
    dict
        Rows and columns of a box → places in `tiles`.
    """
    found = defaultdict(list)
    for place, sides in enumerate(tiles):
        lengths = [side.stop - side.start for side in sides]
        if all(lengths):
            height, width = (
                min(next((size for size in SIDES if size >= length), most), most)
                for length, most in zip(lengths, shape, strict=True)
            )
            found[height, width].append(place)
    return found


def bent_bone(
    canvas: Canvas, points: NDArray[np.float64], radii: NDArray[np.float64], cortex: float
) -> Patch:
    """Return a bent, round bone.

    Parameters
    ----------
    points
        On its axis, shape ``(n, 2)``, mm.
    radii
        At each point, shape ``(n,)``, mm.
    cortex
        Thickness of its dense outside, mm.
    """
    at = around(canvas, points.min(axis=0).tolist(), points.max(axis=0).tolist(), radii.max())
    shape = canvas.x[at].shape
    outer, inner = np.full(shape, -1, np.float32), np.full(shape, -1, np.float32)
    for (start, thick), (end, thin) in pairwise(zip(points.tolist(), radii.tolist(), strict=True)):
        here = around(canvas, start, end, max(thick, thin))
        part = tuple(
            slice(near.start - whole.start, near.stop - whole.start)
            for near, whole in zip(here, at, strict=True)
        )
        x, y = canvas.x[here], canvas.y[here[0]]
        inside, radius = within(x, y, start, end, (thick, thin))
        np.maximum(outer[part], inside, out=outer[part])
        np.maximum(inner[part], shell(inside, radius, cortex), out=inner[part])
    return Patch(at, bone_depth(outer, inner))


def smooth(points: list[Point], count: int) -> NDArray[np.float64]:
    """Return `count` points on a Catmull-Rom curve through `points`, shape ``(count, 2)``."""
    knots = np.asarray(points, np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    place = np.linspace(0, len(knots) - 1, count)
    index = np.minimum(place.astype(int), len(knots) - 2)
    t = (place - index)[:, None]
    before, start, end, after = (padded[index + k] for k in range(4))
    curve: NDArray[np.float64] = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    return curve
