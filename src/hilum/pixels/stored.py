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

from hilum.pixels.attributes import element_of, number_of, numbers_of
from hilum.pixels.decisions import Record
from hilum.pixels.image import ImagePixel

STRAY_SHARE: Final = 1e-3
"""Share of pixels above Bits Stored that is taken for defects, not for a wrong Bits Stored."""

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

OVERLAY_GROUPS: Final = range(0x6000, 0x6020, 2)
"""Repeating groups of the Overlay Plane module (PS3.3 C.9.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The samples with their meaning.

    Attributes
    ----------
    values
        Shape ``(rows, columns)``, integer; signed where the image is.
    padding
        Shape ``(rows, columns)``, True where there is no image; None when there is none.
    least, greatest
        Smallest and largest value of the image itself.
    """

    values: NDArray[np.integer]
    padding: NDArray[np.bool_] | None
    least: int
    greatest: int


def interpret(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: Record
) -> Stored:
    """Give unsigned samples their sign and padding.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)``, unsigned, all bits of the container.
    image
        What the dataset says about them.
    dataset
        For overlays and padding.
    record
        Takes the decisions.
    """
    values = _used_bits(samples, image, dataset, record)
    if image.signed:
        values = _signed(values, image, record)
    padding = _padding(values, image, dataset, record)
    seen = values if padding is None else values[~padding]
    stored = Stored(values, padding, int(seen.min()), int(seen.max()))
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


def believed_range(stored: Stored, image: ImagePixel, record: Record) -> tuple[int, int]:
    """Return the values that are black and white when no window says so.

    That is what Bits Stored allows, unless the values show that it is wrong.
    """
    if image.signed:
        return _signed_range(stored, image, record)
    return 0, _ceiling(stored, image, record)


def _used_bits(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: Record
) -> NDArray[np.integer]:
    """Remove what is not image: bits below the image's, and overlays above them."""
    ceiling = (1 << image.bits_stored) - 1
    if int(samples.max()) <= ceiling:
        return samples
    shift = image.high_bit + 1 - image.bits_stored
    if shift > 0 and image.high_bit < image.bits_allocated and not image.syntax.is_encapsulated:
        record.add(
            "high_bit_shifted", high_bit=image.high_bit, stored=image.bits_stored, shift=shift
        )
        return (samples >> shift) & np.array(ceiling, samples.dtype)
    if _has_embedded_overlay(dataset, image.bits_stored):
        record.add("overlay_bits_removed", stored=image.bits_stored)
        return samples & np.array(ceiling, samples.dtype)
    return samples


def _has_embedded_overlay(dataset: Dataset, bits_stored: int) -> bool:
    """Whether an overlay lies in the unused bits of the pixels (retired in 2004)."""
    for group in OVERLAY_GROUPS:
        position = number_of(dataset, (group, 0x0102))
        own_data = element_of(dataset, (group, 0x3000)) is not None
        if position is not None and position >= bits_stored and not own_data:
            return True
    return False


def _signed(samples: NDArray[np.integer], image: ImagePixel, record: Record) -> NDArray[np.integer]:
    """Return two's complement samples as signed integers."""
    whole = samples.view(f"i{samples.dtype.itemsize}")
    half = 1 << (image.bits_stored - 1)
    if int(samples.max()) >= 2 * half or image.bits_stored == image.bits_allocated:
        return whole  # the sign reaches into the unused bits, as it should
    if int(samples.max()) < half:
        return whole  # no negative value
    record.add("sign_extended", stored=image.bits_stored)
    sign = np.array(half, samples.dtype)
    return ((samples ^ sign) - sign).view(whole.dtype)


def _padding(
    values: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: Record
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
    shown = str(low) if low == high else f"{low} to {high}"
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


def _ceiling(stored: Stored, image: ImagePixel, record: Record) -> int:
    """Return the largest value that unsigned pixels can have, by what they do have."""
    ceiling = declared_range(image)[1]
    if stored.greatest > ceiling:
        count = int(np.count_nonzero(stored.values > ceiling))
        few = count <= STRAY_SHARE * stored.values.size
        if few or stored.greatest <= ceiling * (1 + OVERSHOOT):
            record.add("stray_values_clipped", count=count, ceiling=ceiling)
            return ceiling
        bits = stored.greatest.bit_length()
        record.add("more_bits_used", bits=bits)
        return (1 << bits) - 1
    bits = detector_bits(stored.greatest)
    if bits > image.bits_stored - UNUSED_BITS:
        return ceiling
    record.add(
        "fewer_bits_used",
        stored=image.bits_stored,
        bits=bits,
        low=stored.least,
        top=stored.greatest,
    )
    return (1 << bits) - 1


def _signed_range(stored: Stored, image: ImagePixel, record: Record) -> tuple[int, int]:
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
