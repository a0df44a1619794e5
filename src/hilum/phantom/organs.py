"""Lungs and heart of a phantom as masks, and how wide they are: the truth about its anatomy."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.chest import Chest

ORGANS: Final = ("Right Lung", "Left Lung", "Heart")
"""Names of the masks, the patient's sides, as ChestX-Det and TorchXRayVision have them."""

Mask = NDArray[np.bool_]
"""Shape ``(rows, columns)`` of the image."""


def organs_of(chest: Chest) -> dict[str, Mask]:
    """Return the masks of a chest before its diseases are drawn: what is full of fluid is lung too.

    A lung field is all that lies inside the ribs beside the mediastinum and above the
    diaphragm, with the air around a lung that collapsed, without what the heart covers.
    """
    heart = chest.mask(chest.heart.at, chest.heart.depth > 0)
    fields = (
        chest.mask(lung.at, lung.whole[lung.at] + lung.free[lung.at] > 0) & ~heart
        for lung in chest.lungs
    )
    return dict(zip(ORGANS, (*fields, heart), strict=True))


def cardiothoracic_ratio(masks: Mapping[str, Mask]) -> float:
    """Return the heart's width over the widest inner width of the chest; NaN when one is nowhere.

    The heart is measured from its right to its left border, wherever these are; the chest
    on the one row on which its two outer borders are farthest apart.
    """
    right, left, heart = (masks[name] for name in ORGANS)
    columns = np.flatnonzero(heart.any(axis=0))
    inside = right | left
    first = inside.argmax(axis=1)
    last = inside.shape[1] - inside[:, ::-1].argmax(axis=1)
    widest = int((last - first)[inside.any(axis=1)].max(initial=0))
    if not columns.size or not widest:
        return float("nan")
    return float(columns[-1] - columns[0] + 1) / widest
