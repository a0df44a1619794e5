"""Second step of the display: which values are shown, and how (PS3.3 C.11.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.image import ImagePixel
from hilum.pixels.lookup import Lookup, LookupInvalid, read_lookup
from hilum.pixels.modality import ModalityTransform
from hilum.pixels.repairs import note_numbers
from hilum.pixels.tone import Curve, Ramp, Tone
from hilum.values.attributes import items_of, places_of, text_of, values_of

STEEPEST: Final = 700.0
"""Exponent beyond which float64 overflows; a sigmoid is 0 or 1 long before."""

MOST_TRIED: Final = 16
"""Windows, and VOI LUTs, of one image that are tried; a header may hold thousands."""


class WindowFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center and Window Width with their function."""

    center: float
    width: float
    """In units of the modality's output."""
    function: WindowFunction
    """How values become brightness."""

    @property
    def usable(self) -> bool:
        """Whether the standard allows this width."""
        least = 1 if self.function is WindowFunction.LINEAR else 0
        return self.width >= least if least else self.width > 0

    def ends(self) -> tuple[float, float]:
        """Return the values shown black and white; not of a sigmoid."""
        if self.function is WindowFunction.LINEAR_EXACT:
            return self.center - self.width / 2, self.center + self.width / 2
        low = self.center - 0.5 - (self.width - 1) / 2
        return low, low + self.width - 1

    def tone(self, modality: ModalityTransform) -> Tone:
        """Return brightness as a function of the stored value."""
        if self.function is WindowFunction.SIGMOID:
            return Curve(lambda stored: self._sigmoid(modality.apply(stored)))
        black, white = self.ends()
        if black == white:
            return Curve(lambda stored: (modality.apply(stored) > black).astype(np.float64))
        if modality.lookup is None:
            return Ramp(modality.stored(black), modality.stored(white))
        return Curve(
            lambda stored: np.clip((modality.apply(stored) - black) / (white - black), 0, 1)
        )

    def _sigmoid(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        exponent = np.clip(-4 * (values - self.center) / self.width, -STEEPEST, STEEPEST)
        return 1 / (1 + np.exp(exponent))


@dataclass(frozen=True, slots=True)
class Voi:
    """One VOI LUT or window that can be used."""

    tone: Tone
    """Brightness as a function of the stored value."""
    kind: str
    """``"voi_lut"`` or ``"window"``: the beginning of the codes of its decisions."""
    facts: Mapping[str, object]
    """What their texts name."""
    window: Window | None = None
    """None of a VOI LUT."""
    name: str = ""
    """Its explanation, empty where there is none."""


def read_vois(
    dataset: Dataset, modality: ModalityTransform, image: ImagePixel, record: DecisionRecord
) -> Iterator[Voi]:
    """Yield each VOI that can be used, in the order in which they are tried.

    A VOI LUT goes before windows, as in pydicom and most viewers.
    """
    tables = items_of(dataset, "VOILUTSequence")
    for number, item in enumerate(tables[:MOST_TRIED], 1):
        try:
            lookup = read_lookup(
                item,
                phrase("voi_lut", number=number),
                record,
                signed_input=image.signed or modality.intercept < 0,
                little_endian=image.little_endian,
            )
        except LookupInvalid as exc:
            record.add("voi_lut_invalid", number=number, why=exc.why)
            continue
        entries, bits = len(lookup.entries), lookup.bits
        facts = {"number": number, "count": len(tables), "entries": entries, "bits": bits}
        name = next(iter(_texts(item, "LUTExplanation")), "")
        yield Voi(_table_tone(lookup, modality), "voi_lut", facts, name=name)
    yield from _read_windows(dataset, modality, record)


def _table_tone(lookup: Lookup, modality: ModalityTransform) -> Curve:
    return Curve(lambda stored: lookup.apply(modality.apply(stored)) / lookup.top)


def _read_windows(
    dataset: Dataset, modality: ModalityTransform, record: DecisionRecord
) -> Iterator[Voi]:
    windows = windows_of(dataset)
    names = _texts(dataset, "WindowCenterWidthExplanation")
    note_numbers(dataset, ("WindowCenter", "WindowWidth"), record)
    for number, window in enumerate(windows[:MOST_TRIED], 1):
        if window is None:
            continue
        facts = {
            "number": number,
            "count": len(windows),
            "center": window.center,
            "width": window.width,
            "function": window.function,
        }
        if window.usable:
            name = names[number - 1] if number <= len(names) else ""
            yield Voi(window.tone(modality), "window", facts, window, name)
        else:
            record.add("window_invalid", **facts)


def _texts(dataset: Dataset, keyword: str) -> list[str]:
    return [str(value).strip(" \0") for value in values_of(dataset, keyword)]


def windows_of(dataset: Dataset) -> list[Window | None]:
    """Return every window of a dataset in its place, usable or not, None where it is no number."""
    said = text_of(dataset, "VOILUTFunction").replace(" ", "_")
    known = said in set(WindowFunction)
    function = WindowFunction(said) if known else WindowFunction.LINEAR
    centers, widths = (places_of(dataset, k).values for k in ("WindowCenter", "WindowWidth"))
    return [
        None if center is None or width is None else Window(center, width, function)
        for center, width in zip(centers, widths, strict=False)
    ]


def voi_count(dataset: Dataset) -> int:
    """Return how many VOI LUTs and windows a dataset has."""
    return len(items_of(dataset, "VOILUTSequence")) + len(windows_of(dataset))
