"""Round things in a lung, and a heart that is too large."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from hilum.phantom.bars import capsule
from hilum.phantom.chest import Chest, Plan
from hilum.phantom.findings.base import Disease, Mask, OneSided, either_side, place_in_lung
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Point, ellipsoid, united

Lobule = tuple[Point, tuple[float, float, float], float]
"""Middle, semi-axes and angle of an ellipsoid; mm, radians."""


def draw_lobules(
    rng: np.random.Generator, centre: Point, radius: float, count: int
) -> tuple[Lobule, ...]:
    """Return `count` ellipsoids that together make a body of `radius` mm around `centre`."""
    lobules: list[Lobule] = []
    for index in range(count):
        size = radius if count == 1 else radius * float(rng.uniform(0.6, 0.8))
        away = 0.0 if index == 0 else radius - 0.85 * size
        turn = float(rng.uniform(0, 2 * np.pi))
        middle = (centre[0] + away * float(np.cos(turn)), centre[1] + away * float(np.sin(turn)))
        across, down = (float(v) for v in rng.uniform(0.86, 1.1, 2) * size)
        lobules.append((middle, (across, down, size), turn))
    return tuple(lobules)


AIR_AROUND: Final = 0.5
"""Share of the cavity's depth that has to be lung for a round body to be seen in it."""

SHARE_SEEN: Final = 0.7
"""Of a round body that has to lie in lung for it to be seen at all."""


@dataclass(frozen=True, slots=True)
class RoundBody(OneSided):
    """A body of soft tissue in a lung."""

    lobules: tuple[Lobule, ...]
    """What it is made of."""
    radius: float
    """mm."""

    @property
    def size_mm(self) -> float:
        """Its diameter."""
        return 2 * self.radius

    def apply(self, chest: Chest) -> Mask:
        """Draw it where the lung holds air.

        In fluid, in dense lung or behind a large heart nobody could see it: then it is not
        drawn, and is nowhere.
        """
        body = united(chest.canvas, [ellipsoid(chest.canvas, *each) for each in self.lobules])
        at, depth, lung = body.at, body.depth, chest.lung(self.at)
        there = depth > 0
        clear = lung.air[at] > np.float32(AIR_AROUND) * lung.cavity[at]
        seen = np.count_nonzero(there & clear) > SHARE_SEEN * np.count_nonzero(there)
        if seen:
            lung.dense[at] += np.minimum(depth, lung.air[at]) * np.float32(0.9)
        return chest.mask(at, there & seen)


@dataclass(frozen=True, slots=True)
class Nodule(RoundBody):
    """A round body of 1.6 to 2.9 cm."""

    labels = ("Nodule", "Lung Lesion")

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return a nodule of 16 to 29 mm in free lung; smaller ones are rarely seen."""
        side, radius = either_side(rng), float(rng.uniform(8, 14.5))
        centre = place_in_lung(rng, patient, side, radius + 6)
        return cls(side, draw_lobules(rng, centre, radius, 1), radius)


@dataclass(frozen=True, slots=True)
class Mass(RoundBody):
    """A lobulated body of more than 3 cm, some with spicules."""

    labels = ("Mass", "Lung Lesion")
    spicules: tuple[tuple[Point, Point], ...]
    """End points of its rays, mm."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return a mass of 34 to 76 mm in free lung."""
        side, radius = either_side(rng), float(rng.uniform(17, 38))
        centre = place_in_lung(rng, patient, side, 0.6 * radius)
        lobules = draw_lobules(rng, centre, radius, int(rng.integers(3, 7)))
        spicules = []
        for turn in rng.uniform(0, 2 * np.pi, int(rng.integers(0, 14))):
            ray = np.array([np.cos(turn), np.sin(turn)])
            far = float(rng.uniform(1.15, 1.5))
            ends = [
                (centre[0] + r * ray[0], centre[1] + r * ray[1])
                for r in (0.8 * radius, far * radius)
            ]
            spicules.append((ends[0], ends[1]))
        return cls(side, lobules, radius, tuple(spicules))

    def apply(self, chest: Chest) -> Mask:
        """Draw it with its rays."""
        mask = RoundBody.apply(self, chest)
        dense = chest.lung(self.at).dense
        for start, end in self.spicules if mask.any() else ():
            capsule(chest.canvas, start, end, (2.2, 0.5)).add_to(dense, 1.2)
        return mask


@dataclass(frozen=True, slots=True)
class Cardiomegaly(Disease):
    """A heart wider than half of the chest."""

    labels = ("Cardiomegaly",)
    side = "middle"
    ratio: float
    """Width of the heart over that of the chest inside the ribs."""

    @classmethod
    def draw(cls, rng: np.random.Generator, patient: Patient) -> Self:
        """Return a cardiothoracic ratio well above a half."""
        above = 0.02 if patient.view == "AP" else 0.0
        return cls(float(rng.uniform(0.57, 0.69)) + above)

    @property
    def size_mm(self) -> float:
        """Width of the heart in a chest of middle size."""
        return 278 * self.ratio

    def prepare(self, plan: Plan) -> Plan:
        """Return a plan with the large heart."""
        return replace(plan, patient=replace(plan.patient, cardiothoracic_ratio=self.ratio))

    def apply(self, chest: Chest) -> Mask:
        """Return where the heart is: the plan has drawn it."""
        return chest.mask(chest.heart.at, chest.heart.depth > 0)
