"""What every disease promises, and what several of them need."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.chest import Chest, Plan
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Point
from hilum.phantom.thorax import LEFT, RIGHT, wall

Mask = NDArray[np.bool_]
"""Where a disease is seen, shape of the canvas."""


@dataclass(frozen=True, slots=True)
class Disease(ABC):
    """One disease of one patient. All chance is in how it was drawn: to apply it is exact."""

    labels: ClassVar[tuple[str, ...]]
    """What a reader should call it, in the words of TorchXRayVision."""

    @classmethod
    @abstractmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return such a disease of `patient`, drawn at random."""

    @property
    @abstractmethod
    def side(self) -> str:
        """``"right"``, ``"left"``, ``"both"`` or ``"middle"``."""

    @property
    @abstractmethod
    def size_mm(self) -> float:
        """Its extent as a reader would measure it."""

    def prepare(self, plan: Plan) -> Plan:
        """Return the plan of a chest that has the disease."""
        return plan

    @abstractmethod
    def apply(self, chest: Chest) -> Mask:
        """Draw the disease into the lungs of `chest`; return where it is."""


@dataclass(frozen=True, slots=True)
class OneSided(Disease):
    """A disease of one side."""

    at: int
    """Side of the image, -1 or 1."""

    @property
    def side(self) -> str:
        """The patient's side."""
        return "right" if self.at < 0 else "left"


def either_side(rng: np.random.Generator) -> int:
    """Return `RIGHT` or `LEFT`."""
    return RIGHT if rng.random() < 0.5 else LEFT  # noqa: PLR2004  one half


def place_in_lung(rng: np.random.Generator, patient: Patient, side: int, clear: float) -> Point:
    """Return a point in free lung, `clear` mm from mediastinum, wall and diaphragm."""
    bottom = patient.diaphragm(side) - clear
    top = 28 * patient.stature + 0.6 * clear
    y = float(rng.uniform(top, max(bottom, top + 5)))
    outer = float(wall(np.array([[y]], np.float32), patient)[0, 0]) - 10 - clear
    below = np.clip((y / patient.stature - 130) / 60, 0, 1)
    heart = patient.cardiothoracic_ratio * patient.lung_width * (1.32 if side > 0 else 0.74)
    inner = float((1 - below) * 42 * patient.breadth + below * max(heart, 42)) + 0.8 * clear
    inner = min(inner, outer - 4)
    return side * float(rng.uniform(inner, outer)), y


def gaussian_spot(canvas: Canvas, centre: Point, reach: tuple[float, float]) -> Depth:
    """Return 1 at `centre`, falling off like a Gaussian with `reach` mm along x and y."""
    x = (canvas.x - np.float32(centre[0])) * np.float32(1 / reach[0])
    y = (canvas.y - np.float32(centre[1])) * np.float32(1 / reach[1])
    x *= x
    x = x + y * y
    x *= np.float32(-0.5)
    spot: Depth = np.exp(x, out=x)
    return spot


def ramp(values: Depth) -> Depth:
    """Return a smooth step: 0 up to -1, 1 from 1 on; `values` is changed."""
    values += 1
    values *= np.float32(0.5)
    np.clip(values, 0, 1, out=values)
    step: Depth = values * values * (3 - 2 * values)
    return step
