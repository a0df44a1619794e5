"""Anatomical structures of one radiograph, and the cardiothoracic ratio that they give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.eligibility import Reason
from hilum.radiograph import FieldOfView, Radiograph, Turn
from hilum.reading import ModelIdentity

HEART: Final = "Heart"
RIGHT_LUNG: Final = "Right Lung"
LEFT_LUNG: Final = "Left Lung"
RIGHT_CLAVICLE: Final = "Right Clavicle"
LEFT_CLAVICLE: Final = "Left Clavicle"
SPINE: Final = "Spine"
"""The structures that are measured, by TorchXRayVision's names; sides are the patient's."""

GREY_ZONE: Final = (0.45, 0.55)
"""Ratios that say little about the size of a heart, whatever the limit (Simkus et al. 2021)."""


class Projection(StrEnum):
    """From where an image was taken, as far as its header tells."""

    PA = "PA"
    AP = "AP"
    UNKNOWN = "unknown"
    OTHER = "not frontal"


class Edge(StrEnum):
    """A side of what the network saw, as the image lies upright."""

    TOP = "top"
    BOTTOM = "bottom"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Frame:
    """The square that the network saw, upright, on the pixels of the source as it is stored."""

    view: FieldOfView
    """Its place on the source matrix."""
    turn: Turn
    """What brought the source upright."""

    def source(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of the upright square in source pixels.

        Parameters
        ----------
        points
            Shape ``(points, 2)``: from 0 at the left to 1 at the right, from 0 at the top to 1
            at the bottom.

        Returns
        -------
        NDArray[np.float64]
            The same shape, (column, row) in source pixels; (0, 0) is the top left corner of
            the first pixel.
        """
        turned = np.array(points, dtype=np.float64)
        if self.turn.columns_reversed:
            turned[:, 0] = 1 - turned[:, 0]
        if self.turn.rows_reversed:
            turned[:, 1] = 1 - turned[:, 1]
        if self.turn.transposed:
            turned = turned[:, ::-1]
        view = self.view
        placed: NDArray[np.float64] = turned * (view.width, view.height) + (view.left, view.top)
        return placed


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """One structure, as its contours in the upright square that the network saw."""

    name: str
    """TorchXRayVision's name, e.g. ``"Left Lung"``."""
    rings: tuple[NDArray[np.float64], ...]
    """Closed outlines, the largest first; empty when there is nothing of it. Shape ``(points, 2)``
    each, in [0, 1] (`Frame`)."""
    areas: tuple[float, ...]
    """Of each, as a share of the square."""
    cut: frozenset[Edge] = frozenset()
    """Sides of the square at which the largest one ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A straight distance across the upright image."""

    points: NDArray[np.float64]
    """Shape ``(2, 2)``: both ends, (column, row) in source pixels."""
    pixels: float
    """Its length in source pixels."""
    spacing_mm: float | None
    """Distance of two pixels along it; None where the header does not tell."""

    @property
    def mm(self) -> float | None:
        """Its length in millimetres, at the detector where nobody calibrated the image."""
        return None if self.spacing_mm is None else self.pixels * self.spacing_mm


@dataclass(frozen=True, slots=True, eq=False)
class CardiothoracicRatio:
    """Greatest width of the heart over the greatest inner width of the chest."""

    heart: Line | None
    thorax: Line | None
    """Both widths; None for what could not be measured."""
    projection: Projection
    limit: float
    """Ratio above which a heart counts as enlarged on a PA image."""
    reasons: tuple[Reason, ...] = ()
    """Why there is no ratio; empty when there is one."""

    @property
    def value(self) -> float | None:
        """The ratio, unitless; None when it could not be measured."""
        if self.reasons or self.heart is None or self.thorax is None:
            return None
        return self.heart.pixels / self.thorax.pixels

    @property
    def above_limit(self) -> bool | None:
        """Whether it is above the limit; None without a ratio, or on any but a PA image."""
        value = self.value
        if value is None or self.projection is not Projection.PA:
            return None
        return round(value, 2) > self.limit

    @property
    def in_grey_zone(self) -> bool:
        """Whether it is one that says little; on a PA image only."""
        value = self.value
        if value is None or self.above_limit is None:
            return False
        return GREY_ZONE[0] <= round(value, 2) <= GREY_ZONE[1]


class QualityAspect(StrEnum):
    """What is judged of an image's quality."""

    EXPOSURE = "exposure"
    ROTATION = "rotation"
    INSPIRATION = "inspiration"
    COLLIMATION = "collimation"


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """One aspect of an image's quality, as far as the anatomy tells it."""

    aspect: QualityAspect
    value: float | None = None
    """What was measured, see `hilum.anatomy.quality`; None where nothing could be."""
    note: Reason | None = None
    """What is to be said: a fault, or why it could not be judged; None where nothing is."""
    judged: bool = True
    """Whether it could be judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """What a segmentation network made of one radiograph."""

    radiograph: Radiograph
    """What was looked at."""
    model: ModelIdentity
    """Which network."""
    frame: Frame
    """What it saw."""
    structures: Mapping[str, Structure]
    """Name → structure, in the network's order; those of which there is nothing, too."""
    ratio: CardiothoracicRatio
    drawn: Mapping[str, tuple[NDArray[np.float64], ...]]
    """Name → the outlines of that structure in source pixels, with few points."""
    sites: Mapping[str, str] = field(default_factory=dict)
    """Positive finding → the one structure in which its heatmap peaks; others are left out."""
    quality: tuple[QualityCheck, ...] = ()
    """Of the image, one for each aspect."""

    def outlines(self, name: str) -> tuple[NDArray[np.float64], ...]:
        """Return the outlines of a structure in source pixels, all points, the largest first."""
        return tuple(self.frame.source(ring) for ring in self.structures[name].rings)
