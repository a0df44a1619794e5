"""From what the detector measures to what a radiologist is shown."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.exposure import Technique, inside_of
from hilum.phantom.shapes import BAND_RAYS, Canvas, Depth, Tile, beside_each_other, by_bands
from hilum.phantom.texture import smear

STEPS: Final = 4096
"""Entries of a tone curve."""


def equalise(canvas: Canvas, measured: Depth, technique: Technique) -> Depth:
    """Return `measured` on a scale from 0 (lung) to 1 (mediastinum), sharpened and balanced.

    Large structures are flattened by the share `balance`, small ones raised by `detail`,
    as every vendor's processing does in its own words.
    """
    widths = (14.0 / canvas.spacing, max(2.4 / canvas.spacing, 4.0))
    coarse, fine = beside_each_other(lambda width: smear(measured, width), widths)
    shown = np.empty_like(measured)

    def flatten(at: Tile, _: Canvas) -> None:
        here = measured[at]
        np.subtract(here, coarse[at] * np.float32(technique.balance), out=shown[at])
        shown[at] += (here - fine[at]) * np.float32(technique.detail)

    by_bands(canvas, flatten)
    low, high = landmarks(canvas, shown, technique)
    shown -= np.float32(low)
    shown *= np.float32(1 / (high - low))
    return shown


def landmarks(canvas: Canvas, shown: Depth, technique: Technique) -> tuple[float, float]:
    """Return the values of dark lung and of dense mediastinum, found in the middle."""
    rows, columns = canvas.shape
    middle = shown[rows // 8 : rows * 3 // 4 : 4, columns // 6 : columns * 5 // 6 : 4]
    inside = inside_of(canvas, technique)[
        rows // 8 : rows * 3 // 4 : 4, columns // 6 : columns * 5 // 6 : 4
    ]
    low, high = np.percentile(middle[inside], (8, 97))
    return float(low), float(high)


def tone_curve(technique: Technique) -> NDArray[np.float32]:
    """Return brightness in [0, 1] for equalised values from -0.5 to 1.5, shape ``(STEPS,)``."""
    value = np.linspace(-0.5, 1.5, STEPS)
    place = (value - 0.5) * technique.contrast + 0.5 + technique.brightness
    if technique.look == "straight":
        curve = np.clip(0.13 + 0.7 * place, 0, 1)
    elif technique.look == "film":
        curve = np.clip(0.5 + 0.5 * np.tanh(2.0 * (place - 0.47)), 0, 1) ** 1.1
    else:
        curve = 1 / (1 + np.exp(-4.2 * (place - 0.5)))
    return curve.astype(np.float32)


def apply_curve(shown: Depth, curve: NDArray[np.float32]) -> Depth:
    """Return the brightness of equalised values, in [0, 1]."""
    picture = np.empty(shown.shape, np.float32)
    height = max(BAND_RAYS // shown.shape[1], 1)
    for first in range(0, len(shown), height):
        rows = slice(first, first + height)
        np.take(curve, curve_index(shown[rows]), out=picture[rows])
    return picture


def curve_index(shown: Depth) -> NDArray[np.uint16]:
    """Return the entry of a tone curve that each equalised value belongs to."""
    place = (shown + np.float32(0.5)) * np.float32((STEPS - 1) / 2)
    np.clip(place, 0, STEPS - 1, out=place)
    entries: NDArray[np.uint16] = np.rint(place, out=place).astype(np.uint16)
    return entries
