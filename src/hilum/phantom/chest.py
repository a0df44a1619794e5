"""A patient between tube and detector: all depths of one chest, before it is exposed.

The vessel tree of a lung are trunks that fork, after Murray's law, towards the pleura.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom import mediastinum, thorax
from hilum.phantom.bars import capsules
from hilum.phantom.mediastinum import hilum_at
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Patch, Point, Tile, by_bands, ellipsoid
from hilum.phantom.texture import noise

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


def vessel_tree(patient: Patient, side: int, engorged: float = 0.0) -> list[Vessel]:
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


def draw_vessels(canvas: Canvas, vessels: list[Vessel], hilum: Point, shrink: float = 1.0) -> Depth:
    """Return the depth of blood in `vessels`, drawn together towards `hilum` by `shrink`."""
    ends = np.array([(vessel.start, vessel.end) for vessel in vessels])
    ends = hilum + (ends - hilum) * shrink
    field = canvas.empty()
    for patch in capsules(canvas, ends, np.array([vessel.radii for vessel in vessels])):
        patch.unite_with(field)
    return field


LUNG_DENSITY: Final = 0.27
"""Of lung full of air, over that of water."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a disease changes before anything is drawn."""

    patient: Patient
    """Whose heart may be larger."""
    lift: tuple[float, float] = (0.0, 0.0)
    """How far each dome of the diaphragm is raised: right, left; mm."""
    retreat: tuple[float, float] = (1.0, 1.0)
    """Size of each lung over that of its cavity: right, left."""
    anchor: float = 0.5
    """Height to which a lung that retreats shrinks, 0 hilum to 1 diaphragm."""
    engorged: float = 0.0
    """0 to 1: how wide the vessels are."""

    def lifted(self, side: int, by: float) -> "Plan":
        """Return a plan whose dome on `side` is raised by `by` mm."""
        right, left = self.lift
        return replace(self, lift=(right + by, left) if side < 0 else (right, left + by))

    def retreated(self, side: int, size: float, anchor: float) -> "Plan":
        """Return a plan whose lung on `side` has shrunk to `size` of its cavity."""
        right, left = self.retreat
        both = (size, left) if side < 0 else (right, size)
        return replace(self, retreat=both, anchor=anchor)


@dataclass(frozen=True, slots=True, eq=False)
class Lung:
    """One lung; the arrays have the shape of the canvas and are changed by diseases."""

    side: int
    """``thorax.RIGHT`` or ``thorax.LEFT``."""
    at: Tile
    """The part of the canvas outside of which there is nothing of it."""
    cavity: Depth
    """Depth of the space inside the ribs, mm."""
    whole: Depth
    """Depth of healthy lung, mm."""
    air: Depth
    """Depth of what is still lung, mm: the rest has become dense."""
    blood: Depth
    """Depth of vessels, mm; what is drawn outside of `at` does not count."""
    dense: Depth
    """Soft tissue and fluid that are not lung, mm."""
    free: Depth
    """Air that is not in the lung, mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Chest:
    """All of one chest."""

    canvas: Canvas
    plan: Plan
    """Where, and who with what changes."""
    lungs: tuple[Lung, Lung]
    """Right, left."""
    heart: Patch

    @property
    def patient(self) -> Patient:
        """Whose it is."""
        return self.plan.patient

    def lung(self, side: int) -> Lung:
        """Return the lung of one side."""
        return self.lungs[0 if side < 0 else 1]

    def mask(self, at: Tile, there: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of the whole canvas, False outside of one part."""
        mask = np.zeros(self.canvas.shape, np.bool_)
        mask[at] = there
        return mask


def build(canvas: Canvas, plan: Plan) -> Chest:
    """Return the chest of a plan, its lungs healthy."""
    heart = mediastinum.heart(canvas, plan.patient)
    between = mediastinum.great_vessels(canvas, plan.patient)
    heart.unite_with(between, 1.15)
    right, left = (build_lung(canvas, plan, side, between) for side in thorax.SIDES)
    return Chest(canvas, plan, (right, left), heart)


def build_lung(canvas: Canvas, plan: Plan, side: int, between: Depth) -> Lung:
    """Return one lung, around the mediastinum whose depth is `between`, above the diaphragm."""
    patient, index = plan.patient, 0 if side < 0 else 1
    hilum = mediastinum.hilum_at(patient, side)
    size = plan.retreat[index]
    centre = (hilum[0], hilum[1] + plan.anchor * (patient.diaphragm(side) - hilum[1]))
    tree = vessel_tree(patient, side, plan.engorged)
    blood = draw_vessels(canvas, tree, centre, size)
    at = thorax.tile(canvas, patient, side)
    cavity, whole, air, pleura = (canvas.empty() for _ in range(4))
    free = canvas.empty() if size < 1 else np.broadcast_to(np.float32(0), canvas.shape)

    def fill(part: Tile, band: Canvas) -> None:
        depth = thorax.cavity(band, patient, side)
        below = thorax.diaphragm(band, patient, side, plan.lift[index])
        here = space = np.maximum(depth - between[part] - below, 0)
        if size < 1:
            here, line = retreat(band, patient, side, (size, centre))
            np.minimum(here, space, out=here)
            free[part] = space - here
            pleura[part] = line * (space > 0)
        deep = np.maximum(depth * np.float32(0.7), 20)
        blood[part] *= np.clip(here / deep, 0, 1)
        cavity[part], whole[part], air[part] = depth, here, here

    by_bands(canvas, fill, at)
    return Lung(side, at, cavity, whole, air, blood, pleura, free)


def retreat(
    canvas: Canvas, patient: Patient, side: int, how: tuple[float, tuple[float, float]]
) -> tuple[Depth, Depth]:
    """Return the depth of a lung that left the wall of the chest, and of its pleura, mm."""
    size, centre = how
    outer, inner = (
        thorax.cavity(canvas.grown(scale, centre), patient, side) * np.float32(scale)
        for scale in (size, size - 0.011)
    )
    return outer, np.clip(outer - inner, 0, 26) * np.float32(0.3)


def texture(canvas: Canvas, patient: Patient) -> tuple[Depth, Depth]:
    """Return the fine and the coarse grain of a patient's lungs, unitless."""
    return noise(canvas, (patient.seed, 1), 4.4), noise(canvas, (patient.seed, 3), 42.0)


def matter(chest: Chest, soft: Depth, grains: tuple[Depth, Depth]) -> Depth:
    """Return the depth of everything but bone as if it were soft tissue, mm.

    Parameters
    ----------
    chest
        With its diseases.
    soft
        What `thorax.body` gave; it becomes the result.
    grains
        What `texture` gave.
    """
    canvas, patient = chest.canvas, chest.patient
    for patch in thorax.breasts(canvas, patient):
        patch.add_to(soft)
    fine, coarse = grains

    def fill(lung: Lung, at: Tile, _: Canvas) -> None:
        grain = fine[at] * np.float32(0.018)
        grain += coarse[at] * np.float32(0.03)
        grain += np.float32(1 - LUNG_DENSITY)
        here = soft[at]
        here -= lung.air[at] * grain
        here -= lung.free[at]
        here += lung.blood[at] * np.float32(1.2)
        if lung.dense[at].any():
            here += lung.dense[at] * np.clip(lung.cavity[at] * np.float32(0.05), 0, 1)

    for lung in chest.lungs:
        by_bands(canvas, partial(fill, lung), lung.at)
    mediastinum.airways(canvas, patient).add_to(soft, -1)
    stomach(canvas, patient, chest.plan.lift[1]).add_to(soft, -1)
    np.maximum(soft, 0, out=soft)
    return soft


def stomach(canvas: Canvas, patient: Patient, lift: float) -> Patch:
    """Return the gas under the left dome of the diaphragm; it ends on a level."""
    rng = np.random.default_rng((patient.seed, 3))
    size = float(rng.uniform(0, 27))
    top = patient.diaphragm(1) - lift + 9
    centre = (float(rng.uniform(52, 78)) * patient.breadth, top + 0.62 * size)
    patch = ellipsoid(canvas, centre, (1.15 * size + 1, 0.7 * size + 1, 0.8 * size + 1), -0.2)
    if patient.view == "PA":
        level = np.float32(centre[1] + 0.15 * size)
        patch.depth[:] *= np.clip((level - canvas.y[patch.at[0]]) * np.float32(0.8), 0, 1)
    return patch
