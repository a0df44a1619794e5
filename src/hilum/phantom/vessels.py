"""The vessel tree of a lung: trunks that fork, after Murray's law, towards the pleura."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from hilum.phantom.bars import capsules
from hilum.phantom.mediastinum import hilum_at
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Point

TRUNKS: Final = (
    # angle from straight out, upwards positive (radians); radius and length of the trunk, mm
    (1.32, 4.0, 24.0),
    (0.95, 3.8, 24.0),
    (0.52, 3.4, 22.0),
    (0.12, 3.6, 24.0),
    (-0.32, 4.6, 26.0),
    (-0.7, 5.4, 28.0),
    (-1.02, 6.8, 32.0),
    (-1.3, 7.4, 36.0),
    (-1.5, 4.2, 30.0),
)
"""Where the first branches go: those to the base are the thicker ones in who stands."""

THINNEST: Final = 0.75
"""Radius below which a vessel is not seen by itself, mm."""


@dataclass(frozen=True, slots=True)
class Vessel:
    """One stretch of a vessel, in mm."""

    start: Point
    end: Point
    radii: tuple[float, float]


def tree(patient: Patient, side: int, engorged: float = 0.0) -> list[Vessel]:
    """Return the vessels of one lung.

    Parameters
    ----------
    side
        ``thorax.RIGHT`` or ``thorax.LEFT``.
    engorged
        0 healthy to 1: how much wider they are, those to the apex most.
    """
    rng = np.random.default_rng((patient.seed, side + 1))
    root = hilum_at(patient, side)
    grown: list[Vessel] = []
    for angle, radius, length in TRUNKS:
        heading = angle + 0.1 * rng.standard_normal()
        wide = (
            1.15
            * radius
            * (1 + engorged * (0.75 if heading > 0 else 0.3))
            * rng.uniform(0.85, 1.12)
        )
        start = (
            root[0] + float(rng.normal(0, 3)) + side * 2,
            root[1] - 15 * np.sin(heading) + float(rng.normal(0, 3)),
        )
        grow(grown, start, (heading, wide, length * patient.stature), side, rng)
    return grown


def grow(
    grown: list[Vessel],
    start: Point,
    shape: tuple[float, float, float],
    side: int,
    rng: np.random.Generator,
) -> None:
    """Append a vessel of ``(heading, radius, length)`` and its branches to `grown`."""
    stack = [(start, shape)]
    while stack:
        here, (heading, radius, length) = stack.pop()
        bend = heading + 0.14 * rng.standard_normal()
        there = (
            here[0] + side * length * float(np.cos(bend)),
            here[1] - length * float(np.sin(bend)),
        )
        thin = 0.86 * radius
        grown.append(Vessel(here, there, (radius, thin)))
        if thin < THINNEST * 1.25:
            continue
        share = drawn(rng, 0.5, 0.82)
        fork = drawn(rng, 0.3, 0.62) * (1 if rng.random() < 0.5 else -1)  # noqa: PLR2004
        for part, turn in ((share, fork * (1 - share)), (1 - share, -fork * share * 1.25)):
            branch = thin * part ** (1 / 2.6)
            if branch > THINNEST:
                longer = length * drawn(rng, 0.72, 0.98)
                stack.append((there, (bend + turn, branch, longer)))


def drawn(rng: np.random.Generator, low: float, high: float) -> float:
    """Return ``rng.uniform(low, high)``, in a third of its time."""
    return low + (high - low) * rng.random()


def draw(canvas: Canvas, vessels: list[Vessel], hilum: Point, shrink: float = 1.0) -> Depth:
    """Return the depth of blood in `vessels`, drawn together towards `hilum` by `shrink`."""
    ends = np.array([(vessel.start, vessel.end) for vessel in vessels])
    ends = hilum + (ends - hilum) * shrink
    field = canvas.empty()
    for patch in capsules(canvas, ends, np.array([vessel.radii for vessel in vessels])):
        patch.unite_with(field)
    return field
