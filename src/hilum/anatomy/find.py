"""One radiograph and the masks of one network → its anatomy."""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.anatomy.contours import contours
from hilum.anatomy.quality import LUNGS, edges_of_image, quality
from hilum.anatomy.ratio import cardiothoracic_ratio
from hilum.anatomy.sites import sites
from hilum.explain.outline import simplified
from hilum.radiograph import ModelInput, Radiograph
from hilum.reading import ModelIdentity, Reading
from hilum.settings import AnatomySettings
from hilum.structures import Anatomy, Frame, Projection
from hilum.values.attributes import numbers_of

SPACINGS: Final = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Attributes that tell the distance of two pixels, a calibrated one first (PS3.3 10.7.1.3)."""

WIDEST_MM: Final = 10.0
"""No radiograph has pixels farther apart: what says so is no spacing."""

BLACK: Final = -1024.0
WHITE: Final = 1024.0
"""What networks are given for both ends of what is shown."""

MOST_POINTS: Final = 160
"""Points of an outline that is drawn, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkMasks:
    """What a segmentation network said of one radiograph."""

    model: ModelIdentity
    """Which network."""
    names: tuple[str, ...]
    """Of its structures."""
    logits: NDArray[np.float32]
    """Shape ``(structures, height, width)``, upright; above 0 is inside."""
    seen: ModelInput
    """What it saw."""


def find(
    radiograph: Radiograph,
    masks: NetworkMasks,
    *,
    projection: Projection,
    settings: AnatomySettings,
    reading: Reading | None = None,
) -> Anatomy:
    """Return the anatomy of a radiograph.

    Parameters
    ----------
    projection
        From where it was taken.
    settings
        Limits of what is measured.
    reading
        What a model found on the same radiograph, whose sites are narrowed.
    """
    frame = Frame(masks.seen.field_of_view, masks.seen.turn)
    structures = contours(masks.names, masks.logits)
    ratio = cardiothoracic_ratio(
        structures,
        frame,
        projection=projection,
        spacing_mm=spacing_of(radiograph.header),
        limit=settings.ratio_limit,
    )
    cell = np.full(2, frame.view.width / masks.logits.shape[-1])
    drawn = {
        name: tuple(simplified(frame.source(ring), cell, MOST_POINTS) for ring in structure.rings)
        for name, structure in structures.items()
    }
    checks = quality(
        structures,
        lung_brightness(masks),
        edges_of_image(frame, radiograph.pixels.shape),
        projection=projection,
        limits=settings,
    )
    anatomy = Anatomy(radiograph, masks.model, frame, structures, ratio, drawn, quality=checks)
    return anatomy if reading is None else replace(anatomy, sites=sites(reading, anatomy))


def lung_brightness(masks: NetworkMasks) -> NDArray[np.float64]:
    """Return how bright each pixel of the lungs is shown, from 0 black to 1 white."""
    lungs = [masks.logits[masks.names.index(name)] > 0 for name in LUNGS if name in masks.names]
    inside = np.logical_or.reduce(lungs) if lungs else np.zeros((1, 1), np.bool_)
    down, across = (
        ((np.arange(cells) + 0.5) * pixels / cells).astype(np.intp)
        for cells, pixels in zip(inside.shape, masks.seen.pixels.shape, strict=True)
    )
    shown = masks.seen.pixels[np.ix_(down, across)][inside].astype(np.float64)
    return (shown - BLACK) / (WHITE - BLACK)


def spacing_of(header: Dataset | None) -> tuple[float, float] | None:
    """Return the distance of two rows and of two columns in mm, None where nothing tells it."""
    if header is None:
        return None
    for keyword in SPACINGS:
        spacing = numbers_of(header, keyword)
        if len(spacing) == 2 and all(  # noqa: PLR2004  rows and columns
            math.isfinite(each) and 0 < each < WIDEST_MM for each in spacing
        ):
            return spacing[0], spacing[1]
    return None
