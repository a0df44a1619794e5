"""Synthetic chest radiographs: drawn from a seed, with ground truth for every finding.

For demonstrations, self-tests and the training of the demonstration model. No phantom shows
how well a model reads patients.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset

from hilum.phantom.dicom import to_dicom
from hilum.phantom.findings import DISEASES, KINDS, LABELS
from hilum.phantom.patient import CLINIC, Population
from hilum.phantom.scene import Drawing, Scene, compose, draw
from hilum.phantom.truth import TrueFinding, Truth

__all__ = [
    "CLINIC",
    "KINDS",
    "LABELS",
    "SIZE",
    "SMALLEST",
    "Phantom",
    "Population",
    "TrueFinding",
    "Truth",
    "compose",
    "make",
]

SIZE: Final = 1024
"""Pixels of the shorter side of a phantom, unless asked otherwise."""

SMALLEST: Final = 64
"""Pixels of the shorter side below which no chest is to be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A generated chest radiograph."""

    dataset: Dataset
    """A whole DICOM image with file meta information: Digital X-Ray For Presentation or Computed
    Radiography, Quality Control Image YES."""
    truth: Truth
    """What is to be found on it."""


def make(
    seed: int,
    *,
    findings: Collection[str] | None = None,
    population: Population = CLINIC,
    size: int = SIZE,
) -> Phantom:
    """Make the phantom of a seed.

    The same arguments give the same phantom; the same seed with other findings or another
    size is the same patient.

    Parameters
    ----------
    seed
        Any whole number from 0.
    findings
        Names out of `KINDS`; empty for a healthy chest, None leaves them to the seed.
    population
        Ranges that patient and detector are drawn from.
    size
        Pixels of the shorter side.

    Raises
    ------
    ValueError
        There is no such finding, the seed is negative, or the size is below `SMALLEST`.
    """
    if size < SMALLEST:
        raise ValueError(f"a phantom has at least {SMALLEST} pixels a side, not {size}")
    scene = compose(seed, findings, population)
    aspect = scene.technique.aspect
    rows, columns = round(size * max(aspect, 1)), round(size * max(1 / aspect, 1))
    drawing = draw(scene, rows, columns)
    return Phantom(to_dicom(scene, drawing), truth_of(scene, drawing))


def truth_of(scene: Scene, drawing: Drawing) -> Truth:
    """Return what is to be found on a drawing: what hides behind something else is not."""
    names = {disease: kind for kind, disease in DISEASES.items()}
    findings = tuple(
        TrueFinding(names[type(disease)], disease.labels, disease.side, disease.size_mm, mask)
        for disease, mask in zip(scene.diseases, drawing.masks, strict=True)
        if mask.any()
    )
    there = {label for finding in findings for label in finding.labels}
    patient = scene.patient
    return Truth(
        seed=scene.seed,
        population=scene.population,
        view=patient.view,
        sex=patient.sex,
        age=patient.age,
        labels=tuple(label for label in LABELS if label in there),
        findings=findings,
        spacing_mm=drawing.spacing,
    )
