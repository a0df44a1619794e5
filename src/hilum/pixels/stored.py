"""What the stored samples really are: their sign, their true range, what is padding.

Bits Stored is wrong in many files. pydicom 3 then drops the upper bits without a word,
and TorchXRayVision scales a 12-bit image by 16 bits, which makes it nearly black.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.bits import OVERLAY_GROUPS, read_bits
from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.image import ImagePixel
from hilum.values.attributes import element_of, number_of, numbers_of

STRAY_SHARE: Final = 1e-3
"""Share of pixels above Bits Stored that is taken for defects, not for a wrong Bits Stored."""

MARKS: Final = 16
"""Values above Bits Stored that are borders and letters; a wrong Bits Stored leaves many more."""

OVERSHOOT: Final = 1 / 16
"""Share of the range by which lossy coding may exceed it; more means a wrong Bits Stored."""

DETECTOR_BITS: Final = (8, 10, 12, 14, 16)
"""Depths that detectors have; an image that uses fewer bits than it says has one of them."""

UNUSED_BITS: Final = 2
"""Unused bits from which Bits Stored is not believed: the image would use a quarter of it."""

UNUSED_SIGNED_BITS: Final = 4
"""The same for signed images, which may lie around zero because they are faint."""

PADDING_SHARE: Final = 0.95
"""Share of padding above which the padding value is not believed."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredPixels:
    """The samples with their meaning."""

    values: NDArray[np.integer]
    """Shape ``(rows, columns)``, integer; signed where the image is."""
    image: ImagePixel
    """Their description, with the sign that they really have."""
    padding: NDArray[np.bool_] | None
    """Shape ``(rows, columns)``, True where there is no image; None when there is none."""
    least: int
    greatest: int
    """Smallest and largest value of the image itself."""


def interpret(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> StoredPixels:
    """Give unsigned samples their sign and padding.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)``, unsigned, all bits of the container.
    """
    values, image = read_bits(samples, image, dataset, record)
    padding = _padding(values, image, dataset, record)
    seen = values if padding is None else values[~padding]
    stored = StoredPixels(values, image, padding, int(seen.min()), int(seen.max()))
    low, high = declared_range(image)
    if stored.greatest > high or stored.least < low:
        beyond = stored.greatest > high
        record.add(
            "values_above_bits_stored",
            top=stored.greatest if beyond else stored.least,
            limit=high if beyond else low,
            stored=image.bits_stored,
        )
    return stored


def digest(values: NDArray[np.integer]) -> str:
    """Return the SHA-256 of stored values, hexadecimal: what two images must share to be one.

    Shape and sign count; byte order and the width of the container do not, since a
    lossless transcoding may change them.

    Parameters
    ----------
    values
        Shape ``(rows, columns)``, integer, as `interpret` gives them.
    """
    kind, width = values.dtype.kind, max(2, values.dtype.itemsize)
    hashed = hashlib.sha256(f"{kind}{8 * width} {values.shape}".encode())
    hashed.update(np.ascontiguousarray(values, dtype=f"<{kind}{width}").data)
    return hashed.hexdigest()


def declared_range(image: ImagePixel) -> tuple[int, int]:
    """Return the smallest and largest value that Bits Stored allows."""
    if image.signed:
        half = 1 << (image.bits_stored - 1)
        return -half, half - 1
    return 0, (1 << image.bits_stored) - 1


def believed_range(
    stored: StoredPixels, image: ImagePixel, record: DecisionRecord
) -> tuple[int, int]:
    """Return the values that are black and white when no window says so.

    That is what Bits Stored allows, unless the values show that it is wrong.
    """
    if image.signed:
        return _signed_range(stored, image, record)
    return 0, ceiling_of(stored.values, (stored.least, stored.greatest), image.bits_stored, record)


def _padding(
    values: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> NDArray[np.bool_] | None:
    """Return where the padding is, None when there is none (PS3.3 C.7.5.1.1.2)."""
    value = number_of(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = number_of(dataset, "PixelPaddingRangeLimit")
    ends = [_as_stored(int(end), image) for end in (value, value if limit is None else limit)]
    low, high = min(ends), max(ends)
    padding = values == low if low == high else (values >= low) & (values <= high)
    count = int(np.count_nonzero(padding))
    if count == 0:
        return None
    shown = low if low == high else phrase("value_range", low=low, high=high)
    if count > PADDING_SHARE * values.size:
        record.add("padding_ignored", share=count / values.size, value=shown)
        return None
    record.add("padding_blackened", count=count, value=shown)
    return padding


def _as_stored(value: int, image: ImagePixel) -> int:
    """Return a padding value in the sign of the image; its VR is often the other one."""
    span = 1 << image.bits_allocated
    wrapped = value % span
    return wrapped - span if image.signed and wrapped >= span // 2 else wrapped


def ceiling_of(
    values: NDArray[np.integer], extent: tuple[int, int], bits_stored: int, record: DecisionRecord
) -> int:
    """Return the largest value that unsigned pixels can have, by what they do have.

    Parameters
    ----------
    values
        Shape ``(rows, columns)``, unsigned.
    extent
        Smallest and largest value of the image itself.
    bits_stored
        Bits that a sample is said to have.
    record
        Takes the decision when it has others.
    """
    ceiling = (1 << bits_stored) - 1
    least, greatest = extent
    if greatest > ceiling:
        above = values[values > ceiling]
        count = above.size
        few = count <= STRAY_SHARE * values.size or _are_marks(above, ceiling)
        if few or greatest <= ceiling * (1 + OVERSHOOT):
            record.add("stray_values_clipped", count=count, ceiling=ceiling)
            return ceiling
        bits = greatest.bit_length()
        record.add("more_bits_used", bits=bits)
        return (1 << bits) - 1
    bits = detector_bits(greatest)
    if bits > bits_stored - UNUSED_BITS:
        return ceiling
    record.add("fewer_bits_used", stored=bits_stored, bits=bits, low=least, top=greatest)
    return (1 << bits) - 1


def _are_marks(above: NDArray[np.integer], ceiling: int) -> bool:
    """Whether values above the ceiling are a border or letters: few, and apart from the image."""
    return int(above.min()) > 2 * ceiling and np.unique(above).size <= MARKS


def _signed_range(
    stored: StoredPixels, image: ImagePixel, record: DecisionRecord
) -> tuple[int, int]:
    """Return the smallest and largest value that signed pixels can have."""
    low, high = declared_range(image)
    lowest = -stored.least - 1 if stored.least < 0 else 0
    needed = max(max(stored.greatest, 0).bit_length(), lowest.bit_length()) + 1
    used = next((bits for bits in DETECTOR_BITS if bits >= needed), needed)
    if needed > image.bits_stored:
        record.add("more_bits_used", bits=needed)
        low, high = -(1 << (needed - 1)), (1 << (needed - 1)) - 1
    elif stored.least >= 0:
        low, high = 0, min(high, (1 << detector_bits(stored.greatest)) - 1)
    elif used <= image.bits_stored - UNUSED_SIGNED_BITS:
        record.add(
            "fewer_bits_used",
            stored=image.bits_stored,
            bits=used,
            low=stored.least,
            top=stored.greatest,
        )
        low, high = -(1 << (used - 1)), (1 << (used - 1)) - 1
    record.add("signed_pixels", low=low, high=high)
    return low, high


def detector_bits(greatest: int) -> int:
    """Return the smallest usual depth that holds `greatest`."""
    needed = greatest.bit_length()
    return next((bits for bits in DETECTOR_BITS if bits >= needed), needed)


def overlays_beside(dataset: Dataset) -> int:
    """Return how many overlays the dataset has that are not in the pixels' bits."""
    return sum(
        1
        for group in OVERLAY_GROUPS
        if element_of(dataset, (group, 0x3000)) is not None and numbers_of(dataset, (group, 0x0010))
    )
