"""Smooth random fields, laid in millimetres so that every resolution shows the same one."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.shapes import BAND_RAYS, Canvas, Depth, Tile, beside_each_other

ROWS_AT_ONCE: Final = 128
"""Rows of weights that are multiplied at once: fewer look at less of the lattice."""


def spline_weights(place: NDArray[np.float32], knots: int) -> NDArray[np.float32]:
    """Return cubic B-spline weights of ``knots`` lattice points, shape ``(len(place), knots)``."""
    # Only the four lattice points around a place count.
    column = np.floor(place).astype(np.intp)[:, None] + np.arange(-1, 3)
    distance = np.abs(place[:, None] - column.astype(np.float32))
    near = np.float32(2 / 3) - distance**2 + distance**3 / 2
    far = np.maximum(2 - distance, 0) ** 3 / 6
    row, there = np.nonzero((column >= 0) & (column < knots))
    weights = np.zeros((len(place), knots), np.float32)
    weights[row, column[row, there]] = np.where(distance < 1, near, far)[row, there]
    return weights


def noise(canvas: Canvas, seed: tuple[int, ...], scale: float) -> Depth:
    """Return smooth noise of standard deviation about 1, shape of the canvas.

    Parameters
    ----------
    scale
        Distance of its lattice points, mm; 2 mm and more.
    """
    extent = 640.0
    knots = int(extent / scale) + 4
    lattice = np.random.default_rng(seed).standard_normal((knots, knots), np.float32)
    across = (canvas.x[canvas.shape[0] // 2] + np.float32(extent / 2)) / np.float32(scale)
    down = (canvas.y[:, 0] + np.float32(extent / 4)) / np.float32(scale)
    first, last = int(max(across.min() - 2, 0)), int(across.max() + 3)
    rows = spline_weights(down, knots)
    columns = spline_weights(across - first, last - first)
    field = between(rows, lattice[:, first:last], columns[:, : knots - first])
    return np.multiply(field, np.float32(2.1), out=field)


def between(
    rows: NDArray[np.float32], lattice: NDArray[np.float32], columns: NDArray[np.float32]
) -> Depth:
    """Return ``rows @ lattice @ columns.T`` for weights that are mostly zeros.

    Parameters
    ----------
    rows, columns
        Weights of the lattice's rows and columns, shapes ``(height, n)`` and ``(width, m)``.
    lattice
        Shape ``(n, m)``.

    Returns
    -------
    NDArray[np.float32]
        Shape ``(height, width)``.
    """
    half = np.empty((len(rows), lattice.shape[1]), np.float32)
    for here, near in neighbours(rows):
        np.matmul(rows[here, near], lattice[near], out=half[here])
    field = np.empty((len(rows), len(columns)), np.float32)
    for here, near in neighbours(columns):
        np.matmul(half[:, near], columns[here, near].T, out=field[:, here])
    return field


def neighbours(weights: NDArray[np.float32]) -> Iterator[Tile]:
    """Yield some rows of weights at a time, and the columns outside of which all are 0.

    All at once where that is little work: OpenBLAS adds up in another order in products of
    less than a million terms, and the last bits would depend on how they are cut.
    """
    length, knots = weights.shape
    few = length < 8 * ROWS_AT_ONCE or knots < ROWS_AT_ONCE // 2
    count = 1 if few else length // ROWS_AT_ONCE
    edges = [index * length // count for index in range(count + 1)]
    for first, last in pairwise(edges):
        used = np.flatnonzero(weights[first:last].any(axis=0))
        near = slice(int(used[0]), int(used[-1]) + 1)
        yield slice(first, last), slice(0, knots) if few else near


def smear(field: Depth, sigma: float) -> Depth:
    """Return `field` under a wide Gaussian; `sigma` in pixels, 4 or more.

    The field is averaged over blocks first and brought back with cubic splines: for a
    wide Gaussian that is exact enough, and a hundred times cheaper.
    """
    step = max(int(sigma * 0.7), 1)
    rows, columns = field.shape
    down, across = -(-rows // step), -(-columns // step)
    more = ((0, down * step - rows), (0, across * step - columns))
    padded = np.pad(field, more, mode="edge") if any(map(any, more)) else field
    small = padded.reshape(down, step, across * step).sum(axis=1)
    small = small.reshape(down, across, step).sum(axis=2) * np.float32(1 / step**2)
    small = gaussian(down, sigma / step) @ small @ gaussian(across, sigma / step).T
    return between(resampling(rows, down, step), small, resampling(columns, across, step))


def gaussian(length: int, sigma: float) -> NDArray[np.float32]:
    """Return a Gaussian whose rows sum to 1, shape ``(length, length)``."""
    place = np.arange(length, dtype=np.float32)
    weights = np.exp(-0.5 * ((place[:, None] - place) / np.float32(sigma)) ** 2)
    matrix: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def resampling(length: int, knots: int, step: int) -> NDArray[np.float32]:
    """Return linear interpolation from block middles, shape ``(length, knots)``."""
    place = np.clip((np.arange(length, dtype=np.float32) + 0.5) / step - 0.5, 0, knots - 1)
    weights = np.maximum(1 - np.abs(place[:, None] - np.arange(knots, dtype=np.float32)), 0)
    matrix: NDArray[np.float32] = weights.astype(np.float32)
    return matrix


def soften(field: Depth, sigma: float) -> Depth:
    """Return `field` under a narrow Gaussian of `sigma` pixels, below 4; borders repeat."""
    reach = int(np.ceil(2.2 * sigma))
    if reach < 1:
        return field
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    rows, columns = field.shape
    soft = np.empty_like(field)
    height = max(BAND_RAYS // columns, 1)

    def blur(first: int) -> None:
        last = min(first + height, rows)
        near = np.clip(np.arange(first - reach, last + reach), 0, rows - 1)
        down = weighted_sum(field[near], weights)
        across = np.pad(down, ((0, 0), (reach, reach)), mode="edge")
        soft[first:last] = weighted_sum(across.T, weights).T

    beside_each_other(blur, range(0, rows, height))
    return soft


def weighted_sum(padded: Depth, weights: NDArray[np.float32]) -> Depth:
    """Return the sum of `padded`, shifted along its first axis, under each of the weights."""
    length = len(padded) - len(weights) + 1
    field = np.zeros_like(padded[:length])
    weighted = np.empty_like(field)
    for offset, weight in enumerate(weights):
        field += np.multiply(padded[offset : offset + length], weight, out=weighted)
    return field
