"""What the detector measures, attenuation, scatter, blur and quanta; and what a person is shown."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.patient import Patient, Population
from hilum.phantom.shapes import BAND_RAYS, Canvas, Depth, Tile, beside_each_other, by_bands
from hilum.phantom.texture import smear, soften

SPECTRUM: Final = (
    # share of the quanta; attenuation in 1/mm of soft tissue, and of cortical bone beyond it
    (0.28, 0.0247, 0.0860),
    (0.46, 0.0208, 0.0470),
    (0.26, 0.0181, 0.0300),
)
"""A tube at 120 kV in three energies (about 45, 60 and 85 keV; NIST XCOM, rounded)."""


@dataclass(frozen=True, slots=True)
class Technique:
    """How the image was taken and made ready to be looked at."""

    quanta: float
    """Photons on one mm² of the detector beside the patient."""
    scatter: float
    """Scattered over primary radiation behind a chest of average thickness."""
    blur: float
    """Unsharpness, standard deviation in mm."""
    contrast: float
    detail: float
    balance: float
    """Slope of the tone curve; share of sharpening; share of equalising."""
    brightness: float
    """Shift of the tone curve."""
    look: str
    """``"sigmoid"``, ``"film"`` or ``"straight"``."""
    bits: int
    """Bits Stored."""
    inverted: bool
    """True for MONOCHROME1."""
    lookup: bool
    """True when the tone curve is left to a VOI LUT in the header."""
    modality: str
    """``"DX"`` or ``"CR"``."""
    margins: tuple[float, float, float, float]
    """Collimated away at left, right, top, bottom, as shares of the image."""
    white_border: bool
    """True where the collimated border is shown white, as unprocessed images do."""
    marker: bool
    """True when a lead letter lies on the detector."""
    aspect: float
    """Rows over columns."""
    seed: int
    """Of the quantum noise."""


def draw_technique(rng: np.random.Generator, patient: Patient, population: Population) -> Technique:
    """Return how a detector of `population` takes and shows `patient`."""
    collimated = rng.random() < 0.45  # noqa: PLR2004  a little less than one in two
    margins = rng.uniform(0.005, 0.05, 4) * (rng.random(4) < 0.6) * collimated  # noqa: PLR2004
    return Technique(
        quanta=float(10 ** rng.uniform(*population.quanta)),
        scatter=float(rng.uniform(0.5, 1.2) if patient.view == "AP" else rng.uniform(0.15, 0.6)),
        blur=float(rng.uniform(0.15, 0.45)),
        contrast=float(rng.uniform(*population.contrast)),
        detail=float(rng.uniform(*population.detail)),
        balance=float(rng.uniform(*population.balance)),
        brightness=float(rng.normal(0, 0.035)),
        look=str(rng.choice(population.looks)),
        bits=int(rng.choice(population.bits)),
        inverted=bool(rng.random() < 0.3),  # noqa: PLR2004
        lookup=bool(rng.random() < 0.4),  # noqa: PLR2004
        modality="CR" if rng.random() < 0.35 else "DX",  # noqa: PLR2004
        margins=tuple(float(m) for m in margins),  # type: ignore[arg-type]
        white_border=bool(rng.random() < 0.25),  # noqa: PLR2004
        marker=bool(rng.random() < 0.9),  # noqa: PLR2004
        aspect=float(rng.choice([0.88, 1.0, 1.0, 1.18])),
        seed=int(rng.integers(0, 2**63)),
    )


def quanta(canvas: Canvas, technique: Technique) -> Depth:
    """Return the noise of single photons under a signal of 1, shape of the canvas."""
    return np.random.default_rng(technique.seed).standard_normal(canvas.shape, np.float32)


def expose(
    canvas: Canvas, matter: tuple[Depth, Depth], grain: Depth, technique: Technique
) -> Depth:
    """Return the attenuation that the detector measures, ``-ln(signal)``, unitless.

    Parameters
    ----------
    matter
        Depth of everything as if it were soft tissue, and mineral in mm of cortical bone;
        mm, shape of the canvas.
    grain
        What `quanta` gave; it becomes the result.
    """
    soft, bone = matter
    signal = np.empty_like(soft)

    def attenuate(at: Tile, _: Canvas) -> None:
        here = signal[at]
        here[:] = 0
        for share, of_soft, of_bone in SPECTRUM:
            exponent = soft[at] * np.float32(-of_soft)
            exponent -= bone[at] * np.float32(of_bone)
            np.exp(exponent, out=exponent)
            exponent *= np.float32(share)
            here += exponent

    by_bands(canvas, attenuate)
    # Scatter comes from around: more than the primary behind the mediastinum, less in lungs.
    scattered = smear(np.minimum(signal, np.float32(0.2)), 28.0 / canvas.spacing)
    scattered *= np.float32(technique.scatter)
    signal += scattered
    if technique.blur > 0.3 * canvas.spacing:
        signal = soften(signal, technique.blur / canvas.spacing)
    noise = np.float32(1 / np.sqrt(technique.quanta * canvas.spacing**2))

    def count(at: Tile, _: Canvas) -> None:
        here = grain[at]
        here *= np.sqrt(signal[at])
        here *= noise
        here += signal[at]
        np.maximum(here, np.float32(3e-4), out=here)
        np.log(here, out=here)
        np.negative(here, out=here)

    by_bands(canvas, count)
    return grain


def inside_of(canvas: Canvas, technique: Technique) -> NDArray[np.bool_]:
    """Return where the collimator lets X-rays through, shape of the canvas."""
    rows, columns = canvas.shape
    left, right, top, bottom = technique.margins
    inside = np.zeros((rows, columns), np.bool_)
    inside[
        round(top * rows) : rows - round(bottom * rows),
        round(left * columns) : columns - round(right * columns),
    ] = True
    return inside


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
