"""Lung that has become dense: consolidation, a hazy patch, oedema, plates of collapse."""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from hilum.phantom.bars import capsule
from hilum.phantom.chest import Chest, Plan
from hilum.phantom.findings.base import (
    Disease,
    Mask,
    OneSided,
    either_side,
    gaussian_spot,
    place_in_lung,
    ramp,
)
from hilum.phantom.mediastinum import hilum_at
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Point, Tile
from hilum.phantom.texture import noise


@dataclass(frozen=True, slots=True)
class LungPatch(OneSided):
    """A ragged region of one lung that holds less air."""

    reaches: ClassVar[tuple[float, float]]
    """Range of half of its extent, mm."""
    strengths: ClassVar[tuple[float, float]]
    """Range of the share of the air that is gone in its middle."""
    ragged: ClassVar[float]
    """How uneven its border is."""
    vessels_lost: ClassVar[float]
    """How far they vanish in its dense part."""
    centre: Point
    """mm."""
    reach: tuple[float, float]
    """Half of its extent along x and y, mm."""
    strength: float
    fissure: bool
    """True when a lobe's border cuts it off below."""
    seed: int
    """Of its shape."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return a patch of 5 to 12 cm."""
        side = either_side(rng)
        across, down = (float(v) for v in rng.uniform(*cls.reaches, 2) * (0.85, 1.0))
        return cls(
            side,
            centre=place_in_lung(rng, patient, side, 14),
            reach=(across, down),
            strength=float(rng.uniform(*cls.strengths)),
            fissure=bool(rng.random() < 0.3),  # noqa: PLR2004
            seed=int(rng.integers(0, 2**63)),
        )

    @property
    def size_mm(self) -> float:
        """Its larger extent."""
        return 2 * max(self.reach)

    def share(self, canvas: Canvas, at: Tile) -> Depth:
        """Return how much of the disease there is at each ray of a part of the canvas, 0 to 1."""
        part = canvas.part(at)
        spot = gaussian_spot(part, self.centre, self.reach)
        rough = noise(canvas, (self.seed, 1), 7.0)[at] * np.float32(0.5)
        rough += noise(canvas, (self.seed, 0), 16.0)[at]
        rough *= np.float32(self.ragged)
        rough *= np.sqrt(spot)
        spot += rough
        spot -= np.float32(0.55)
        spot *= np.float32(3.2)
        dense = ramp(spot)
        if self.fissure:
            edge = self.centre[1] + 0.55 * self.reach[1]
            slope = part.y - np.float32(edge) + part.x * np.float32(0.1 * self.at)
            dense *= ramp(slope * np.float32(-0.5))
        return dense

    def apply(self, chest: Chest) -> Mask:
        """Take the air out of the lung."""
        lung = chest.lung(self.at)
        at, whole = lung.at, lung.whole[lung.at]
        dense = self.share(chest.canvas, at)
        dense *= whole > 0
        lung.air[at] *= 1 - dense * np.float32(self.strength)
        # Vessels vanish in dense lung; the bronchi beside them stay full of air.
        lung.blood[at] *= 1 - dense * np.float32(self.vessels_lost)
        return chest.mask(at, (dense > np.float32(0.35)) & (whole > np.float32(8)))


class Consolidation(LungPatch):
    """Lung full of fluid or pus, with air-filled bronchi in it."""

    labels = ("Consolidation", "Lung Opacity")
    reaches = (26, 52)
    strengths = (0.6, 0.95)
    ragged = 0.28
    vessels_lost = 1.7


class HazyPatch(LungPatch):
    """Lung that is denser than it should be, with its vessels still seen."""

    labels = ("Lung Opacity",)
    reaches = (28, 56)
    strengths = (0.2, 0.36)
    ragged = 0.16
    vessels_lost = 0.3


@dataclass(frozen=True, slots=True)
class Edema(Disease):
    """Water in both lungs, most around the hila: wide vessels, haze, septal lines."""

    labels = ("Edema", "Lung Opacity")
    side = "both"
    strength: float
    """Share of the air that is gone beside the hila."""
    reach: float
    """How far out, mm."""
    engorged: float
    """How wide the vessels are, 0 to 1."""
    lines: int
    """Septal lines (Kerley B) on each side."""
    seed: int
    """Of its pattern."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return oedema of the lungs, interstitial to alveolar."""
        return cls(
            float(rng.uniform(0.3, 0.68)),
            float(rng.uniform(46, 72)) * patient.stature,
            float(rng.uniform(0.35, 0.8)),
            int(rng.integers(3, 9)),
            int(rng.integers(0, 2**63)),
        )

    @property
    def size_mm(self) -> float:
        """Diameter of the haze around each hilum."""
        return 2 * self.reach

    def prepare(self, plan: Plan) -> Plan:
        """Return a plan with wide vessels."""
        return replace(plan, engorged=self.engorged)

    def apply(self, chest: Chest) -> Mask:
        """Cloud both lungs."""
        canvas, patient = chest.canvas, chest.patient
        uneven = noise(canvas, (self.seed, 0), 18.0)
        uneven *= np.float32(0.12)
        uneven += 1
        uneven += noise(canvas, (self.seed, 1), 5.0) * np.float32(0.07)
        mask = np.zeros(canvas.shape, np.bool_)
        for lung in chest.lungs:
            hilum = hilum_at(patient, lung.side)
            centre = (hilum[0] + lung.side * 22, hilum[1] + 22 * patient.stature)
            at, reach = lung.at, (self.reach * 0.9, 1.25 * self.reach)
            haze = gaussian_spot(canvas.part(at), centre, reach)
            mask[at] |= (haze > np.float32(0.5)) & (lung.whole[at] > np.float32(20))
            haze += np.float32(0.22)
            haze *= np.float32(self.strength) * uneven[at]
            np.clip(haze, 0, 0.9, out=haze)
            lung.air[at] *= 1 - haze
            lung.blood[at] *= 1 - haze * np.float32(0.7)
            self.septal_lines(chest, lung.side, lung.dense)
        return mask

    def septal_lines(self, chest: Chest, side: int, dense: Depth) -> None:
        """Add short horizontal lines at the wall above the diaphragm."""
        patient = chest.patient
        rng = np.random.default_rng((self.seed, side + 5))
        for _ in range(self.lines):
            y = patient.diaphragm(side) - float(rng.uniform(-25, 55))
            outer = 0.97 * patient.lung_width - max(0.0, 0.12 * (patient.diaphragm(side) - y))
            start = (side * outer, y)
            end = (side * (outer - float(rng.uniform(9, 17))), y + float(rng.normal(0, 1.5)))
            capsule(chest.canvas, start, end, (0.9, 0.6)).add_to(dense, 3.0)


@dataclass(frozen=True, slots=True)
class Atelectasis(OneSided):
    """Plates of collapsed lung above a raised diaphragm."""

    labels = ("Atelectasis", "Lung Opacity")
    plates: tuple[tuple[Point, Point, float], ...]
    """Start, end and half-thickness of each, mm."""
    density: float
    """Depth of a plate along the rays, mm."""
    lift: float
    """Of the diaphragm, mm."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return one to three plates of 5 to 9 cm in the lower half of a lung."""
        side, lift = either_side(rng), float(rng.uniform(6, 24))
        plates = []
        for _ in range(int(rng.integers(1, 4))):
            y = patient.diaphragm(side) - lift - float(rng.uniform(10, 62)) * patient.stature
            middle = side * float(rng.uniform(0.58, 0.72)) * patient.lung_width
            half = float(rng.uniform(24, 44)) * patient.breadth
            tilt = float(rng.normal(0, 0.2))
            start = (middle - half, y - half * tilt)
            plates.append((start, (middle + half, y + half * tilt), float(rng.uniform(2.6, 5.2))))
        return cls(side, tuple(plates), float(rng.uniform(17, 36)), lift)

    @property
    def size_mm(self) -> float:
        """Length of the longest plate."""
        return max(float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b, _ in self.plates)

    def prepare(self, plan: Plan) -> Plan:
        """Return a plan whose diaphragm is raised."""
        return plan.lifted(self.at, self.lift)

    def apply(self, chest: Chest) -> Mask:
        """Draw the plates."""
        lung = chest.lung(self.at)
        field = chest.canvas.empty()
        for start, end, half in self.plates:
            patch = capsule(chest.canvas, start, end, (half, 0.6 * half))
            # A plate is thickest along the rays in its middle and thins out to its rim.
            patch.depth[:] *= patch.depth * np.float32(1 / (2 * half))
            patch.unite_with(field, 1 / (2 * half))
        at = lung.at
        there = lung.air[at] > 0
        lung.dense[at] += field[at] * np.float32(self.density) * there
        return chest.mask(at, (field[at] > 0) & there)
