"""One phantom before it is drawn: all chance is here, so every resolution shows the same chest."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from hilum.phantom import chest, exposure, lateral, skeleton, thorax
from hilum.phantom.bars import capsule
from hilum.phantom.exposure import Technique, draw_technique
from hilum.phantom.findings import Disease, draw_diseases
from hilum.phantom.findings.base import Mask
from hilum.phantom.organs import ORGANS, organs_of
from hilum.phantom.patient import CLINIC, Patient, Population, draw_patient
from hilum.phantom.shapes import Canvas, Depth, united

Stroke = tuple[tuple[float, float], tuple[float, float]]

STROKES: Final[dict[str, tuple[Stroke, ...]]] = {
    "L": (((0, 0), (0, 1)), ((0, 1), (0.62, 1))),
    "R": (
        ((0, 0), (0, 1)),
        ((0, 0), (0.42, 0)),
        ((0.42, 0), (0.6, 0.12)),
        ((0.6, 0.12), (0.6, 0.38)),
        ((0.6, 0.38), (0.42, 0.5)),
        ((0.42, 0.5), (0, 0.5)),
        ((0.28, 0.5), (0.64, 1)),
    ),
}
"""Strokes of the letters in a box 0.64 wide and 1 high, y downwards."""

HEIGHT: Final = 14.0
"""Of a letter, mm."""


def letter(canvas: Canvas, scene: "Scene") -> Depth:
    """Return where lead lies, 0 to 1, float32, shape of the canvas."""
    rng = np.random.default_rng((scene.technique.seed, 9))
    name = "L" if rng.random() < 0.6 else "R"  # noqa: PLR2004
    side = 1 if name == "L" else -1
    half = scene.side_mm / 2
    left = scene.centre[0] + side * half * float(rng.uniform(0.74, 0.84)) - 5
    top = scene.centre[1] - half * float(rng.uniform(0.72, 0.86))
    strokes = [
        capsule(
            canvas,
            (left + x0 * HEIGHT, top + y0 * HEIGHT),
            (left + x1 * HEIGHT, top + y1 * HEIGHT),
            (1.3, 1.3),
        )
        for (x0, y0), (x1, y1) in STROKES[name]
    ]
    lead = united(canvas, strokes)
    field = canvas.empty()
    np.minimum(lead.depth * np.float32(0.6), np.float32(0.97), out=field[lead.at])
    return field


WHOLE_HEIGHT: Final = 352.0
"""What is imaged of a patient of middle height, mm."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A patient, what ails them, and how the image is taken."""

    seed: int
    """What it was drawn from."""
    population: str
    """Name of the population that it was drawn from."""
    patient: Patient
    """Who; a heart that is too large is a disease, not in here."""
    diseases: tuple[Disease, ...]
    """What ails them; empty is a healthy chest."""
    technique: Technique
    """How the image is taken."""
    side_mm: float
    """Side of the shortest square that holds the chest, mm."""
    centre: tuple[float, float]
    """Middle of the image, mm."""


def compose(
    seed: int, findings: Collection[str] | None = None, population: Population = CLINIC
) -> Scene:
    """Draw a scene from a seed.

    Parameters
    ----------
    seed
        Any whole number from 0. Patient and technique depend on it alone, so the same seed
        with other findings is the same patient.
    findings
        Names out of `hilum.phantom.KINDS`; empty for a healthy chest, None leaves it to the
        seed.
    population
        Ranges that patient and detector are drawn from.

    Raises
    ------
    ValueError
        There is no such finding, or the seed is negative.
    """
    of_patient, of_disease, of_technique = (
        np.random.Generator(np.random.PCG64(child))
        for child in np.random.SeedSequence(seed).spawn(3)
    )
    patient = draw_patient(of_patient, population)
    diseases = draw_diseases(of_disease, patient, findings)
    technique = draw_technique(of_technique, patient, population)
    margin = float(of_technique.uniform(*population.margin))
    across = 2 * patient.lung_width + 1.1 * patient.fat + 44
    side = max(across, WHOLE_HEIGHT * patient.stature) * (1 + margin)
    middle = (
        float(of_technique.normal(0, 5)),
        146 * patient.stature + float(of_technique.normal(0, 6)),
    )
    return Scene(seed, population.name, patient, diseases, technique, side, middle)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A scene, drawn at one resolution."""

    shown: Depth
    """Shape ``(rows, columns)``, float32: equalised values, about 0 in lung and 1 in the
    mediastinum, before the tone curve."""
    masks: tuple[Mask, ...]
    """One for each disease of the scene: where it is."""
    organs: Mapping[str, Mask]
    """Name → where lungs and heart are."""
    inside: Mask
    """Shape ``(rows, columns)``: what the collimator did not cut off."""
    marked: Depth
    """Shape ``(rows, columns)``, float32: 0 to 1 where the side marker lies."""
    spacing: float
    """Distance of two pixels, mm."""


def draw(scene: Scene, rows: int, columns: int) -> Drawing:
    """Draw a scene; its square of interest fills the shorter side of the image."""
    spacing = scene.side_mm / min(rows, columns)
    canvas = Canvas.spread(
        rows, columns, spacing=spacing, centre=scene.centre, lean=scene.patient.lean
    )
    plan = chest.Plan(scene.patient)
    for disease in scene.diseases:
        plan = disease.prepare(plan)
    if scene.patient.view == lateral.VIEW:
        nowhere = (), dict.fromkeys(ORGANS, np.zeros(canvas.shape, np.bool_))
        matter = lateral.matter(canvas, scene.patient), lateral.bones(canvas, scene.patient)
        return _shown(scene, canvas, matter, exposure.quanta(canvas, scene.technique), nowhere)
    with ThreadPoolExecutor(1) as beside:
        # Half of the work; first what hardly needs the interpreter, as the vessels here do.
        grain = beside.submit(exposure.quanta, canvas, scene.technique)
        body = beside.submit(thorax.body, canvas, plan.patient)
        bone = beside.submit(skeleton.bones, canvas, scene.patient)
        whole = chest.build(canvas, plan)
        organs = organs_of(whole)
        masks = tuple(disease.apply(whole) for disease in scene.diseases)
        grains = chest.texture(canvas, scene.patient)
        soft = chest.matter(whole, body.result(), grains)
    return _shown(scene, canvas, (soft, bone.result()), grain.result(), (masks, organs))


def _shown(
    scene: Scene,
    canvas: Canvas,
    matter: tuple[Depth, Depth],
    grain: Depth,
    truth: tuple[tuple[Mask, ...], Mapping[str, Mask]],
) -> Drawing:
    """Return a drawing of soft tissue and bone as the detector measures and shows it."""
    measured = exposure.expose(canvas, matter, grain, scene.technique)
    shown = exposure.equalise(canvas, measured, scene.technique)
    inside = exposure.inside_of(canvas, scene.technique)
    marked = letter(canvas, scene) if scene.technique.marker else canvas.empty()
    return Drawing(shown, *truth, inside, marked, canvas.spacing)


def brightness(scene: Scene, drawing: Drawing) -> Depth:
    """Return what a radiologist is shown, float32 in [0, 1], shape of the drawing."""
    picture = exposure.apply_curve(drawing.shown, exposure.tone_curve(scene.technique))
    border = np.float32(0.97 if scene.technique.white_border else 0.0)
    np.copyto(picture, border, where=~drawing.inside)
    if scene.technique.marker:
        np.maximum(picture, drawing.marked, out=picture)
    return picture
