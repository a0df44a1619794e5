"""First step of the display: stored values become what the modality measured (PS3.3 C.11.1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.image import ImagePixel
from hilum.pixels.lookup import Lookup, LookupInvalid, read_lookup
from hilum.pixels.repairs import note_numbers
from hilum.values.attributes import items_of, number_of


@dataclass(frozen=True, slots=True)
class ModalityTransform:
    """Rescale slope and intercept, or the Modality LUT that stands for them."""

    slope: float = 1.0
    intercept: float = 0.0
    """Of the straight line; 1 and 0 when there is none. Slope is never 0."""
    lookup: Lookup | None = None
    """The table, None when a line it is."""

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the stored `values`, of any shape, stand for."""
        if self.lookup is not None:
            return self.lookup.apply(values)
        return values * self.slope + self.intercept

    def stored(self, value: float) -> float:
        """Return the stored value that stands for `value`; only of a straight line."""
        return (value - self.intercept) / self.slope


def read_modality(dataset: Dataset, image: ImagePixel, record: DecisionRecord) -> ModalityTransform:
    """Return the first step, the identity when there is none that can be used."""
    for item in items_of(dataset, "ModalityLUTSequence")[:1]:
        try:
            lookup = read_lookup(
                item,
                phrase("modality_lut"),
                record,
                signed_input=image.signed,
                little_endian=image.little_endian,
            )
        except LookupInvalid as exc:
            record.add("modality_lut_invalid", why=exc.why)
            continue
        record.add("modality_lut_applied", entries=len(lookup.entries), bits=lookup.bits)
        return ModalityTransform(lookup=lookup)
    note_numbers(dataset, ("RescaleSlope", "RescaleIntercept"), record)
    slope = number_of(dataset, "RescaleSlope")
    intercept = number_of(dataset, "RescaleIntercept")
    slope = 1.0 if slope is None else slope
    intercept = 0.0 if intercept is None else intercept
    if slope == 0:
        record.add("rescale_invalid", slope=slope)
        return ModalityTransform()
    if (slope, intercept) != (1.0, 0.0):
        record.add("rescale_applied", slope=slope, intercept=intercept)
    return ModalityTransform(slope, intercept)
