"""Regions: closed outlines on the source pixels."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hilum.explain import heat, outlines, regions, relative
from hilum.radiograph import FieldOfView
from hilum.reading import Heatmap
from invented import bump, centre_crop, flat, make_reading

SHAPES = [(448, 448), (700, 448), (448, 700), (451, 333), (1955, 1841)]


def inside(outline, shape):
    """Return the pixels whose centres the outline encloses, by winding numbers."""
    down, across = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    enclosed = np.zeros(shape, dtype=bool)
    for (x0, y0), (x1, y1) in pairwise(outline):
        if y0 == y1:
            continue
        crosses = (y0 > down) != (y1 > down)
        enclosed ^= crosses & (across < x0 + (down - y0) * (x1 - x0) / (y1 - y0))
    return enclosed


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
@pytest.mark.parametrize("cell", [(3, 3), (1.4, 4.6), (5, 2)])
def test_outline_surrounds_the_peak(rows, columns, cell):
    """The outline's centre is on the source pixels where the map has its peak."""
    field = centre_crop(rows, columns)
    side = field.height / 7

    (outline,) = outlines(Heatmap("Mass", bump(*cell), field))

    expected = field.left + (cell[1] + 0.5) * side, field.top + (cell[0] + 0.5) * side
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    assert middle == pytest.approx(expected, abs=side / 2)


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_outline_and_heat_name_the_same_pixels(rows, columns):
    """Pixels within the outline are those whose heat is above half of the peak."""
    heatmap = Heatmap("Mass", bump(2, 4), centre_crop(rows, columns))

    (outline,) = outlines(heatmap)

    hot = heat(relative(heatmap), rows, columns) >= 0.5
    different = np.count_nonzero(hot ^ inside(outline, (rows, columns)))
    assert different < 0.02 * np.count_nonzero(hot)


def test_two_separate_peaks_are_two_regions_the_strongest_first():
    """Two lungs, two outlines: the one with the higher peak leads."""
    activation = np.maximum(bump(3, 1, peak=5), bump(3, 5, peak=6))

    first, second = outlines(Heatmap("Effusion", activation, FieldOfView(0, 0, 700, 700)))

    assert first[:, 0].mean() > 350 > second[:, 0].mean()


def test_at_most_three_regions():
    """A map with many islands keeps its three strongest."""
    activation = np.zeros((7, 7), np.float32)
    activation[::2, ::2] = np.linspace(0.7, 1.0, 16).reshape(4, 4)

    assert 3 == len(outlines(Heatmap("Nodule", activation, FieldOfView(0, 0, 700, 700))))


def test_tiny_islands_are_left_out():
    """A cell hardly above the level is no region of its own."""
    activation = np.zeros((7, 7), np.float32)
    activation[1, 1], activation[5, 5] = 1.0, 0.53

    assert 1 == len(outlines(Heatmap("Nodule", activation, FieldOfView(0, 0, 700, 700))))


def test_a_sharp_peak_still_has_its_region():
    """However small, the region of the peak itself is never dropped."""
    activation = np.full((7, 7), -50.0, np.float32)
    activation[3, 3] = 1.0

    assert 1 == len(outlines(Heatmap("Nodule", activation, FieldOfView(0, 0, 700, 700))))


def test_a_region_at_the_border_is_closed_along_it():
    """A peak in the corner gives an outline that runs along the field's two sides."""
    (outline,) = outlines(Heatmap("Effusion", bump(0, 6), FieldOfView(100, 0, 448, 448)))

    assert 448 == outline[:, 0].max()
    assert 100 == outline[:, 1].min()
    assert inside(outline, (700, 448))[101, 446]


@given(
    activation=arrays.arrays(
        np.float32, (7, 7), elements=st.floats(-8, 8, width=32, allow_subnormal=False)
    ),
    rows=st.integers(224, 900),
    columns=st.integers(224, 900),
)
def test_every_outline_can_be_written_as_a_polyline(activation, rows, columns):
    """Closed, 6 to 100 points, within the image, whatever the map looks like."""
    reading = make_reading(flat(rows, columns), scores={"Mass": 0.8}, maps={"Mass": activation})

    found = regions(reading)

    assert found
    for region in found:
        assert np.array_equal(region.outline[0], region.outline[-1])
        assert 6 <= len(region.outline) <= 100
        assert (region.outline >= 0).all()
        assert (region.outline <= (columns, rows)).all()


def test_a_positive_without_evidence_on_the_map_gets_the_frame():
    """A score that no place supports is shown as the whole of what was seen."""
    reading = make_reading(
        flat(300, 200), scores={"Mass": 0.8}, maps={"Mass": np.full((7, 7), -1, np.float32)}
    )

    (region,) = regions(reading)

    frame = centre_crop(300, 200).frame[:-1]  # wherever it begins, see the tests of labels
    turned = [np.roll(frame, steps, axis=0) for steps in range(len(frame))]
    assert any(np.array_equal(each, region.outline[:-1]) for each in turned)


def test_nothing_positive_has_no_regions():
    """Negative findings are not drawn."""
    assert () == regions(make_reading())


def test_regions_follow_the_scores():
    """The finding with the highest score comes first."""
    reading = make_reading(scores={"Mass": 0.7, "Effusion": 0.9, "Hernia": 0.6})

    assert ["Effusion", "Mass", "Hernia"] == [region.label for region in regions(reading)]


def test_the_frame_has_its_second_point_amid_the_top_side():
    """Six points; a viewer hangs the label on the second, which is within the image."""
    frame = FieldOfView(10, 20, 30, 40).frame

    expected = [(20, 10), (40, 10), (60, 10), (60, 40), (20, 40), (20, 10)]
    np.testing.assert_array_equal(expected, frame)
