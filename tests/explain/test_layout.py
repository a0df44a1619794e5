"""Where the panels go."""

from itertools import combinations

import pytest

from hilum.explain.overlay import CAPTION, Box, arrange

AREA = Box(30, 100, 940, 900)
RATIOS = [0.3, 0.56, 0.94, 1.0, 1.2, 2.5]


@pytest.mark.parametrize("panels", [1, 2, 3, 4])
@pytest.mark.parametrize("ratio", RATIOS)
def test_panels_stay_within_their_room(panels, ratio):
    """No panel leaves the area, whatever the radiograph's proportions."""
    boxes = arrange(AREA, panels, ratio)

    assert panels == len(boxes)
    for box in boxes:
        assert AREA.left <= box.left <= box.left + box.width <= AREA.left + AREA.width
        assert AREA.top <= box.top <= box.bottom <= AREA.bottom


@pytest.mark.parametrize("panels", [2, 3, 4])
@pytest.mark.parametrize("ratio", RATIOS)
def test_panels_do_not_overlap(panels, ratio):
    """Between two panels there is free space."""
    for one, other in combinations(arrange(AREA, panels, ratio), 2):
        beside = one.left + one.width < other.left or other.left + other.width < one.left
        assert beside or one.bottom < other.top or other.bottom < one.top


@pytest.mark.parametrize("panels", [1, 2, 3, 4])
@pytest.mark.parametrize("ratio", RATIOS)
def test_pictures_keep_their_proportions(panels, ratio):
    """A panel without its caption has the radiograph's proportions, to a pixel."""
    for box in arrange(AREA, panels, ratio):
        assert (box.height - CAPTION) * ratio == pytest.approx(box.width, abs=1 + ratio)


def test_of_three_square_pictures_the_strongest_is_large():
    """Three panels fill the area better as one large and two beside it."""
    first, second, third = arrange(AREA, 3, 1.0)

    assert first.width > 1.9 * second.width
    assert first.bottom == third.bottom
