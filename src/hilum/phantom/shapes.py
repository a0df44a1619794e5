"""Closed-form projections: how many millimetres of a body a vertical ray passes through.

Coordinates are millimetres on the plane through the middle of the chest: x grows to the
right of the image (the patient's left), y downwards, and rays run along z. The depth of an
ellipsoid along such a ray is its central depth times ``sqrt(1 - e)``, where ``e`` is the
quadratic form of the ellipse that it projects to; that of a cylinder at distance d from its
axis is ``2 sqrt(r² - d²)``. So a body costs one square root a pixel of its bounding box.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Depth = NDArray[np.float32]
"""Path length of each ray in mm; float32."""

Point = tuple[float, float]
"""(x, y) in mm."""

Tile = tuple[slice, slice]
"""Rows and columns of a canvas."""

BAND_RAYS: Final = 1 << 16
"""Rays of one band: a few float32 arrays of that many stay in the cache of one core."""

WORKERS: Final = 2
"""Threads that draw one phantom: numpy lets go of the interpreter while it counts."""

MARROW: Final = 0.32
"""Mineral of the inside of a bone, as a share of its cortex."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The depth of one body, on the part of the canvas that it touches.

    Attributes
    ----------
    at
        Rows and columns of the canvas.
    depth
        Shape of that part, float32, mm.
    """

    at: Tile
    depth: Depth

    def add_to(self, field: Depth, weight: float = 1.0) -> None:
        """Add the body to `field`, the shape of the canvas, in place."""
        field[self.at] += self.depth * np.float32(weight)

    def unite_with(self, field: Depth, weight: float = 1.0) -> None:
        """Let the body and those in `field` overlap: the deeper one counts, in place."""
        weighted = self.depth if weight == 1 else self.depth * np.float32(weight)
        np.maximum(field[self.at], weighted, out=field[self.at])


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The grid of rays.

    Attributes
    ----------
    x
        Shape ``(rows, columns)``, float32, mm from the midline of the leaning patient.
    y
        Shape ``(rows, 1)``, float32, mm below the apex of the lungs.
    spacing
        Distance of two rays in mm.
    left, top
        x and y of the first ray.
    lean
        Slope of the patient's midline.
    """

    x: Depth
    y: Depth
    spacing: float
    left: float
    top: float
    lean: float

    @classmethod
    def spread(
        cls, rows: int, columns: int, *, spacing: float, centre: Point, lean: float = 0.0
    ) -> "Canvas":
        """Return a grid of rays around `centre` for a patient who leans by `lean` (slope)."""
        half_width, half_height = (columns - 1) / 2 * spacing, (rows - 1) / 2 * spacing
        across = np.linspace(-half_width, half_width, columns, dtype=np.float32)
        y = np.linspace(-half_height, half_height, rows, dtype=np.float32)[:, None]
        x = (across + np.float32(centre[0]))[None, :] - np.float32(lean) * y
        left = centre[0] - half_width + lean * half_height
        top = centre[1] - half_height
        return cls(x, y + np.float32(centre[1]), spacing, left, top, lean)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.x.shape
        return rows, columns

    def empty(self) -> Depth:
        """Return a field of zeros, float32."""
        return np.zeros(self.shape, np.float32)

    def part(self, at: Tile) -> "Canvas":
        """Return some of the rays."""
        rows, columns = at
        down, across = rows.start * self.spacing, columns.start * self.spacing
        left = self.left + across - self.lean * down
        return Canvas(self.x[at], self.y[rows], self.spacing, left, self.top + down, self.lean)

    def bands(self, part: Tile | None = None) -> Iterator[tuple[Tile, "Canvas"]]:
        """Yield `part`, or all of the canvas, in bands of rows from the top to the bottom.

        What is worked out for each ray by itself is worked out band by band: whole fields
        would go through memory, and each new one would ask the system for fresh pages.
        """
        whole_rows, columns = part or (slice(0, self.shape[0]), slice(0, self.shape[1]))
        height = max(BAND_RAYS // max(columns.stop - columns.start, 1), 1)
        for first in range(whole_rows.start, whole_rows.stop, height):
            band = slice(first, min(first + height, whole_rows.stop)), columns
            yield band, self.part(band)

    def grown(self, scale: float, centre: Point) -> "Canvas":
        """Return the same rays through a patient who shrank to `scale` towards `centre`."""
        return Canvas(
            (self.x - np.float32(centre[0])) * np.float32(1 / scale) + np.float32(centre[0]),
            (self.y - np.float32(centre[1])) * np.float32(1 / scale) + np.float32(centre[1]),
            self.spacing / scale,
            (self.left - centre[0]) / scale + centre[0],
            (self.top - centre[1]) / scale + centre[1],
            self.lean,
        )

    def tile(self, left: float, right: float, top: float, bottom: float) -> Tile:
        """Return the rows and columns that hold a box in mm; empty outside the canvas."""
        rows, columns = self.x.shape
        down, bottom = top - self.top, bottom - self.top
        first = min(max(int(down / self.spacing), 0), rows)
        last = min(max(int(bottom / self.spacing) + 2, first), rows)
        less, more = -self.lean * down, -self.lean * bottom
        if less > more:
            less, more = more, less
        start = int((left - self.left - more) / self.spacing)
        stop = int((right - self.left - less) / self.spacing) + 2
        start = min(max(start, 0), columns)
        return slice(first, last), slice(start, min(max(stop, start), columns))


def by_bands(
    canvas: Canvas, work: Callable[[Tile, Canvas], None], part: Tile | None = None
) -> None:
    """Let `work` fill `part`, or all, of the canvas band by band, two bands at a time."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(lambda band: work(*band), canvas.bands(part)):
            pass


def dome(square: Depth) -> Depth:
    """Return ``sqrt(square)``, and 0 where it is negative; `square` is changed."""
    np.maximum(square, 0, out=square)
    return np.sqrt(square, out=square)


def ellipsoid(
    canvas: Canvas, centre: Point, semi_axes: tuple[float, float, float], angle: float = 0.0
) -> Patch:
    """Return an ellipsoid.

    Parameters
    ----------
    canvas
        The rays.
    centre
        Its middle, mm.
    semi_axes
        Along x and y before it is turned, and along the rays; mm.
    angle
        Clockwise on the image, radians.
    """
    across, down, along = semi_axes
    cosine, sine = np.cos(angle), np.sin(angle)
    reach_x = float(np.hypot(across * cosine, down * sine))
    reach_y = float(np.hypot(across * sine, down * cosine))
    at = canvas.tile(
        centre[0] - reach_x, centre[0] + reach_x, centre[1] - reach_y, centre[1] + reach_y
    )
    x = canvas.x[at] - np.float32(centre[0])
    y = canvas.y[at[0]] - np.float32(centre[1])
    first = x * np.float32(cosine / across) + y * np.float32(sine / across)
    second = y * np.float32(cosine / down) - x * np.float32(sine / down)
    first *= first
    second *= second
    first += second
    return Patch(at, dome(1 - first) * np.float32(2 * along))


def united(canvas: Canvas, patches: list[Patch]) -> Patch:
    """Return bodies as one, on the part of the canvas that holds all: the deepest counts."""
    rows, columns = (
        slice(min(p.at[axis].start for p in patches), max(p.at[axis].stop for p in patches))
        for axis in (0, 1)
    )
    whole = np.zeros(canvas.x[rows, columns].shape, np.float32)
    for patch in patches:
        part = tuple(
            slice(near.start - far.start, near.stop - far.start)
            for near, far in zip(patch.at, (rows, columns), strict=True)
        )
        np.maximum(whole[part], patch.depth, out=whole[part])
    return Patch((rows, columns), whole)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A straight piece of a bar: two points in mm, and the radius at each."""

    start: Point
    end: Point
    radii: tuple[float, float]


def within(canvas: Canvas, at: Tile, piece: Stretch) -> tuple[Depth, Depth]:
    """Return ``r² - d²`` of each ray to the axis of a piece, mm², and the radius r there, mm."""
    x = canvas.x[at] - np.float32(piece.start[0])
    y = canvas.y[at[0]] - np.float32(piece.start[1])
    step_x, step_y = piece.end[0] - piece.start[0], piece.end[1] - piece.start[1]
    scale = 1 / max(step_x * step_x + step_y * step_y, 1e-6)
    along = x * np.float32(step_x * scale)
    along += y * np.float32(step_y * scale)
    np.maximum(along, 0, out=along)
    np.minimum(along, 1, out=along)
    aside = along * np.float32(step_x)
    np.subtract(x, aside, out=x)
    np.multiply(along, np.float32(step_y), out=aside)
    np.subtract(y, aside, out=aside)
    radius = along
    radius *= np.float32(piece.radii[1] - piece.radii[0])
    radius += np.float32(piece.radii[0])
    inside = radius * radius
    x *= x
    inside -= x
    aside *= aside
    inside -= aside
    return inside, radius


def shell(inside: Depth, radius: Depth, cortex: float) -> Depth:
    """Return what is left of ``r² - d²`` inside the `cortex` (mm) of a round bone."""
    return inside - np.float32(2 * cortex) * radius + np.float32(cortex * cortex)


def bone_depth(outer: Depth, inner: Depth) -> Depth:
    """Return the mineral of a round bone from ``r² - d²`` of its outside and its marrow, mm."""
    depth = dome(outer)
    depth -= dome(inner) * np.float32(1 - MARROW)
    depth *= 2
    return depth


def box(points: NDArray[np.float64], reach: float) -> tuple[float, float, float, float]:
    """Return left, right, top and bottom of `points`, shape ``(n, 2)``, widened by `reach`."""
    (left, top), (right, bottom) = points.min(axis=0) - reach, points.max(axis=0) + reach
    return float(left), float(right), float(top), float(bottom)


def capsule(canvas: Canvas, start: Point, end: Point, radii: tuple[float, float]) -> Patch:
    """Return a bar with round ends whose radius (mm) changes evenly from start to end."""
    reach = max(radii)
    at = canvas.tile(
        min(start[0], end[0]) - reach,
        max(start[0], end[0]) + reach,
        min(start[1], end[1]) - reach,
        max(start[1], end[1]) + reach,
    )
    inside, _ = within(canvas, at, Stretch(start, end, radii))
    depth = dome(inside)
    depth *= 2
    return Patch(at, depth)


def bent_bone(
    canvas: Canvas, points: NDArray[np.float64], radii: NDArray[np.float64], cortex: float
) -> Patch:
    """Return a bent, round bone.

    Parameters
    ----------
    canvas
        The rays.
    points
        On its axis, shape ``(n, 2)``, mm.
    radii
        At each point, shape ``(n,)``, mm.
    cortex
        Thickness of its dense outside, mm.
    """
    at = canvas.tile(*box(points, float(radii.max())))
    shape = canvas.x[at].shape
    outer, inner = np.full(shape, -1, np.float32), np.full(shape, -1, np.float32)
    for index in range(len(points) - 1):
        ends, thick = points[index : index + 2], radii[index : index + 2]
        here = canvas.tile(*box(ends, float(thick.max())))
        part = tuple(
            slice(near.start - whole.start, near.stop - whole.start)
            for near, whole in zip(here, at, strict=True)
        )
        piece = Stretch(tuple(ends[0]), tuple(ends[1]), (float(thick[0]), float(thick[1])))
        inside, radius = within(canvas, here, piece)
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
