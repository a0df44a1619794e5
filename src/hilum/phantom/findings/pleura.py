"""Fluid and air between lung and ribs."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from hilum.phantom.chest import Chest, Plan
from hilum.phantom.findings.base import Mask, OneSided, either_side, ramp
from hilum.phantom.patient import Patient
from hilum.phantom.thorax import lateral, wall

THINNEST_SEEN: Final = 6.0
"""Depth of air outside the lung that counts as the finding, mm."""


@dataclass(frozen=True, slots=True)
class Effusion(OneSided):
    """Fluid that rises along the wall of the chest: a meniscus."""

    labels = ("Effusion",)
    height: float
    """Of its level in the middle of the lung above the dome of the diaphragm, mm."""
    climb: float
    """How much higher it stands at the wall, mm."""
    softness: float
    """Of its upper border, mm."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return an effusion, small (the angle is blunt) to large (half the lung)."""
        height = float(rng.uniform(-24, 20) if rng.random() < 0.6 else rng.uniform(20, 95))  # noqa: PLR2004
        return cls(
            either_side(rng),
            height * patient.stature,
            float(rng.uniform(22, 48)),
            float(rng.uniform(5, 16)),
        )

    @property
    def size_mm(self) -> float:
        """Height of the fluid at the wall above the angle of the diaphragm."""
        return self.height + self.climb + 40

    def apply(self, chest: Chest) -> Mask:
        """Replace lung by fluid below the meniscus."""
        lung, patient = chest.lung(self.at), chest.patient
        at, canvas = lung.at, chest.canvas.part(lung.at)
        level = patient.diaphragm(self.at) - self.height
        across = np.abs(lateral(canvas, patient, self.at))
        surface = np.float32(level) - np.float32(self.climb) * np.exp(
            (np.minimum(across, 1) - 1) * np.float32(5.5)
        )
        surface -= np.float32(0.35 * self.climb) * np.exp(-across * 7)
        below = canvas.y - surface
        fluid = ramp(below * np.float32(1 / self.softness))
        lung.air[at] *= 1 - fluid
        lung.blood[at] *= 1 - fluid
        bottom = np.float32(patient.diaphragm(self.at) + 62 * patient.stature)
        seen = (below > 0) & (lung.cavity[at] > 0) & (canvas.y < bottom)
        return chest.mask(at, seen & (across * wall(canvas.y, patient) > np.float32(30)))


@dataclass(frozen=True, slots=True)
class Pneumothorax(OneSided):
    """Air outside the lung, which has shrunk from the wall behind a thin white line."""

    labels = ("Pneumothorax",)
    shrunk: float
    """Size of the lung over that of its cavity."""
    anchor: float
    """Height to which it shrinks, 0 hilum to 1 diaphragm."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return a pneumothorax, from a rim of a centimetre to half of the cavity."""
        del patient
        rim = float(rng.uniform(0.11, 0.2) if rng.random() < 0.6 else rng.uniform(0.2, 0.42))  # noqa: PLR2004
        return cls(either_side(rng), 1 - rim, float(rng.uniform(0.2, 0.95)))

    @property
    def size_mm(self) -> float:
        """Width of the rim of air at the wall, for a chest of middle size."""
        return (1 - self.shrunk) * 100

    def prepare(self, plan: Plan) -> Plan:
        """Return a plan whose lung has retreated."""
        return plan.retreated(self.at, self.shrunk, self.anchor)

    def apply(self, chest: Chest) -> Mask:
        """Return where there is air and no lung: the plan has drawn both."""
        lung = chest.lung(self.at)
        lung.air[lung.at] *= np.float32(0.9 + 0.1 * self.shrunk)
        outside = (lung.free[lung.at] > THINNEST_SEEN) & (lung.whole[lung.at] <= 0)
        return chest.mask(lung.at, outside)
