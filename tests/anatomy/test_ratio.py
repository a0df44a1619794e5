"""The cardiothoracic ratio: measured where it can be, and refused with a reason where not."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anatomy_masks import NAMES, Box, box, masks
from hilum.anatomy import cardiothoracic_ratio, contours
from hilum.radiograph import FieldOfView, Turn
from hilum.structures import HEART, LEFT_LUNG, CardiothoracicRatio, Frame, Projection

ROWS, COLUMNS = 500, 400
VIEW = FieldOfView(50, 0, 400, 400)
"""The middle square of an image of 500 rows and 400 columns."""


def measured(logits: NDArray[np.float32], **given: Any) -> CardiothoracicRatio:
    """Return the ratio of masks over `VIEW`."""
    known: dict[str, Any] = {
        "projection": Projection.PA,
        "spacing_mm": (0.8, 0.8),
        "limit": 0.5,
        **{name: value for name, value in given.items() if name not in {"view", "turn"}},
    }
    frame = Frame(given.get("view", VIEW), given.get("turn", Turn()))
    return cardiothoracic_ratio(contours(NAMES, logits), frame, **known)


def test_widths_are_lines_on_the_source():
    """The heart of 0.4 and the chest of 0.8 of the square, in pixels and millimetres."""
    ratio = measured(masks())
    assert ratio.heart is not None
    assert ratio.thorax is not None

    assert ratio.value == pytest.approx(0.5, abs=0.003)
    assert ratio.heart.points.T.tolist() == [
        pytest.approx([140, 300], abs=1),
        [ratio.heart.points[0, 1]] * 2,
    ]
    assert ratio.thorax.points[:, 0] == pytest.approx([40, 360], abs=1)
    assert ratio.thorax.mm == pytest.approx(256, abs=1)


@pytest.mark.parametrize("turn", [Turn(*each) for each in product((False, True), repeat=3)])
def test_turned_image_has_the_same_ratio(turn: Turn):
    """The lines lie across the patient, however the image is stored."""
    upright = measured(masks())
    ratio = measured(masks(), turn=turn)
    assert ratio.heart is not None
    assert upright.heart is not None
    marked = np.zeros((ROWS, COLUMNS))
    left, right = np.floor(upright.heart.points).astype(int)
    marked[left[1], left[0]], marked[right[1], right[0]] = 1, 2
    square = marked[VIEW.top : VIEW.bottom, VIEW.left : VIEW.right]
    stored = np.zeros_like(marked)
    stored[VIEW.top : VIEW.bottom, VIEW.left : VIEW.right] = turn.stored(square)
    ends = [np.argwhere(stored == mark)[0][::-1] + 0.5 for mark in (1, 2)]

    assert ratio.value == pytest.approx(upright.value)
    assert ratio.heart.points == pytest.approx(np.array(ends), abs=1.01)


def test_spacing_is_that_along_the_line():
    """Pixels that are not square: of rows where the image is stored on its side."""
    spacing = (0.5, 0.8)
    across = measured(masks(), spacing_mm=spacing).heart
    turned = measured(masks(), spacing_mm=spacing, turn=Turn(transposed=True)).heart
    assert across is not None
    assert turned is not None

    assert (0.8, 0.5) == (across.spacing_mm, turned.spacing_mm)


def test_unknown_spacing_leaves_pixels():
    """Nobody knows millimetres, and the ratio needs none."""
    ratio = measured(masks(), spacing_mm=None)
    assert ratio.heart is not None

    assert ratio.heart.mm is None
    assert ratio.value is not None


@pytest.mark.parametrize(
    ("boxes", "code"),
    [
        ({"Heart": (0.35, 0.75, 0.5, 1.1)}, "anatomy_cut"),
        ({"Heart": (-0.1, 0.4, 0.5, 0.8)}, "anatomy_cut"),
        ({"Left_Lung": (0.6, 1.2, 0.1, 0.8)}, "anatomy_cut"),
        ({"Right_Lung": (0.1, 0.4, 0.1, 1.2)}, "anatomy_cut"),
        ({"Heart": (0.5, 0.5, 0.5, 0.5)}, "anatomy_missing"),
        ({"Left_Lung": (0.9, 0.1, 0.9, 0.1)}, "anatomy_missing"),
        (
            {"Right_Lung": (0.1, 0.3, 0.1, 0.4), "Left_Lung": (0.7, 0.9, 0.5, 0.9)},
            "anatomy_no_level",
        ),
        ({"Heart": (0.05, 0.95, 0.5, 0.85)}, "anatomy_implausible"),
    ],
)
def test_what_cannot_be_measured_says_why(boxes: dict[str, Box], code: str):
    """A structure that is cut, or not there, gives no ratio but a coded reason."""
    ratio = measured(masks(**boxes))

    assert ratio.value is None
    assert [code] == [reason.code for reason in ratio.reasons]
    assert (None, False) == (ratio.above_limit, ratio.in_grey_zone)


def test_apex_may_be_cut():
    """The widest level of the chest lies lower."""
    assert measured(masks(Left_Lung=(0.6, 0.9, -0.2, 0.8))).value is not None


def test_structure_in_pieces_is_not_measured():
    """Two hearts are none; a speck beside one is noise."""
    logits = masks()
    heart = NAMES.index(HEART)
    torn, dusty = logits.copy(), logits.copy()
    torn[heart] = np.maximum(box(0.35, 0.5, 0.5, 0.8), box(0.6, 0.75, 0.5, 0.8))
    dusty[heart] = np.maximum(logits[heart], box(0.9, 0.94, 0.1, 0.14))

    assert ["anatomy_pieces"] == [reason.code for reason in measured(torn).reasons]
    assert measured(dusty).value == pytest.approx(0.5, abs=0.003)


def test_other_view_is_not_measured():
    """A lateral has no cardiothoracic ratio, whatever the masks are."""
    ratio = measured(masks(), projection=Projection.OTHER)

    assert ["anatomy_not_frontal"] == [reason.code for reason in ratio.reasons]
    assert (None, None) == (ratio.heart, ratio.thorax)


def test_width_that_can_be_measured_is_there_without_the_other():
    """A cut lung does not take the heart's width away."""
    ratio = measured(masks(Left_Lung=(0.6, 1.2, 0.1, 0.8)))

    assert ratio.heart is not None
    assert ratio.thorax is None


@pytest.mark.parametrize(
    ("projection", "limit", "above", "grey"),
    [
        (Projection.PA, 0.45, True, True),
        (Projection.PA, 0.5, False, True),
        (Projection.AP, 0.45, None, False),
        (Projection.UNKNOWN, 0.45, None, False),
    ],
)
def test_limit_is_for_pa_images(
    projection: Projection, limit: float, above: bool | None, grey: bool
):
    """No accepted limit exists for AP; what is not known is not guessed."""
    ratio = measured(masks(), projection=projection, limit=limit)

    assert (above, grey) == (ratio.above_limit, ratio.in_grey_zone)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_masks_that_are_no_numbers_are_no_crash(bad: float):
    """Weights that explode give no heart, or one that is cut, and no ratio."""
    logits = masks()
    logits[NAMES.index(HEART)] = bad

    assert measured(logits).value is None


def test_network_without_a_lung_gives_no_ratio():
    """What a network does not look for is missing."""
    structures = contours(NAMES[:1] + NAMES[2:], masks()[[0, 2]])
    ratio = cardiothoracic_ratio(
        structures, Frame(VIEW, Turn()), projection=Projection.PA, spacing_mm=None, limit=0.5
    )

    assert ratio.value is None
    assert LEFT_LUNG not in structures
