"""Invented readings: findings and activation maps made up for the tests."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.radiograph import FieldOfView, PixelPipeline, Radiograph
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading

CELLS = 7
"""Side of the feature map of a 224-pixel network."""

LABELS = (
    "Atelectasis",
    "Consolidation",
    "Infiltration",
    "Pneumothorax",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Effusion",
    "Pneumonia",
    "Pleural_Thickening",
    "Cardiomegaly",
    "Nodule",
    "Mass",
    "Hernia",
    "Lung Lesion",
    "Fracture",
    "Lung Opacity",
    "Enlarged Cardiomediastinum",
)

MODEL = ModelIdentity("densenet121-res224-all", "1.0", "ab" * 32, True, False, 224)


def centre_crop(rows: int, columns: int) -> FieldOfView:
    """Return the square in the middle that the network sees."""
    side = min(rows, columns)
    return FieldOfView((rows - side) // 2, (columns - side) // 2, side, side)


def bump(
    row: float, column: float, *, sigma: float = 0.9, peak: float = 6.0, cells: int = CELLS
) -> NDArray[np.float32]:
    """Return a map with one peak, shape ``(cells, cells)``, at a cell's coordinates."""
    y, x = np.mgrid[0:cells, 0:cells]
    distance = (y - row) ** 2 + (x - column) ** 2
    return (peak * np.exp(-distance / (2 * sigma**2)) - 0.5).astype(np.float32)


def flat(rows: int, columns: int) -> Radiograph:
    """Return a grey radiograph without a header."""
    return Radiograph(np.zeros((rows, columns), np.float32), None, PixelPipeline.DISPLAY)


@cache
def real_chest(path: str) -> Radiograph:
    """Return the real radiograph as its window shows it, bone bright."""
    source = pydicom.dcmread(path)
    low = float(source.WindowCenter) - float(source.WindowWidth) / 2
    shown = np.clip((source.pixel_array - low) / float(source.WindowWidth), 0.0, 1.0)
    del source.PixelData
    return Radiograph((1024 - 2048 * shown).astype(np.float32), source, PixelPipeline.DISPLAY)


def make_reading(
    radiograph: Radiograph | None = None,
    scores: Mapping[str, float] | None = None,
    maps: Mapping[str, NDArray[np.float32]] | None = None,
    model: ModelIdentity = MODEL,
    warnings: tuple[Reason, ...] = (),
) -> Reading:
    """Return a reading: scores and maps for some labels, the rest negative."""
    radiograph = radiograph or flat(300, 200)
    scores, maps = scores or {}, maps or {}
    field = centre_crop(radiograph.rows, radiograph.columns)
    findings, heatmaps = [], []
    for label, low in zip(LABELS, np.linspace(0.04, 0.46, len(LABELS)), strict=True):
        score = scores.get(label, float(low))
        findings.append(Finding(label, score * 0.6, 0.3, score))
        heatmaps.append(Heatmap(label, maps.get(label, bump(3, 3)), field))
    return Reading(radiograph, model, tuple(findings), tuple(heatmaps), warnings)


def radiograph_of(dataset: Dataset) -> Radiograph:
    """Return a grey radiograph of a DICOM image's size, with its header."""
    header = Dataset()
    header.update({element.tag: element for element in dataset if element.keyword != "PixelData"})
    pixels = np.zeros((int(dataset.Rows), int(dataset.Columns)), np.float32)
    return Radiograph(pixels, header, PixelPipeline.DISPLAY)
