"""Class activation maps on the source matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hilum.explain import heat, relative, sample
from hilum.radiograph import FieldOfView
from hilum.reading import Heatmap
from invented import bump, centre_crop

SHAPES = [(448, 448), (1955, 1841), (700, 448), (448, 700), (451, 333), (333, 451), (301, 300)]
"""Square, real, tall, wide, and odd sizes whose crop cannot be centred exactly."""


def centre_of_mass(values):
    """Return (row, column) of the positive part's centre, in continuous coordinates."""
    weights = np.clip(values, 0.0, None).astype(np.float64)
    down, across = (np.arange(n) + 0.5 for n in weights.shape)
    total = weights.sum()
    return weights.sum(1) @ down / total, weights.sum(0) @ across / total


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("cell", [(3, 3), (1, 5), (5, 1), (4, 2)])
def test_a_peak_lands_on_the_pixels_of_its_cell(rows, columns, cell):
    """One strong cell is drawn around that cell's centre, to half a cell or better."""
    field = centre_crop(rows, columns)
    activation = np.zeros((7, 7), np.float32)
    activation[cell] = 5.0
    side = field.height / 7

    down, across = centre_of_mass(heat(Heatmap("Mass", activation, field), rows, columns))

    assert down == pytest.approx(field.top + (cell[0] + 0.5) * side, abs=0.01 * side)
    assert across == pytest.approx(field.left + (cell[1] + 0.5) * side, abs=0.01 * side)


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_a_blob_goes_to_the_network_and_back_to_its_place(rows, columns):
    """Crop, resize, pool as a network does, then heat: the blob is where it was."""
    field = centre_crop(rows, columns)
    y, x = field.top + 0.33 * field.height, field.left + 0.61 * field.width
    down, across = np.mgrid[0:rows, 0:columns] + 0.5
    sigma = 0.11 * field.height
    blob = np.exp(-((down - y) ** 2 + (across - x) ** 2) / (2 * sigma**2)).astype(np.float32)
    bottom, right = field.top + field.height, field.left + field.width
    cropped = Image.fromarray(blob[field.top : bottom, field.left : right])
    seen = np.asarray(cropped.resize((224, 224), Image.Resampling.BILINEAR))
    activation = seen.reshape(7, 32, 7, 32).mean(axis=(1, 3))

    back = heat(Heatmap("Mass", activation, field), rows, columns)

    assert centre_of_mass(back) == pytest.approx((y, x), abs=0.05 * field.height / 7)


def test_what_the_network_has_not_seen_has_no_heat():
    """Outside the field of view the heat is zero, inside a constant map is constant."""
    field = FieldOfView(10, 20, 30, 40)

    values = heat(Heatmap("Mass", np.full((7, 7), 2.5, np.float32), field), 60, 90)

    expected = np.zeros((60, 90), np.float32)
    expected[10:40, 20:60] = 2.5
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_heat_equals_a_plain_bilinear_resize():
    """Inside the field of view the map is what half-pixel bilinear scaling gives."""
    activation = bump(2, 4)
    expected = Image.fromarray(activation).resize((140, 140), Image.Resampling.BILINEAR)

    values = heat(Heatmap("Mass", activation, FieldOfView(0, 0, 140, 140)), 140, 140)

    np.testing.assert_allclose(values, np.asarray(expected), atol=1e-5)


@given(st.integers(1, 5), st.integers(1, 30), st.integers(1, 30))
def test_sampling_at_another_scale_sees_the_same_map(scale, rows, columns):
    """A grid `scale` times finer holds the coarser grid's centres with the same values."""
    heatmap = Heatmap("Mass", bump(2, 4), FieldOfView(0, 0, rows, columns))
    odd = 2 * scale - 1
    fine = sample(
        heatmap, (np.arange(rows * odd) + 0.5) / odd, (np.arange(columns * odd) + 0.5) / odd
    )

    coarse = heat(heatmap, rows, columns)

    np.testing.assert_allclose(coarse, fine[odd // 2 :: odd, odd // 2 :: odd], atol=1e-4)


def test_relative_counts_evidence_against_as_none():
    """Shares run from 0, for negative activation, to 1 at the peak."""
    shares = relative(
        Heatmap("Mass", np.array([[-4.0, 2.0], [0.0, 8.0]], np.float32), FieldOfView(0, 0, 9, 9))
    )

    np.testing.assert_array_equal([[0.0, 0.25], [0.0, 1.0]], shares.activation)


def test_relative_of_a_map_without_evidence_is_dark():
    """A map with nothing for the finding is zero everywhere, not scaled up."""
    shares = relative(Heatmap("Mass", np.full((7, 7), -1.0, np.float32), FieldOfView(0, 0, 9, 9)))

    assert not shares.activation.any()
