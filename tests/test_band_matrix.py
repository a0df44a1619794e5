"""A banded matrix in blocks is the matrix."""

import numpy as np
import pytest

from hilum.band_matrix import BLOCK, BandMatrix, multiplies_rightly


def banded(size: int, length: int) -> np.ndarray:
    """Return a matrix that is zero but for a band: shape (size, length), float64."""
    middle = (np.arange(size)[:, None] + 0.5) * length / size
    return np.maximum(0, 1 - np.abs(middle - np.arange(length) - 0.5) / max(length / size, 1) / 2)


@pytest.mark.parametrize(
    ("size", "length"), [(20, 300), (300, 20), (1, 9), (BLOCK, BLOCK), (9, 1), (BLOCK + 1, 40)]
)
def test_blocks_are_the_matrix(size: int, length: int):
    """Applied to either axis, they give what the whole matrix gives."""
    matrix = banded(size, length)
    image = np.random.default_rng(3).normal(0, 500, (length, 7)).astype(np.float32)
    bands = BandMatrix.of(matrix)

    np.testing.assert_allclose(matrix @ image, bands.down(image), atol=1e-3)
    np.testing.assert_allclose(image.T @ matrix.T, bands.across(image.T), atol=1e-3)


def test_most_zeros_are_left_out():
    """A block holds its rows' part of the band, not the whole length."""
    blocks = BandMatrix.of(banded(224, 2240)).blocks

    assert sum(block.weights.size for block in blocks) < 224 * 2240 / 20


def test_products_are_right_here():
    """As on every processor that the suite runs on; tests/containers/test_arm64.py has another."""
    assert multiplies_rightly()


def test_rows_of_zeros_stay_zero():
    """A row without any weight gives 0."""
    matrix = banded(40, 80)
    matrix[8:24] = 0

    assert 0 == np.abs(BandMatrix.of(matrix).down(np.ones((80, 3), np.float32))[8:24]).max()


def test_mirrored_and_turned_views_give_the_same():
    """How the image lies in memory changes nothing."""
    image = np.random.default_rng(4).normal(0, 500, (80, 80)).astype(np.float32)
    bands = BandMatrix.of(banded(40, 80))

    for view in (image[::-1], image[:, ::-1], image.T, np.rot90(image)):
        plain = np.ascontiguousarray(view)
        np.testing.assert_allclose(bands.down(plain), bands.down(view), atol=1e-3)
        np.testing.assert_allclose(bands.across(plain), bands.across(view), atol=1e-3)
