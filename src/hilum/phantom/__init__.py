"""Synthetic chest radiographs: drawn from a seed, with ground truth for every finding.

For demonstrations, self-tests and the training of the demonstration model. No phantom shows
how well a model reads patients.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.phantom.dicom import to_dicom
from hilum.phantom.findings import DISEASES, KINDS, LABELS
from hilum.phantom.lateral import VIEW as LATERAL_VIEW
from hilum.phantom.organs import cardiothoracic_ratio
from hilum.phantom.patient import CLINIC, Population
from hilum.phantom.scene import Drawing, Scene, compose, draw

SCHEMA: Final = "hilum.phantom/1"
"""Name and version of the JSON document."""


@dataclass(frozen=True, slots=True, eq=False)
class TrueFinding:
    """One disease of a phantom."""

    kind: str
    """Its name, one of `hilum.phantom.KINDS`."""
    labels: tuple[str, ...]
    """What a reader should call it, in TorchXRayVision's words."""
    side: str
    """``"right"``, ``"left"``, ``"both"`` or ``"middle"``: the patient's."""
    size_mm: float
    """Its extent as a reader would measure it."""
    mask: NDArray[np.bool_]
    """Shape ``(rows, columns)`` of the image: where it is."""

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """First column and row, and width and height in pixels; None when out of the image."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        if not rows.size:
            return None
        left, top = int(columns[0]), int(rows[0])
        return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """All that is to be found on a phantom."""

    seed: int
    """What it was made from."""
    population: str
    """``"clinic"`` or ``"training"``."""
    view: str
    sex: str
    age: int
    """Of the invented patient."""
    labels: tuple[str, ...]
    """What a reader should call it; empty for a healthy chest."""
    findings: tuple[TrueFinding, ...]
    spacing_mm: float
    """Distance of two pixels."""
    organs: Mapping[str, NDArray[np.bool_]]
    """``Right Lung``, ``Left Lung`` and ``Heart`` → where it is, shape ``(rows, columns)``."""

    @property
    def cardiothoracic_ratio(self) -> float:
        """Width of the heart over that of the chest inside the ribs, measured on the masks."""
        return cardiothoracic_ratio(self.organs)

    def mask(self, label: str) -> NDArray[np.bool_] | None:
        """Return where a label is to be found, shape ``(rows, columns)``; None if nowhere."""
        masks = [finding.mask for finding in self.findings if label in finding.labels]
        return np.logical_or.reduce(masks) if masks else None

    def document(self) -> dict[str, Any]:
        """Return the truth as a JSON document; masks as COCO's uncompressed run lengths."""
        return {
            "schema": SCHEMA,
            "seed": self.seed,
            "population": self.population,
            "view": self.view,
            "sex": self.sex,
            "age": self.age,
            "spacing_mm": round(self.spacing_mm, 4),
            "cardiothoracic_ratio": round(self.cardiothoracic_ratio, 4),
            "organs": {name: run_lengths(mask) for name, mask in self.organs.items()},
            "labels": list(self.labels),
            "findings": [
                {
                    "kind": finding.kind,
                    "labels": list(finding.labels),
                    "side": finding.side,
                    "size_mm": round(finding.size_mm, 1),
                    "area_mm2": round(float(finding.mask.sum()) * self.spacing_mm**2, 1),
                    "box": finding.box,
                    "mask": run_lengths(finding.mask),
                }
                for finding in self.findings
            ],
        }


def run_lengths(mask: NDArray[np.bool_]) -> dict[str, list[int]]:
    """Return a mask as runs down its columns, the first of zeros, as COCO writes it."""
    flat = mask.ravel(order="F")
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], ends, [flat.size]]))
    runs = [int(count) for count in counts]
    return {"size": [int(n) for n in mask.shape], "counts": [0, *runs] if flat[0] else runs}


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
    lateral: bool = False,
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
    lateral
        Whether it is seen from the side; then it is healthy.

    Raises
    ------
    ValueError
        There is no such finding, the seed is negative, or the size is below `SMALLEST`.
    """
    if size < SMALLEST:
        raise ValueError(f"a phantom has at least {SMALLEST} pixels a side, not {size}")
    scene = compose(seed, () if lateral else findings, population)
    if lateral:
        scene = replace(scene, patient=replace(scene.patient, view=LATERAL_VIEW))
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
        organs=drawing.organs,
    )
