"""Grey radiographs that are stored in colour: one channel is taken, true colour is refused."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from hilum.dicomfile import DAMAGE
from hilum.errors import RadiographRefused
from hilum.pixels.decisions import Record
from hilum.pixels.image import GREY, PALETTE, ImagePixel
from hilum.verdict import Reason

CHROMA_TOLERANCE: Final = 3 / 255
"""Share of the range by which channels of a grey image differ after lossy compression."""

LUMINANCE_CODED: Final = frozenset({"YBR_FULL", "YBR_FULL_422"})
"""Spaces whose first channel is the grey value, and whose others are 128 in a grey image."""


def to_grey(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: Record
) -> tuple[NDArray[np.integer], int]:
    """Return the grey samples of an image and their bits.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)`` or ``(rows, columns, 3)``, unsigned.
    image
        What the dataset says about them.
    dataset
        For the palette.
    record
        Takes the decision.

    Returns
    -------
    samples
        Shape ``(rows, columns)``, unsigned.
    bits
        Bits Stored of them.

    Raises
    ------
    RadiographRefused
        The image is in colour.
    """
    if image.photometric in GREY:
        return samples, image.bits_stored
    bits = image.bits_stored
    if image.photometric == PALETTE:
        samples, bits = _through_palette(samples, image, dataset)
    luminance_coded = image.photometric in LUMINANCE_CODED and not _decoded_to_rgb(image)
    refuse_colour(samples, bits, image.photometric, luminance_coded=luminance_coded)
    if image.photometric == PALETTE:
        record.add("palette_grey", entries=_palette_entries(dataset))
    else:
        record.add("rgb_grey", photometric=image.photometric)
    return np.ascontiguousarray(samples[..., 0]), bits


def _decoded_to_rgb(image: ImagePixel) -> bool:
    """Whether the decoder has turned luminance and chrominance into RGB: JPEG's does."""
    return (
        image.syntax.is_encapsulated
        and "JPEG" in image.syntax.name
        and ("JPEG-LS" not in image.syntax.name and "2000" not in image.syntax.name)
    )


def refuse_colour(
    samples: NDArray[np.integer], bits: int, photometric: str, *, luminance_coded: bool
) -> None:
    """Refuse an image whose channels differ by more than compression makes them.

    Parameters
    ----------
    samples
        Shape ``(rows, columns, 3)``, unsigned.
    bits
        Bits of a sample.
    photometric
        Name of the colour space, for the reason.
    luminance_coded
        Whether the first channel is grey and the others are chrominance.

    Raises
    ------
    RadiographRefused
        It is in colour.
    """
    tolerance = CHROMA_TOLERANCE * ((1 << bits) - 1)
    if luminance_coded:
        apart = np.abs(samples[..., 1:].astype(np.int64) - (1 << (bits - 1))).max(axis=2)
    else:
        apart = samples.max(axis=2).astype(np.int64) - samples.min(axis=2)
    coloured = int(np.count_nonzero(apart > tolerance))
    if coloured:
        text = f"{coloured:,} pixels are in colour ({photometric})"
        raise RadiographRefused([Reason("colour", text, "PS3.3 C.7.6.3.1.2")])


def _through_palette(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset
) -> tuple[NDArray[np.integer], int]:
    """Return the colours that `samples` point to, shape ``(rows, columns, 3)``."""
    values = samples.view(f"i{samples.dtype.itemsize}") if image.signed else samples
    try:
        colours: NDArray[np.integer] = apply_color_lut(values, dataset)[..., :3]
    except DAMAGE as exc:
        reason = Reason("undecodable", "the palette cannot be applied", "PS3.3 C.7.9")
        raise RadiographRefused([reason]) from exc
    return colours, 8 * colours.dtype.itemsize


def _palette_entries(dataset: Dataset) -> int:
    return int(dataset.RedPaletteColorLookupTableDescriptor[0]) or 1 << 16
