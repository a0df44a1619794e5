"""Masks of a network → contours of structures in the upright square that it saw.

A contour is where the logits pass through zero, which is a probability of one half, linear
between the centres of the network's pixels: it is finer than these, and much finer than a
mask that was enlarged to the source's matrix.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.explain.outline import area, rings_above
from hilum.structures import Edge, Structure

SPECK: Final = 2e-4
"""Share of the square below which an island is noise."""

HIGHEST: Final = 1e3
"""Logits beyond this, and what is no number, say nothing more."""


def contours(names: Sequence[str], logits: NDArray[np.float32]) -> dict[str, Structure]:
    """Return each structure of which a network gave a mask.

    Parameters
    ----------
    names
        One for each mask.
    logits
        Shape ``(len(names), height, width)``, upright; above 0 is inside.

    Returns
    -------
    dict of str to Structure
        In the order of the names; one of which there is nothing has no outline.

    Raises
    ------
    ValueError
        Names and masks are not as many.
    """
    if len(names) != len(logits):
        raise ValueError(f"{len(logits)} masks for {len(names)} structures")
    return {name: _structure(name, mask) for name, mask in zip(names, logits, strict=True)}


def _structure(name: str, logits: NDArray[np.float32]) -> Structure:
    values = np.nan_to_num(logits.astype(np.float64), nan=-HIGHEST).clip(-HIGHEST, HIGHEST)
    across, down = (_places(length) for length in values.shape[::-1])
    rings = [
        (area(ring), ring) for ring in rings_above(across, down, np.pad(values, 1, "edge"), 0.0)
    ]
    kept = sorted(
        (pair for pair in rings if pair[0] >= SPECK), key=lambda pair: pair[0], reverse=True
    )
    if not kept:
        return Structure(name, (), ())
    return Structure(
        name, tuple(ring for _, ring in kept), tuple(size for size, _ in kept), _cut(kept[0][1])
    )


def _places(length: int) -> NDArray[np.float64]:
    """Return where the centres of pixels are, and before and behind them the square's edges."""
    return np.concatenate([[0.0], (np.arange(length) + 0.5) / length, [1.0]])


def _cut(ring: NDArray[np.float64]) -> frozenset[Edge]:
    """Return the sides of the square that an outline touches."""
    (left, top), (right, bottom) = ring.min(axis=0), ring.max(axis=0)
    touched = {
        Edge.LEFT: left <= 0,
        Edge.TOP: top <= 0,
        Edge.RIGHT: right >= 1,
        Edge.BOTTOM: bottom >= 1,
    }
    return frozenset(edge for edge, yes in touched.items() if yes)
