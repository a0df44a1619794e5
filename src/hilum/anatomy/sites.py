"""In which structure a finding's heatmap peaks: its site, narrowed, and said as derived."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.explain.outline import within
from hilum.reading import Heatmap, Reading
from hilum.structures import HEART, LEFT_LUNG, RIGHT_LUNG, Anatomy

LOCATING: Final = (RIGHT_LUNG, LEFT_LUNG, HEART)
"""Structures that a finding can be said to lie in."""


def sites(reading: Reading, anatomy: Anatomy) -> dict[str, str]:
    """Return positive finding → the structure in which its heatmap peaks; only where it is one."""
    found = {}
    heatmaps = {heatmap.label: heatmap for heatmap in reading.heatmaps}
    outlines = {name: anatomy.outlines(name) for name in LOCATING if name in anatomy.structures}
    for finding in reading.positives:
        peak = peak_of(heatmaps[finding.label])
        around = [
            name
            for name, rings in outlines.items()
            if any(within(ring, peak).any() for ring in rings)
        ]
        if len(around) == 1:
            found[finding.label] = around[0]
    return found


def peak_of(heatmap: Heatmap) -> NDArray[np.float64]:
    """Return the middle of a map's highest cell, shape ``(1, 2)``: column, row; source pixels."""
    height, width = heatmap.activation.shape
    row, column = np.unravel_index(int(heatmap.activation.argmax()), (height, width))
    field = heatmap.field_of_view
    across, down = (float(column) + 0.5) / width, (float(row) + 0.5) / height
    return np.array([[field.left + across * field.width, field.top + down * field.height]])
