"""From masks to the anatomy of one image: spacing, sites, what is drawn."""

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from anatomy_masks import CHEST, NAMES, found, masks
from hilum.anatomy.find import spacing_of
from hilum.radiograph import FieldOfView, PixelPipeline, Radiograph
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading
from hilum.structures import HEART, LEFT_LUNG
from radiographs import make_radiograph


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.2]}, (0.2, 0.2)),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.1, 0.15]}, (0.1, 0.15)),
        ({"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0, 0]}, (0.2, 0.2)),
        ({"PixelSpacing": [0.1]}, None),
        ({"PixelSpacing": [-1, -1]}, None),
        ({"PixelSpacing": [140, 140]}, None),
        ({"PixelSpacing": None}, None),
        ({}, None),
    ],
)
def test_spacing_is_used_where_it_can_be_one(attributes: dict[str, Any], expected: Any):
    """A calibrated one first; what no detector has is none."""
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)

    assert expected == spacing_of(header)


def test_picture_has_no_spacing():
    """A PNG is measured in pixels."""
    assert spacing_of(None) is None


def test_what_is_drawn_has_few_points_and_lies_where_the_structure_is():
    """Outlines for pages and documents are within a pixel of the network's."""
    made = found(make_radiograph(Rows=320, Columns=288))
    (outline,) = made.drawn[LEFT_LUNG]
    left, right, top, bottom = CHEST[LEFT_LUNG]

    assert 6 <= len(outline) <= 160
    assert outline.min(axis=0) == pytest.approx([288 * left, 16 + 288 * top], abs=2)
    assert outline.max(axis=0) == pytest.approx([288 * right, 16 + 288 * bottom], abs=2)


def reading(peak: tuple[int, int]) -> Reading:
    """Return a reading with one positive finding whose map of 16 × 16 peaks in one cell."""
    activation = np.zeros((16, 16), np.float32)
    activation[peak] = 3
    field = FieldOfView(16, 0, 288, 288)
    radiograph = Radiograph(np.zeros((320, 288), np.float32), None, PixelPipeline.DISPLAY)
    return Reading(
        radiograph,
        ModelIdentity("m", "1", "0" * 64, True, False, 224),
        (Finding("Effusion", 0.9, 0.5, 0.9),),
        (Heatmap("Effusion", activation, field),),
    )


@pytest.mark.parametrize(
    ("peak", "expected"),
    [
        ((5, 12), {"Effusion": LEFT_LUNG}),
        ((5, 3), {"Effusion": "Right Lung"}),
        ((9, 8), {"Effusion": HEART}),
        ((9, 11), {}),  # where heart and left lung overlap
        ((15, 15), {}),
    ],
)
def test_site_is_the_one_structure_in_which_the_heatmap_peaks(
    peak: tuple[int, int], expected: dict[str, str]
):
    """In two, or in none, nothing is said."""
    header = make_radiograph(Rows=320, Columns=288)

    assert expected == found(header, reading=reading(peak)).sites


def test_negative_finding_has_no_site():
    """Only what is positive is placed."""
    header = make_radiograph(Rows=320, Columns=288)
    one = reading((5, 12))
    negative = Reading(
        one.radiograph, one.model, (Finding("Effusion", 0.1, 0.5, 0.1),), one.heatmaps
    )

    assert {} == found(header, reading=negative).sites


def test_names_and_masks_belong_together():
    """One mask too few is a fault of ours, and no anatomy."""
    with pytest.raises(ValueError, match="2 masks for 3"):
        found(make_radiograph(Rows=320, Columns=288), masks()[: len(NAMES) - 1])
