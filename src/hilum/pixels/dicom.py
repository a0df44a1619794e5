"""A DICOM image becomes a Radiograph."""

from typing import Final

import numpy as np
from pydicom import Dataset
from pydicom.pixels.utils import pixel_array

from hilum.errors import RadiographRefused
from hilum.pixels.tone import Ramp, Tone
from hilum.radiograph import PixelDecision, PixelPipeline, Radiograph
from hilum.settings import PixelSettings
from hilum.verdict import Reason

PIXEL_GROUP: Final = 0x7FE0
"""Group of Pixel Data, Float Pixel Data and their offset tables."""


def develop(dataset: Dataset, settings: PixelSettings) -> Radiograph:
    """Turn a DICOM image into what the model may see.

    Parameters
    ----------
    dataset
        A whole image, with its Pixel Data read or deferred; not changed.
    settings
        Which pixel pipeline, and the limits.

    Returns
    -------
    Radiograph
        Every decision that the pipeline took is in it.

    Raises
    ------
    RadiographRefused
        The image cannot or may not be turned into pixels; all reasons are named.
    """
    frames = int(dataset.get("NumberOfFrames") or 1)
    reasons = []
    if "PixelData" not in dataset:
        reasons.append(Reason("no_pixels", "the object has no Pixel Data"))
    if frames > 1:
        reasons.append(Reason("multi_frame", f"the image has {frames} frames"))
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if photometric not in {"MONOCHROME1", "MONOCHROME2"}:
        reasons.append(Reason("colour", f"Photometric Interpretation is {photometric!r}"))
    if reasons:
        raise RadiographRefused(reasons)
    try:
        values = pixel_array(dataset, raw=True, correct_unused_bits=False, view_only=True)
    except (AttributeError, ValueError, RuntimeError, NotImplementedError) as exc:
        raise RadiographRefused(
            [Reason("undecodable", f"the pixels cannot be decoded: {type(exc).__name__}")]
        ) from exc
    decisions: list[PixelDecision] = []
    tone: Tone = Ramp(0, 2 ** int(dataset.BitsStored) - 1)
    if settings.pipeline is PixelPipeline.DISPLAY and "WindowWidth" in dataset:
        tone = window(dataset, decisions)
    if photometric == "MONOCHROME1":
        tone = tone.inverted()
        decisions.append(PixelDecision("monochrome1_inverted", "MONOCHROME1: inverted."))
    pixels = tone.render(values)
    return Radiograph(pixels, header_of(dataset), settings.pipeline, tuple(decisions))


def window(dataset: Dataset, decisions: list[PixelDecision]) -> Ramp:
    """Return the ramp of the first LINEAR window (PS3.3 C.11.2.1.2.1)."""
    center, width = (
        float(np.atleast_1d(dataset[keyword].value)[0])
        for keyword in ("WindowCenter", "WindowWidth")
    )
    decisions.append(
        PixelDecision("window_applied", f"Window centre {center:g}, width {width:g} applied.")
    )
    return Ramp(center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2)


def header_of(dataset: Dataset) -> Dataset:
    """Return the attributes without the pixels; elements are shared, not copied."""
    header = Dataset(
        {
            tag: dataset.get_item(tag)
            for tag in dataset.keys()  # noqa: SIM118  a Dataset iterates over its elements
            if tag.group != PIXEL_GROUP
        }
    )
    implicit, little = dataset.original_encoding
    header.set_original_encoding(implicit, little, dataset.original_character_set)
    if hasattr(dataset, "file_meta"):
        header.file_meta = dataset.file_meta
    return header
