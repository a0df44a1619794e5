"""Diseases that are drawn into a chest, each with the truth about itself.

All by name, and which of them may come together.
"""

from collections.abc import Collection
from typing import Final

import numpy as np

from hilum.phantom.findings.airspace import Atelectasis, Consolidation, Edema, HazyPatch
from hilum.phantom.findings.base import Disease
from hilum.phantom.findings.pleura import Effusion, Pneumothorax
from hilum.phantom.findings.solid import Cardiomegaly, Mass, Nodule
from hilum.phantom.patient import Patient

DISEASES: Final[dict[str, type[Disease]]] = {
    "atelectasis": Atelectasis,
    "cardiomegaly": Cardiomegaly,
    "consolidation": Consolidation,
    "edema": Edema,
    "effusion": Effusion,
    "mass": Mass,
    "nodule": Nodule,
    "opacity": HazyPatch,
    "pneumothorax": Pneumothorax,
}
"""Name → its kind, in the order in which they are drawn."""

KINDS: Final = tuple(DISEASES)
"""Names of all diseases."""

LABELS: Final = (
    "Atelectasis",
    "Consolidation",
    "Pneumothorax",
    "Edema",
    "Effusion",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Lung Lesion",
    "Lung Opacity",
)
"""What a phantom can show, in TorchXRayVision's words and order."""

SHARE_HEALTHY: Final = 0.3
"""Of phantoms whose findings are left to chance."""

MOST: Final = 3
"""Diseases of one phantom whose findings are left to chance."""


def draw_diseases(
    rng: np.random.Generator, patient: Patient, kinds: Collection[str] | None
) -> tuple[Disease, ...]:
    """Return diseases of the kinds asked for, or of kinds left to chance.

    Raises
    ------
    ValueError
        There is no such kind.
    """
    if kinds is None:
        kinds = chance_kinds(rng)
    elif unknown := set(kinds) - set(KINDS):
        raise ValueError(f"no such finding: {', '.join(sorted(unknown))}")
    return tuple(kind.draw(rng, patient) for name, kind in DISEASES.items() if name in kinds)


def chance_kinds(rng: np.random.Generator) -> frozenset[str]:
    """Return no kind, or one to three of them."""
    if rng.random() < SHARE_HEALTHY:
        return frozenset()
    count = int(rng.choice([1, 2, MOST], p=[0.62, 0.28, 0.1]))
    return frozenset(str(kind) for kind in rng.choice(KINDS, count, replace=False))


__all__ = ["DISEASES", "KINDS", "LABELS", "Disease", "draw_diseases"]
