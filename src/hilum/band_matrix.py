"""Band matrices that resize an axis, cut into blocks: they are zero away from the diagonal."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 2
"""Rows of a block for columns. More are more zeros, and for more BLAS copies what it multiplies
first: 2048² → 224 rows take 1.8 ms with two, 3.3 with eight and 4 with sixteen."""

ACROSS: Final = 16
"""Rows of a block for rows of an image, parts of which BLAS copies anyway: the more at once, the
fewer copies."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a matrix, without the columns that are zero in all of them."""

    rows: slice
    columns: slice
    """Where they are in the matrix."""
    weights: NDArray[np.float32]
    """Shape ``(rows, columns)``, float32."""


@dataclass(frozen=True, slots=True)
class BandMatrix:
    """A matrix of shape ``(size, length)`` that is zero but for a band."""

    size: int
    """Its rows."""
    blocks: tuple[Block, ...]
    """All that is not zero, `BLOCK` rows each."""
    large: tuple[Block, ...]
    """The same, `ACROSS` rows each."""

    @classmethod
    def of(cls, matrix: NDArray[np.float64]) -> "BandMatrix":
        """Cut a whole matrix into blocks."""
        return cls(len(matrix), _cut(matrix, BLOCK), _cut(matrix, ACROSS))

    def down(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the matrix times an image: its columns resized.

        Shapes ``(length, n)`` and ``(size, n)``.
        """
        image = _forward(image)
        resized = np.empty((self.size, image.shape[1]), np.float32)
        for block in self.blocks:
            np.matmul(block.weights, image[block.columns], out=resized[block.rows])
        return resized

    def across(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return an image times the transposed matrix: its rows resized.

        Shapes ``(n, length)`` and ``(n, size)``.
        """
        image = _forward(image)
        resized = np.empty((image.shape[0], self.size), np.float32)
        for block in self.large:
            np.matmul(image[:, block.columns], block.weights.T, out=resized[:, block.rows])
        return resized


def _cut(matrix: NDArray[np.float64], size: int) -> tuple[Block, ...]:
    """Return a matrix in blocks of `size` rows, each without the columns that are zero in all."""
    blocks = []
    for start in range(0, len(matrix), size):
        rows = matrix[start : start + size]
        used = np.flatnonzero(rows.any(axis=0))
        columns = slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
        weights = np.ascontiguousarray(rows[:, columns], np.float32)
        blocks.append(Block(slice(start, start + len(rows)), columns, weights))
    return tuple(blocks)


@cache
def multiplies_rightly() -> bool:
    """Whether NumPy's products of matrices are right here: some of OpenBLAS's kernels are not.

    Products of small whole numbers are exact, in whatever order they are added up.
    """
    numbers = np.random.default_rng(0).integers(-9, 9, (69, 131))
    with np.errstate(all="ignore"):
        return all(
            np.array_equal(ours, right)
            for kind in (np.float32, np.float64)
            for ours, right in zip(_products(numbers.astype(kind)), _products(numbers), strict=True)
        )


def _products(numbers: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return products of each kind that BLAS has: of few rows, with itself, of a view."""
    return numbers[:BLOCK] @ numbers.T, numbers @ numbers.T, numbers[:, ::3] @ numbers[:44]


def _forward(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image as BLAS takes it: a mirrored view would be multiplied number by number."""
    return np.ascontiguousarray(image) if min(image.strides) < 0 else image
