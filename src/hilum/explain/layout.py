"""Where the panels of the overlay go."""

import math
from typing import Final, NamedTuple

GAP: Final = 20
"""Free space between neighbours, in pixels."""

CAPTION: Final = 40
"""Height of the line above a panel's picture, in pixels."""

BESIDE: Final = 3
"""With this many panels the strongest is large, and the others stand beside it."""


class Box(NamedTuple):
    """A rectangle of the sheet, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.top + self.height


def arrange(area: Box, panels: int, ratio: float) -> list[Box]:
    """Return the places of equal pictures of one ratio (width to height), each with a caption.

    Returns
    -------
    list[Box]
        One for each panel, captions included, as large as the area allows: in a grid, or
        one large with two beside it, whichever leaves less of the area empty.
    """
    grid = _grid(area, panels, ratio)
    if panels != BESIDE:
        return grid
    beside = _one_and_two(area, ratio)
    return max(grid, beside, key=lambda boxes: sum(box.width * box.height for box in boxes))


def _grid(area: Box, panels: int, ratio: float) -> list[Box]:
    """Return boxes of one size in rows and columns, centred across the area."""

    def picture_width(columns: int) -> int:
        rows = math.ceil(panels / columns)
        width = (area.width - GAP * (columns - 1)) / columns
        height = (area.height - GAP * (rows - 1)) / rows - CAPTION
        return max(1, int(min(width, height * ratio)))

    columns = max(range(1, panels + 1), key=picture_width)
    width = picture_width(columns)
    height = CAPTION + max(1, int(width / ratio))
    left = area.left + (area.width - columns * width - (columns - 1) * GAP) // 2
    return [
        Box(
            left + (index % columns) * (width + GAP),
            area.top + (index // columns) * (height + GAP),
            width,
            height,
        )
        for index in range(panels)
    ]


def _one_and_two(area: Box, ratio: float) -> list[Box]:
    """Return one large box and two small ones at its right, which end where it ends."""
    across = ((area.width - GAP) / ratio - CAPTION - GAP) / 3
    along = (area.height - 2 * CAPTION - GAP) / 2
    small = max(1, int(min(across, along)))
    large = 2 * small + CAPTION + GAP
    widths = int(large * ratio), int(small * ratio)
    left = area.left + (area.width - sum(widths) - GAP) // 2
    right = left + widths[0] + GAP
    return [
        Box(left, area.top, widths[0], large + CAPTION),
        Box(right, area.top, widths[1], small + CAPTION),
        Box(right, area.top + small + CAPTION + GAP, widths[1], small + CAPTION),
    ]
