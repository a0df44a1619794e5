"""Outlines begin where the label beside them can be read."""

import numpy as np
import pytest

from hilum.explain import regions
from hilum.explain.outline import begin_beside
from hilum.radiograph import FieldOfView
from hilum.reading import Region
from invented import bump, flat, make_reading


def ellipse(column, row, width, height, points=16):
    """Return a closed outline that begins at its top, shape ``(points + 1, 2)``."""
    angle = np.linspace(0, 2 * np.pi, points + 1)
    ring = np.stack([column + width * np.sin(angle), row - height * np.cos(angle)], axis=1)
    return np.concatenate([ring[:-1], ring[:1]])


def label_of(region, rows):
    """Return the box of OHIF's label, in source pixels of an image 800 pixels high on screen."""
    pixel = rows / 800
    first, second = region.outline[:2]
    left = max(first[0], second[0]) + 25 * pixel
    top = (first[1] + second[1]) / 2 + 25 * pixel
    return left, top, left + 230 * pixel, top + 40 * pixel


def overlap(one, other):
    """Return whether two boxes (left, top, right, bottom) share any place."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def test_an_outline_keeps_its_points_and_stays_closed():
    """Only the beginning changes: what is said of the image is the same."""
    outline = ellipse(300, 300, 100, 80)

    (begun,) = begin_beside([Region("Mass", outline)], 1000, 800)

    np.testing.assert_array_equal(begun.outline[0], begun.outline[-1])
    assert sorted(map(tuple, outline[:-1])) == sorted(map(tuple, begun.outline[:-1]))


def test_a_label_is_not_on_its_own_region():
    """What the label points to can be seen."""
    outline = ellipse(300, 400, 120, 150)

    (begun,) = begin_beside([Region("Mass", outline)], 1000, 800)

    low, high = outline.min(axis=0), outline.max(axis=0)
    assert not overlap(label_of(begun, 1000), (*(low + 20), *(high - 20)))


@pytest.mark.parametrize("row", [300, 700])
def test_a_label_stays_on_the_image(row):
    """A region at the right border has its label below or above, not cut off."""
    (begun,) = begin_beside([Region("Effusion", ellipse(880, row, 110, 110))], 1000, 1000)

    left, top, right, bottom = label_of(begun, 1000)
    assert left > 0
    assert top > 0
    assert right <= 1000 or bottom <= 1000


def test_labels_of_neighbours_are_apart():
    """Heart and left base, which overlap: both labels can be read."""
    heart, base = ellipse(550, 620, 170, 160), ellipse(780, 700, 110, 130)

    begun = begin_beside([Region("Effusion", base), Region("Cardiomegaly", heart)], 1000, 950)

    assert not overlap(*(label_of(region, 1000) for region in begun))


def test_a_frame_keeps_its_beginning():
    """Amid the top side of the field of view the label is within the image already."""
    frame = FieldOfView(60, 0, 800, 800).frame

    (begun,) = begin_beside([Region("Mass", frame)], 920, 800)

    np.testing.assert_array_equal(frame, begun.outline)


def test_regions_begin_beside_their_labels():
    """What every report draws is begun so."""
    reading = make_reading(flat(700, 700), {"Mass": 0.8}, {"Mass": bump(3, 2)})

    found = regions(reading)

    (expected,) = begin_beside(found, 700, 700)
    np.testing.assert_array_equal(expected.outline, found[0].outline)
