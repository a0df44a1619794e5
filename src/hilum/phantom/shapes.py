"""Closed-form projections: how many millimetres of a body a vertical ray passes through.

Coordinates are millimetres on the plane through the middle of the chest: x grows to the
right of the image (the patient's left), y downwards, and rays run along z. The depth of an
ellipsoid along such a ray is its central depth times ``sqrt(1 - e)``, where ``e`` is the
quadratic form of the ellipse that it projects to; that of a cylinder at distance d from its
axis is ``2 sqrt(r² - d²)``. So a body costs one square root a pixel of its bounding box.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
R = TypeVar("R")

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


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The depth of one body, on the part of the canvas that it touches."""

    at: Tile
    """Rows and columns of the canvas."""
    depth: Depth
    """Shape of that part, float32, mm."""

    def add_to(self, field: Depth, weight: float = 1.0) -> None:
        """Add the body to `field`, the shape of the canvas, in place."""
        field[self.at] += self.depth * np.float32(weight)

    def unite_with(self, field: Depth, weight: float = 1.0) -> None:
        """Let the body and those in `field` overlap: the deeper one counts, in place."""
        weighted = self.depth if weight == 1 else self.depth * np.float32(weight)
        np.maximum(field[self.at], weighted, out=field[self.at])


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """The grid of rays."""

    x: Depth
    """Shape ``(rows, columns)``, float32, mm from the midline of the leaning patient."""
    y: Depth
    """Shape ``(rows, 1)``, float32, mm below the apex of the lungs."""
    spacing: float
    """Distance of two rays in mm."""
    left: float
    top: float
    """x and y of the first ray."""
    lean: float
    """Slope of the patient's midline."""

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
    beside_each_other(lambda band: work(*band), canvas.bands(part))


def beside_each_other(work: Callable[[T], R], parts: Iterable[T]) -> list[R]:
    """Return what `work` makes of each part, `WORKERS` of them at a time."""
    return list(workers(os.getpid()).map(work, parts))


@cache
def workers(_: int) -> ThreadPoolExecutor:
    """Return the threads of a process, which last: a fork of it has to start its own."""
    return ThreadPoolExecutor(WORKERS, "phantom")


def dome(square: Depth) -> Depth:
    """Return ``sqrt(square)``, and 0 where it is negative; `square` is changed."""
    # Not np.maximum, which takes three times as long to compare with one number.
    square.clip(0, np.inf, out=square)
    return np.sqrt(square, out=square)


def ellipsoid(
    canvas: Canvas, centre: Point, semi_axes: tuple[float, float, float], angle: float = 0.0
) -> Patch:
    """Return an ellipsoid.

    Parameters
    ----------
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
