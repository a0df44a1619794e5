"""The cardiothoracic ratio: two horizontal widths on the upright image, or why there are none.

The heart is measured from its rightmost to its leftmost border, wherever these are; the
chest at the one level at which the outer borders of the lungs are farthest apart.

Sources
-------
Danzer, "The cardiothoracic ratio", Am. J. Med. Sci. 157 (1919). Simkus et al., "Limitations
of cardiothoracic ratio derived from chest radiographs", BMC Medical Imaging (2021).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.eligibility import Reason
from hilum.language import Message
from hilum.structures import (
    HEART,
    LEFT_LUNG,
    RIGHT_LUNG,
    CardiothoracicRatio,
    Edge,
    Frame,
    Line,
    Projection,
    Structure,
)
from hilum.wording import STRUCTURE_NAMES

LEVELS: Final = 1024
"""Heights at which the chest is measured."""

STRAIGHT: Final = 1e-3
"""Points so near to an end of the heart, as a share of the square, are as far out as that."""

PIECES: Final = 0.1
"""Share of a structure outside of its largest piece from which on it is in pieces."""

NEEDED: Final[Mapping[str, frozenset[Edge]]] = {
    HEART: frozenset(Edge),
    RIGHT_LUNG: frozenset({Edge.LEFT, Edge.RIGHT, Edge.BOTTOM}),
    LEFT_LUNG: frozenset({Edge.LEFT, Edge.RIGHT, Edge.BOTTOM}),
}
"""What is measured → sides at which it must not be cut: above its widest level a lung may be."""

EDGES: Final = {
    Edge.TOP: Message("top"),
    Edge.BOTTOM: Message("bottom"),
    Edge.LEFT: Message("left"),
    Edge.RIGHT: Message("right"),
}
"""Side of the image → its word."""


def cardiothoracic_ratio(
    structures: Mapping[str, Structure],
    frame: Frame,
    *,
    projection: Projection,
    spacing_mm: tuple[float, float] | None,
    limit: float,
) -> CardiothoracicRatio:
    """Return the ratio, with both widths as lines on the source's pixels.

    Parameters
    ----------
    structures
        Name → structure.
    frame
        Where the upright square of their outlines is on the source.
    projection
        From where the image was taken.
    spacing_mm
        Distance of two rows and of two columns of the source; None where nobody knows.
    limit
        Ratio above which a heart counts as enlarged on a PA image.

    Returns
    -------
    CardiothoracicRatio
        With the reasons why there is none; a width that can be measured is there all the same.
    """
    reasons = [reason for name in NEEDED for reason in _objections(name, structures.get(name))]
    spoiled = {reason.source for reason in reasons}
    found = [Reason(reason.code, reason.text) for reason in reasons]
    if projection is Projection.OTHER:
        found.append(Reason("anatomy_not_frontal", Message("the view is not frontal")))
        return CardiothoracicRatio(None, None, projection, limit, tuple(found))
    # along a row of the upright image lie columns of the source, or its rows where it is turned
    along = None if spacing_mm is None else spacing_mm[0 if frame.turn.transposed else 1]
    heart = thorax = None
    if HEART not in spoiled:
        heart = _line(_heart(structures[HEART]), frame, along)
    if not spoiled & {RIGHT_LUNG, LEFT_LUNG}:
        ends = _thorax(structures[RIGHT_LUNG], structures[LEFT_LUNG])
        if ends is None:
            found.append(
                Reason("anatomy_no_level", Message("the lungs lie at no common level of the image"))
            )
        else:
            thorax = _line(ends, frame, along)
    if heart is not None and thorax is not None and heart.pixels >= thorax.pixels:
        found.append(Reason("anatomy_implausible", Message("the heart is wider than the chest")))
    return CardiothoracicRatio(heart, thorax, projection, limit, tuple(found))


def _objections(name: str, structure: Structure | None) -> Iterator[Reason]:
    """Yield why a structure cannot be measured; its name is the source of each reason."""
    said = STRUCTURE_NAMES[name]
    if structure is None or not structure.rings:
        text = Message("not found on the image: {structure}", structure=said)
        yield Reason("anatomy_missing", text, name)
        return
    if sum(structure.areas[1:]) > PIECES * sum(structure.areas):
        yield Reason("anatomy_pieces", Message("in pieces: {structure}", structure=said), name)
    if cut := sorted(structure.cut & NEEDED[name]):
        where = Message.joined(", ", [EDGES[edge] for edge in cut])
        text = Message(
            "cut off by the edge of the image: {structure} ({where})", structure=said, where=where
        )
        yield Reason("anatomy_cut", text, name)


def _heart(heart: Structure) -> NDArray[np.float64]:
    """Return both ends of the heart's width, at the height between them, in the square."""
    across, down = heart.rings[0].T
    first, last = across.min(), across.max()
    heights = [down[np.abs(across - end) < STRAIGHT].mean() for end in (first, last)]
    level = float(np.mean(heights))
    return np.array([[first, level], [last, level]])


def _thorax(right: Structure, left: Structure) -> NDArray[np.float64] | None:
    """Return both ends of the chest's width at its widest level, None when there is none."""
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    spans = [span(each.rings[0], levels) for each in (right, left)]
    first = np.minimum(spans[0][0], spans[1][0])
    last = np.maximum(spans[0][1], spans[1][1])
    widths = np.where(np.isfinite(spans[0][0]) & np.isfinite(spans[1][0]), last - first, 0.0)
    widest = int(widths.argmax())
    if widths[widest] <= 0:
        return None
    level = levels[widest]
    return np.array([[first[widest], level], [last[widest], level]])


def span(
    ring: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where an outline begins and ends at each height; infinite where it is not.

    Parameters
    ----------
    ring
        Shape ``(points, 2)``, closed.
    levels
        Shape ``(levels,)``.
    """
    (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
    level = levels[:, None]
    crosses = (y0 > level) != (y1 > level)
    with np.errstate(divide="ignore", invalid="ignore"):  # level edges cross nothing
        at = x0 + (level - y0) * (x1 - x0) / (y1 - y0)
    first = np.where(crosses, at, np.inf).min(axis=1)
    last = np.where(crosses, at, -np.inf).max(axis=1)
    return first, last


def _line(ends: NDArray[np.float64], frame: Frame, spacing_mm: float | None) -> Line:
    points = frame.source(ends)
    return Line(points, float(np.abs(points[1] - points[0]).sum()), spacing_mm)
