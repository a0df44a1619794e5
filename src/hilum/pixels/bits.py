"""Which bits of a sample are the image, and whether they have a sign.

The header says it, and the picture shows whether it is right: of two readings of the same bits
the one in which neighbours jump is wrong where they are alike in the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.image import ImagePixel
from hilum.pixels.smoothness import bands, disproved, other_sign, shows
from hilum.values.attributes import element_of, number_of

OVERLAY_GROUPS: Final = range(0x6000, 0x6020, 2)
"""Repeating groups of the Overlay Plane module (PS3.3 C.9.2)."""


@dataclass(frozen=True, slots=True)
class SampleReading:
    """One way to read the samples."""

    of: Callable[[NDArray[np.integer]], NDArray[np.integer]]
    """Samples, unsigned of any shape → what they stand for, signed where the reading is."""
    code: str = ""
    """Decision that is recorded when it is chosen, none when empty."""
    signs: bool = False
    """Whether it has another sign than the header says."""


def read_bits(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> tuple[NDArray[np.integer], ImagePixel]:
    """Return what samples stand for: without what is not image, and with their sign.

    Parameters
    ----------
    samples
        Shape ``(rows, columns)``, unsigned, all bits of the container.

    Returns
    -------
    values
        Shape ``(rows, columns)``, signed where the image is.
    image
        The description, with the sign that they really have.
    """
    samples = _used_bits(samples, image, dataset, record)
    readings = _signed(samples, image) if image.signed else _unsigned(samples, image)
    chosen, *others = readings
    if not shows(samples):
        others = [other for other in others if not (other.signs or other.code)]
    span = 1 << image.bits_stored
    seen = bands(samples) if len(others) == 1 else samples[None]  # rare, and edges may be few
    said = chosen.of(seen)
    for other in others:
        wrong = other_sign if other.signs else disproved
        if wrong(said, other.of(seen), span):
            chosen = other
            break
    values = chosen.of(samples)
    signed = values.dtype.kind == "i"
    if signed != image.signed:
        record.add("sign_found" if signed else "sign_ignored")
    if chosen.code:
        record.add(chosen.code, stored=image.bits_stored)
    return values, replace(image, signed=signed)


def _unsigned(samples: NDArray[np.integer], image: ImagePixel) -> list[SampleReading]:
    """Return how unsigned samples can be read: as said, all bits kept, is the first."""
    as_said = SampleReading(lambda stored: stored)
    greatest = int(samples.max())
    if greatest >= 1 << image.bits_stored:
        without = SampleReading(partial(_masked, bits=image.bits_stored), "upper_bits_removed")
        if int(samples.min()) >> image.bits_stored == greatest >> image.bits_stored:
            return [without]  # the same in all pixels
        return [as_said, SampleReading(_whole, signs=True), without]
    if greatest >= 1 << (image.bits_stored - 1):
        return [as_said, SampleReading(partial(_extended, bits=image.bits_stored), signs=True)]
    return [as_said]


def _signed(samples: NDArray[np.integer], image: ImagePixel) -> list[SampleReading]:
    """Return how signed samples can be read: with the sign of Bits Stored is the first."""
    extended = partial(_extended, bits=image.bits_stored)
    unsigned = SampleReading(lambda stored: stored, signs=True)
    if image.bits_stored == image.bits_allocated:
        return [SampleReading(_whole), unsigned]
    if np.array_equal(_whole(samples), extended(samples)):
        return [SampleReading(_whole)]
    restored = SampleReading(extended, "sign_extended")
    if int(samples.max()) < 1 << image.bits_stored:
        return [restored, unsigned]
    return [restored, SampleReading(_whole)]


def _whole(samples: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return samples with the sign of their container."""
    return samples.view(f"i{samples.dtype.itemsize}")


def _masked(samples: NDArray[np.integer], bits: int) -> NDArray[np.integer]:
    """Return samples without what lies above `bits`."""
    return samples & np.array((1 << bits) - 1, samples.dtype)


def _extended(samples: NDArray[np.integer], bits: int) -> NDArray[np.integer]:
    """Return samples with the sign that `bits` says, whatever lies above it."""
    sign = np.array(1 << (bits - 1), samples.dtype)
    return _whole((_masked(samples, bits) ^ sign) - sign)


def _used_bits(
    samples: NDArray[np.integer], image: ImagePixel, dataset: Dataset, record: DecisionRecord
) -> NDArray[np.integer]:
    """Remove what the header says is not image: bits below the image's, overlays above them."""
    ceiling = (1 << image.bits_stored) - 1
    shift = image.high_bit + 1 - image.bits_stored
    if int(samples.max()) <= ceiling:
        if shift > 0:
            record.add("high_bit_ignored", high_bit=image.high_bit, stored=image.bits_stored)
        return samples
    if shift > 0 and image.high_bit < image.bits_allocated and not image.syntax.is_encapsulated:
        record.add(
            "high_bit_shifted", high_bit=image.high_bit, stored=image.bits_stored, shift=shift
        )
        return _masked(samples >> shift, image.bits_stored)
    if _has_embedded_overlay(dataset, image.bits_stored):
        record.add("overlay_bits_removed", stored=image.bits_stored)
        return _masked(samples, image.bits_stored)
    return samples


def _has_embedded_overlay(dataset: Dataset, bits_stored: int) -> bool:
    """Whether an overlay lies in the unused bits of the pixels (retired in 2004)."""
    for group in OVERLAY_GROUPS:
        position = number_of(dataset, (group, 0x0102))
        own_data = element_of(dataset, (group, 0x3000)) is not None
        if position is not None and position >= bits_stored and not own_data:
            return True
    return False
