"""Who stands before the detector: every measure that makes one chest differ from another."""

from dataclasses import dataclass
from typing import Final

import numpy as np


@dataclass(frozen=True, slots=True)
class Patient:
    """One chest. Lengths are mm of an adult of middle size, before `stature` and `breadth`."""

    sex: str
    """``"F"`` or ``"M"``."""
    age: int
    """Years."""
    view: str
    """``"PA"``, ``"AP"``, or ``"LL"`` from the side."""
    stature: float
    breadth: float
    thickness: float
    """Factors along y, x and z."""
    fat: float
    """Soft tissue outside the ribs at the side, mm."""
    inspiration: float
    """0 shallow to 1 deep: how low the diaphragm is."""
    rotation: float
    """Turn about the long axis, radians; moves what is in front to the image's right."""
    lean: float
    """Slope of the long axis in the image."""
    slouch: float
    """0 to 1: how far the shoulder blades cover the lungs."""
    cardiothoracic_ratio: float
    """Width of the heart over that of the chest inside the ribs."""
    aorta: float
    """Radius of the aortic arch, mm."""
    mineral: float
    """Density of bone, 1 at 40 years."""
    breast: float
    """Radius of the breasts, mm; 0 is none."""
    seed: int
    """For what is drawn at random within the anatomy: vessels, ribs."""

    @property
    def lung_width(self) -> float:
        """Half of the inner width of the chest at its widest, mm."""
        return 139.0 * self.breadth

    @property
    def lung_bottom(self) -> float:
        """Depth below the apex at which the chest is widest, mm."""
        return 300.0 * self.stature

    def diaphragm(self, side: int) -> float:
        """Return the height of a dome, mm below the apex; `side` is -1 right, 1 left."""
        level = 196.0 + 40.0 * self.inspiration
        return (level + (12.0 if side > 0 else 0.0)) * self.stature

    def forward(self, z: float) -> float:
        """Return how far rotation moves what lies `z` mm in front of the middle."""
        return float(z * np.sin(self.rotation))


@dataclass(frozen=True, slots=True)
class Population:
    """From which ranges patients and detectors are drawn."""

    name: str
    """How it is written in the truth."""
    stature: tuple[float, float]
    breadth: tuple[float, float]
    thickness: tuple[float, float]
    fat: tuple[float, float]
    rotation: float
    """Ranges of the measures of `Patient`."""
    margin: tuple[float, float]
    """Range of the air around the chest, as a share of its size."""
    contrast: tuple[float, float]
    detail: tuple[float, float]
    balance: tuple[float, float]
    """Ranges of the slope, sharpening and equalising of the detector's processing."""
    quanta: tuple[float, float]
    """Range of the logarithm (base 10) of photons on one mm²."""
    bits: tuple[int, ...]
    """Bits Stored to choose from."""
    looks: tuple[str, ...]
    """Tone curves to choose from."""


CLINIC: Final = Population(
    name="clinic",
    stature=(0.86, 1.13),
    breadth=(0.86, 1.13),
    thickness=(0.82, 1.2),
    fat=(16, 48),
    rotation=0.09,
    margin=(0.0, 0.07),
    contrast=(0.85, 1.2),
    detail=(0.1, 0.9),
    balance=(0.2, 0.5),
    quanta=(4.7, 5.7),
    bits=(10, 12, 14, 15, 16),
    looks=("sigmoid", "film", "straight"),
)
"""The patients and detectors that `hilum phantom` shows; no model is trained on them."""


def draw_patient(rng: np.random.Generator, population: Population) -> Patient:
    """Return a patient of `population` with a heart of normal size."""
    sex = "F" if rng.random() < 0.5 else "M"  # noqa: PLR2004  one half
    view = "AP" if rng.random() < 0.25 else "PA"  # noqa: PLR2004  one in four
    age = int(rng.integers(19, 91))
    lying = view == "AP"
    female = sex == "F"
    breast = float(rng.uniform(42, 78)) if female else 0.0
    return Patient(
        sex=sex,
        age=age,
        view=view,
        stature=float(rng.uniform(*population.stature)) * (0.96 if female else 1.02),
        breadth=float(rng.uniform(*population.breadth)) * (0.95 if female else 1.02),
        thickness=float(rng.uniform(*population.thickness)),
        fat=float(rng.uniform(*population.fat)),
        inspiration=float(rng.uniform(0.0, 0.6) if lying else rng.uniform(0.3, 1.0)),
        rotation=float(rng.uniform(-1, 1) * population.rotation * (1.4 if lying else 1.0)),
        lean=float(rng.normal(0, 0.025)),
        slouch=float(rng.uniform(0.6, 1.0) if lying else rng.uniform(0.0, 0.5)),
        cardiothoracic_ratio=float(rng.uniform(0.41, 0.5) if lying else rng.uniform(0.39, 0.485)),
        aorta=float(13 + 0.08 * age + rng.uniform(-1.5, 2.5)),
        mineral=float(np.clip(1.25 - 0.006 * age + rng.normal(0, 0.07), 0.55, 1.25)),
        breast=breast,
        seed=int(rng.integers(0, 2**63)),
    )
