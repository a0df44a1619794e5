"""Is the image good enough to be read? Exposure, rotation, inspiration and field, from outlines.

Faults are noted and nothing is refused. What the structures at hand cannot tell is said to be
not judged: a network without clavicles tells no rotation.

Sources
-------
European Guidelines on Quality Criteria for Diagnostic Radiographic Images (EUR 16260 EN, 1996),
chest: symmetrical thorax, full inspiration, whole rib cage above the diaphragm. They name no
numbers for masks; the limits are settings (`AnatomySettings`), and docs/anatomy.md says where
their defaults come from.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.anatomy.ratio import EDGES, span
from hilum.eligibility import Reason
from hilum.language import Message
from hilum.settings import AnatomySettings
from hilum.structures import (
    LEFT_CLAVICLE,
    LEFT_LUNG,
    RIGHT_CLAVICLE,
    RIGHT_LUNG,
    SPINE,
    Edge,
    Frame,
    Projection,
    QualityAspect,
    QualityCheck,
    Structure,
)
from hilum.wording import STRUCTURE_NAMES

LUNGS: Final = (RIGHT_LUNG, LEFT_LUNG)

SIDES: Final = {
    Edge.LEFT: (0.0, 0.5),
    Edge.RIGHT: (1.0, 0.5),
    Edge.TOP: (0.5, 0.0),
    Edge.BOTTOM: (0.5, 1.0),
}
"""The middle of each side of the upright square."""

DARKEST_SHARE: Final = 0.1
"""Of the lungs, the part that holds the most air."""


def quality(
    structures: Mapping[str, Structure],
    lungs: NDArray[np.float64],
    edges: frozenset[Edge],
    *,
    projection: Projection,
    limits: AnatomySettings,
) -> tuple[QualityCheck, ...]:
    """Return what is to be said of an image's quality, a check for each aspect.

    Parameters
    ----------
    structures
        Name → structure.
    lungs
        Brightness of the lungs' pixels as the image is shown, from 0 black to 1 white.
    edges
        Sides of the network's square that are sides of the image, see `edges_of_image`.
    projection
        From where the image was taken.
    """
    if projection is Projection.OTHER:
        why = Message("the view is not frontal")
        return tuple(_not_judged(aspect, why) for aspect in QualityAspect)
    return (
        _exposure(structures, lungs, limits),
        _rotation(structures, limits),
        _inspiration(structures, limits),
        _collimation(structures, edges),
    )


def edges_of_image(frame: Frame, shape: tuple[int, int]) -> frozenset[Edge]:
    """Return the sides of the network's square behind which the image has no more pixels.

    Parameters
    ----------
    shape
        Rows and columns of the source.
    """
    rows, columns = shape
    middles = frame.source(np.array(list(SIDES.values())))
    outer = {
        edge: column <= 0 or column >= columns or row <= 0 or row >= rows
        for edge, (column, row) in zip(SIDES, middles.tolist(), strict=True)
    }
    return frozenset(edge for edge, yes in outer.items() if yes)


def _exposure(
    structures: Mapping[str, Structure], lungs: NDArray[np.float64], limits: AnatomySettings
) -> QualityCheck:
    aspect = QualityAspect.EXPOSURE
    if (why := _missing(structures, LUNGS)) is not None or not lungs.size:
        return _not_judged(aspect, why or Message("the lungs have no pixels"))
    middle, darkest = np.quantile(lungs, (0.5, DARKEST_SHARE)).tolist()
    if middle < limits.darkest_lungs:
        text = Message(
            "lungs nearly black (brightness {value:.2f} of 1), perhaps overexposed", value=middle
        )
        return QualityCheck(aspect, middle, Reason("quality_dark", text))
    if darkest > limits.brightest_lungs:
        text = Message(
            "even the darkest tenth of the lungs is bright ({value:.2f} of 1), perhaps "
            "underexposed, or both lungs are diseased",
            value=darkest,
        )
        return QualityCheck(aspect, darkest, Reason("quality_bright", text))
    return QualityCheck(aspect, middle)


def _rotation(structures: Mapping[str, Structure], limits: AnatomySettings) -> QualityCheck:
    """Compare how far the clavicles' inner ends are from the middle of the spine between them."""
    aspect = QualityAspect.ROTATION
    if (why := _missing(structures, (RIGHT_CLAVICLE, LEFT_CLAVICLE, SPINE))) is not None:
        return _not_judged(aspect, why)
    clavicles = (structures[name].rings[0] for name in (RIGHT_CLAVICLE, LEFT_CLAVICLE))
    first, second = sorted(clavicles, key=lambda ring: float(ring[:, 0].mean()))
    ends = np.stack([first[first[:, 0].argmax()], second[second[:, 0].argmin()]])
    gap = float(ends[1, 0] - ends[0, 0])
    if gap <= 0:
        return _not_judged(aspect, Message("the clavicles overlap"))
    left, right = span(structures[SPINE].rings[0], ends[:, 1].mean(keepdims=True))
    middle = float(left[0] + right[0]) / 2
    if not np.isfinite(middle):
        return _not_judged(aspect, Message("no spine is seen between the clavicles"))
    value = abs(float(ends.sum(axis=0)[0]) - 2 * middle) / gap
    if round(value, 2) <= limits.most_rotation:
        return QualityCheck(aspect, value)
    text = Message(
        "rotated: the inner ends of the clavicles are not equally far from the spine (asymmetry "
        "{value:.2f})",
        value=value,
    )
    return QualityCheck(aspect, value, Reason("quality_rotated", text))


def _inspiration(structures: Mapping[str, Structure], limits: AnatomySettings) -> QualityCheck:
    """Compare the higher lung with the width of both: ribs are not among the structures."""
    aspect = QualityAspect.INSPIRATION
    if (why := _missing(structures, LUNGS)) is not None:
        return _not_judged(aspect, why)
    if any(structures[name].cut for name in LUNGS):
        return _not_judged(aspect, Message("a lung is cut off"))
    rings = [structures[name].rings[0] for name in LUNGS]
    height = max(float(np.ptp(ring[:, 1])) for ring in rings)
    value = height / float(np.ptp(np.concatenate(rings)[:, 0]))
    if round(value, 2) >= limits.least_inspiration:
        return QualityCheck(aspect, value)
    text = Message(
        "shallow inspiration: lungs {value:.2f} times as high as the chest is wide", value=value
    )
    return QualityCheck(aspect, value, Reason("quality_inspiration", text))


def _collimation(structures: Mapping[str, Structure], edges: frozenset[Edge]) -> QualityCheck:
    aspect = QualityAspect.COLLIMATION
    if (why := _missing(structures, LUNGS)) is not None:
        return _not_judged(aspect, why)
    cut = {name: sorted(structures[name].cut & edges) for name in LUNGS}
    if found := [_cut(name, sides) for name, sides in cut.items() if sides]:
        return QualityCheck(aspect, None, Reason("quality_cut", Message.joined("; ", found)))
    if any(structures[name].cut for name in LUNGS):
        return _not_judged(aspect, Message("the network does not see the whole image"))
    return QualityCheck(aspect)


def _cut(name: str, sides: list[Edge]) -> Message:
    return Message(
        "cut off by the edge of the image: {structure} ({where})",
        structure=STRUCTURE_NAMES[name],
        where=Message.joined(", ", [EDGES[side] for side in sides]),
    )


def _missing(structures: Mapping[str, Structure], names: tuple[str, ...]) -> Message | None:
    """Return which of the structures that are needed is not there; None when all are."""
    for name in names:
        said = STRUCTURE_NAMES[name]
        if name not in structures:
            return Message("the network does not look for it: {structure}", structure=said)
        if not structures[name].rings:
            return Message("not found on the image: {structure}", structure=said)
    return None


def _not_judged(aspect: QualityAspect, why: Message) -> QualityCheck:
    return QualityCheck(aspect, None, Reason(f"quality_{aspect}_not_judged", why), judged=False)
