"""Grey radiographs that are stored in colour: one channel is taken, true colour is refused."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.image import GREY, PALETTE, ImagePixel
from hilum.pixels.palette import through_palette

CHROMA_TOLERANCE: Final = 3 / 255
"""Share of the range by which channels of a grey image differ after lossy compression."""

LUMINANCE_CODED: Final = frozenset({"YBR_FULL", "YBR_FULL_422"})
"""Spaces whose first channel is the grey value, and whose others are 128 in a grey image."""

NARROW: Final = frozenset({"YBR_PARTIAL_420", "YBR_PARTIAL_422"})
"""Spaces in which 16 is black and 235 is white; codestreams of still images have none of them."""


def to_grey(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> tuple[NDArray[np.integer], ImagePixel]:
    """Return the grey samples of an image and their description.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)`` or ``(rows, columns, 3)``, unsigned.

    Returns
    -------
    samples
        Shape ``(rows, columns)``, unsigned.
    image
        Their description; what a palette gives has no sign.

    Raises
    ------
    RadiographRefused
        The image is in colour.
    """
    if image.photometric in GREY:
        return samples, image
    if image.photometric == PALETTE:
        channels, bits = through_palette(samples, image, dataset, record)
        refuse_colour(channels, bits, image.photometric, record)
        grey = replace(image, bits_allocated=16, bits_stored=bits, high_bit=bits - 1, signed=False)
        return np.ascontiguousarray(channels[..., 0]), grey
    bits = image.bits_stored
    narrow = image.photometric in NARROW
    luminance_said = image.photometric in LUMINANCE_CODED or (
        narrow and image.syntax.is_encapsulated
    )
    if _coloured(samples, bits, luminance_coded=luminance_said):
        if narrow or _coloured(samples, bits, luminance_coded=not luminance_said):
            refuse_colour(samples, bits, image.photometric, record, luminance_coded=luminance_said)
        found = "RGB" if luminance_said else "YBR_FULL"
        record.add("colour_space_wrong", said=image.photometric, found=found)
    record.add("rgb_grey", photometric=image.photometric)
    return np.ascontiguousarray(samples[..., 0]), image


def refuse_colour(
    samples: NDArray[np.integer],
    bits: int,
    photometric: str,
    record: DecisionRecord,
    *,
    luminance_coded: bool = False,
) -> None:
    """Refuse an image whose channels differ by more than compression makes them.

    Parameters
    ----------
    samples
        Shape ``(rows, columns, 3)``, unsigned.
    photometric
        Name of the colour space, for the reason.
    luminance_coded
        Whether the first channel is grey and the others are chrominance.

    Raises
    ------
    RadiographRefused
        It is in colour.
    """
    coloured = _coloured(samples, bits, luminance_coded=luminance_coded)
    if coloured:
        source = "PS3.3 C.7.6.3.1.2"
        raise record.refusal("colour", source, count=coloured, photometric=photometric)


def _coloured(samples: NDArray[np.integer], bits: int, *, luminance_coded: bool) -> int:
    """Return how many pixels are in colour, by more than compression leaves."""
    tolerance = CHROMA_TOLERANCE * ((1 << bits) - 1)
    if luminance_coded:
        apart = np.abs(samples[..., 1:].astype(np.int64) - (1 << (bits - 1))).max(axis=2)
    else:
        apart = samples.max(axis=2).astype(np.int64) - samples.min(axis=2)
    return int(np.count_nonzero(apart > tolerance))
