"""Masks of invented chests, as a network gives them, and the anatomy of a header's image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum import anatomy
from hilum.pixels.resize import center_square
from hilum.radiograph import ModelInput, PixelPipeline, Radiograph
from hilum.reading import ModelIdentity, Reading
from hilum.settings import AnatomySettings
from hilum.structures import HEART, LEFT_LUNG, RIGHT_LUNG, Anatomy, Projection

SIDE = 64
"""Pixels of a side of the masks."""

SHOWN = -600
"""Of every pixel: as dark as a lung."""

NAMES = (RIGHT_LUNG, LEFT_LUNG, HEART)

CHEST = {
    RIGHT_LUNG: (0.1, 0.4, 0.1, 0.8),
    LEFT_LUNG: (0.6, 0.9, 0.1, 0.8),
    HEART: (0.35, 0.75, 0.5, 0.85),
}
"""Structure → left, right, top and bottom of a box, as shares of the square."""

Box = tuple[float, float, float, float]


def box(left: float, right: float, top: float, bottom: float) -> NDArray[np.float32]:
    """Return logits of a box: a ramp that crosses 0 at its border, shape ``(SIDE, SIDE)``."""
    at = (np.arange(SIDE) + 0.5) / SIDE
    across, down = np.minimum(at - left, right - at), np.minimum(at - top, bottom - at)
    return (40 * np.minimum(across[None, :], down[:, None])).astype(np.float32)


def masks(**boxes: Box) -> NDArray[np.float32]:
    """Return the masks of a chest, with other boxes where they are named (``Left_Lung``)."""
    placed = {**CHEST, **{name.replace("_", " "): given for name, given in boxes.items()}}
    return np.stack([box(*placed[name]) for name in NAMES])


def network(**changes: Any) -> ModelIdentity:
    """Return the identity of a segmentation network, with `changes`."""
    facts: dict[str, Any] = {
        "name": "pspnet-chestx-det",
        "version": "1.0",
        "sha256": "ab" * 32,
        "verified": False,
        "demonstration": False,
        "input_size": SIDE,
    }
    return ModelIdentity(**{**facts, **changes})


def found(
    header: Dataset | None,
    logits: NDArray[np.float32] | None = None,
    *,
    projection: Projection = Projection.PA,
    reading: Reading | None = None,
    **changes: Any,
) -> Anatomy:
    """Return the anatomy of an image, of which only the header counts."""
    rows, columns = (320, 288) if header is None else (header.Rows, header.Columns)
    radiograph = Radiograph(
        np.full((rows, columns), SHOWN, np.float32),
        header,
        PixelPipeline.DISPLAY,
        pixel_digest="00" * 32,
    )
    view = center_square(rows, columns)
    seen = ModelInput(np.full((SIDE, SIDE), SHOWN, np.float32), view)
    given = masks() if logits is None else logits
    return anatomy.find(
        radiograph,
        anatomy.NetworkMasks(network(**changes), NAMES, given, seen),
        projection=projection,
        settings=AnatomySettings(),
        reading=reading,
    )
