"""An image in its own units, for a viewer: what each pixel stands for, and how it may be shown.

Sources
-------
PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), 10.7.1.3 (spacing and its calibration).
"""

import base64
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.clipping import loss_by
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.dicom import Display, display_of, read_turn, shown_inverted, stored_pixels
from hilum.pixels.image import GREY
from hilum.pixels.modality import ModalityTransform
from hilum.pixels.stored import StoredPixels
from hilum.pixels.surroundings import shuttered
from hilum.pixels.tone import Ramp, Tone, present
from hilum.pixels.voi import Voi, Window, WindowFunction, read_vois
from hilum.radiograph import Turn, directions
from hilum.settings import PixelSettings
from hilum.values.attributes import number_of, numbers_of, text_of, values_of
from hilum.values.numbers import SPACINGS, read_spacing
from hilum.values.quoting import quoted

LARGEST: Final = 1e12
"""Of the image's units, either way: more than any detector's, and exact in a browser."""

MOST: Final = (1 << 16) - 1
"""Largest code of a pixel."""

WORD: Final = 2
"""Bytes of a sample that fits in 16 bits."""

STEP: Final = 4
"""Of so many pixels along each axis one is counted for the windows of lung and bone."""

LUNG, BONE = (0.02, 0.7), (0.3, 0.995)
"""Shares of the pixels, from the darkest, between which these windows of a radiograph lie."""

HOUNSFIELD: Final = {
    "lung": (-600.0, 1500.0),
    "mediastinum": (50.0, 400.0),
    "bone": (400.0, 1800.0),
}
"""Center and width of the usual windows, where the units are Hounsfield's."""

MOST_MAGNIFIED: Final = 5.0
"""Estimated magnification that is believed at most; that of a chest is 1.0 to 1.3."""

STRETCH: Final = 4.0
"""How much longer than wide, or wider than long, pixels are believed to be."""

NO_UNIT: Final = frozenset({"", "US", "UNSPECIFIED"})
"""Rescale Types that name none (PS3.3 C.11.1.1.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewerImage:
    """One image for a viewer."""

    codes: NDArray[np.uint16]
    """Shape ``(rows, columns)``. A pixel's value is ``facts["slope"] * code + facts["intercept"]``
    in the image's units, after the Modality LUT."""
    shown: NDArray[np.uint8]
    """The same shape, as the image is displayed at first."""
    turn: Turn
    """What brings both upright."""
    facts: dict[str, Any]
    """What the viewer is told beside the pixels, for JSON; ``stage.js`` reads it.

    ``presets`` are windows (``center``, ``width``, ``function``) and VOI LUTs (``table``: a byte of
    brightness for each code, base64), first that which is applied. ``hidden`` says whether code 0
    is what padding and shutters hide.
    """


@dataclass(frozen=True, slots=True)
class _Codes:
    """Which code stands for a stored value."""

    modality: ModalityTransform
    low: int
    """Of what is coded: stored values, or what a Modality LUT makes of them."""
    step: int
    first: int

    @classmethod
    def of(cls, modality: ModalityTransform, ends: tuple[int, int], *, hidden: bool) -> "_Codes":
        """Return the codes for values from one end to the other; the 0 is kept for `hidden`."""
        low, high = ends
        if modality.lookup is not None:
            low, high = (int(end(modality.lookup.entries)) for end in (np.min, np.max))
        step = max(1, -(-(high - low) // (MOST - hidden)))
        return cls(modality, low, step, int(hidden))

    def __call__(self, stored: NDArray[np.integer]) -> NDArray[np.uint16]:
        """Return the codes of stored values."""
        wide = stored.dtype.itemsize > WORD
        values: NDArray[Any] = stored.astype(np.int64 if wide else np.int32)
        if self.modality.lookup is not None:
            values = self.modality.lookup.apply(values.astype(np.float64)).astype(np.int32)
        values -= self.low
        if self.step > 1:
            values //= self.step
        return (values + self.first).clip(self.first, MOST).astype(np.uint16)

    @property
    def line(self) -> tuple[float, float]:
        """Slope and intercept from code to unit."""
        slope, intercept = (
            (1.0, 0.0) if self.modality.lookup else (self.modality.slope, self.modality.intercept)
        )
        return slope * self.step, slope * (self.low - self.first * self.step) + intercept


def viewer_image(dataset: Dataset, settings: PixelSettings) -> ViewerImage:
    """Return an image in its own units.

    Raises
    ------
    RadiographRefused
        It has no pixels that can be shown.
    """
    record = DecisionRecord()
    _, stored = stored_pixels(dataset, settings, record)
    display = _in_bounds(display_of(dataset, stored, settings, record), stored)
    inverted = shown_inverted(dataset, stored.image, record)
    shutter = shuttered(dataset, stored.image)
    masks = [mask for mask in (stored.padding, shutter) if mask is not None]
    ends = stored.least, stored.greatest
    code = _Codes.of(display.modality, ends, hidden=bool(masks))
    codes = code(stored.values)
    for mask in masks:
        codes[mask] = 0
    every = np.arange(stored.least, stored.greatest + 1, code.step)

    def shades(tone: Tone) -> NDArray[np.uint8]:
        table = np.zeros(int(codes.max()) + 1, np.uint8)
        of = code(every)
        kept = of < table.size
        table[of[kept]] = present(tone.render(every[None]))[0][kept]
        return table

    tone = display.tone.inverted() if inverted else display.tone
    table = shades(tone)
    if masks:
        table[0] = 0
    slope, intercept = code.line
    unit = _unit(dataset)
    presets = [
        _default(display),
        *_others(dataset, stored, display, settings),
        *_usual(unit, codes, (slope, intercept), inverted=inverted, hidden=bool(masks)),
    ]
    for preset in presets:
        if "table" in preset:
            preset["table"] = base64.b64encode(shades(preset["table"]).tobytes()).decode()
    turn = read_turn(dataset, record)
    facts = {
        "rows": stored.image.rows,
        "columns": stored.image.columns,
        "slope": slope,
        "intercept": intercept,
        "step": code.step,
        "hidden": bool(masks),
        "inverted": inverted,
        "unit": unit,
        "presets": presets,
        "turn": [turn.transposed, turn.rows_reversed, turn.columns_reversed],
        **_place(dataset),
        **_scale(dataset),
    }
    return ViewerImage(codes, table[codes], turn, facts)


def _in_bounds(display: Display, stored: StoredPixels) -> Display:
    """Return it without units where a rescale makes numbers that no browser computes with."""
    ends = np.array([stored.least, stored.greatest], np.float64)
    with np.errstate(all="ignore"):
        sane = bool(np.all(np.abs(display.modality.apply(ends)) < LARGEST))
    return display if sane else Display(display.tone, ModalityTransform(), None)


def _default(display: Display) -> dict[str, Any]:
    """Return what is applied first: the VOI that the image is read with, or its whole range."""
    if display.voi is not None:
        return _voi(display.voi, "default")
    modality, tone = display.modality, display.tone
    if modality.lookup is not None:
        return _between("default", 0, modality.lookup.top)
    if isinstance(tone, Ramp) and abs(tone.black) + abs(tone.white) < LARGEST:
        ends = modality.apply(np.array([tone.black, tone.white], np.float64))
        return _between("default", *map(float, ends))
    return {"code": "default", "table": tone, "name": ""}


def _others(
    dataset: Dataset, stored: StoredPixels, display: Display, settings: PixelSettings
) -> Iterator[dict[str, Any]]:
    """Yield the image's other VOI LUTs and windows that leave something to see."""
    if stored.image.photometric not in GREY:
        return
    for voi in read_vois(dataset, display.modality, stored.image, DecisionRecord()):
        same = display.voi is not None and voi.facts == display.voi.facts
        if not same and loss_by(voi.tone, stored).bearable(settings):
            yield _voi(voi, "other")


def _voi(voi: Voi, code: str) -> dict[str, Any]:
    number = voi.facts["number"]
    if voi.window is None:
        return {"code": code, "number": number, "table": voi.tone, "name": voi.name}
    return {**_window(code, voi.window), "number": number, "name": voi.name}


def _window(code: str, window: Window) -> dict[str, Any]:
    return {"code": code, **asdict(window)}


def _usual(
    unit: str,
    codes: NDArray[np.uint16],
    line: tuple[float, float],
    *,
    inverted: bool,
    hidden: bool,
) -> Iterator[dict[str, Any]]:
    """Yield windows of lung and bone, and the range of what is in the image.

    A radiograph has no units in which lung is the same in two images: there they are shares of its
    own pixels, ranked by brightness.
    """
    if unit == "HU":
        for code, (center, width) in HOUNSFIELD.items():
            yield _window(code, Window(center, width, WindowFunction.LINEAR))
    counts = np.bincount(codes[::STEP, ::STEP].ravel())
    if hidden:
        counts[0] = 0
    shares = np.cumsum(counts) / max(1, counts.sum())
    slope, intercept = line
    rising = (slope > 0) != inverted

    def at(share: float) -> float:
        code = int(np.searchsorted(shares, share if rising else 1 - share))
        return float(slope * min(code, shares.size - 1) + intercept)

    if unit != "HU":
        for code, (dark, bright) in (("lung", LUNG), ("bone", BONE)):
            if at(dark) != at(bright):
                yield _between(code, at(dark), at(bright))
    ends = np.min(codes, where=codes >= hidden, initial=MOST), np.max(codes)
    yield _between("full", *(slope * float(end) + intercept for end in ends))


def _between(code: str, one: float, other: float) -> dict[str, Any]:
    """Return a window that is black at one value and white at the other, whichever is larger."""
    low, high = sorted((one, other))
    width = (high - low) or 1.0
    return _window(code, Window((low + high) / 2, width, WindowFunction.LINEAR_EXACT))


def _unit(dataset: Dataset) -> str:
    """Return what the values are in, empty where nobody says."""
    said = text_of(dataset, "RescaleType")
    if said in NO_UNIT:
        return "HU" if text_of(dataset, "Modality") == "CT" else ""
    return quoted(said)


def _place(dataset: Dataset) -> dict[str, Any]:
    """Return where in the patient the image lies, as far as it says so."""
    said = directions([str(value) for value in values_of(dataset, "PatientOrientation")])
    side = text_of(dataset, "ImageLaterality") or text_of(dataset, "Laterality")
    return {
        "orientation": said if Turn.stated(said) else [],
        "laterality": side if side in {"L", "R", "B"} else "",
        "view": quoted(text_of(dataset, "ViewPosition")),
    }


def _scale(dataset: Dataset) -> dict[str, Any]:
    """Return the distance of rows and columns in mm and where it holds; nothing when none is said.

    ``kind`` is ``calibrated`` (to the patient, ``how`` tells by what), ``magnified`` (the
    detector's, divided by an estimated magnification), ``detector``, ``stated`` (by an image that
    does not say where), or ``scanned`` (on a film). ``aspect``: how much higher than wide a pixel
    is.
    """
    said, detector, scanned = (
        read_spacing([str(value) for value in values_of(dataset, keyword)]) for keyword in SPACINGS
    )
    magnification = number_of(dataset, "EstimatedRadiographicMagnificationFactor") or 0
    how = text_of(dataset, "PixelSpacingCalibrationType")
    kind, spacing = "", None
    if said and (how or (detector and said != detector)):
        kind, spacing = "calibrated", said
    elif at := detector or said:
        kind, spacing = ("detector" if detector else "stated"), at
        if detector and 1 < magnification < MOST_MAGNIFIED:
            kind, spacing = "magnified", (at[0] / magnification, at[1] / magnification)
    elif scanned:
        kind, spacing = "scanned", scanned
    if spacing is not None:
        aspect = spacing[0] / spacing[1]
    else:
        ratio = numbers_of(dataset, "PixelAspectRatio")
        aspect = ratio[0] / ratio[1] if len(ratio) == 2 and min(ratio) > 0 else 1.0  # noqa: PLR2004
    return {
        "spacing": None if spacing is None else list(spacing),
        "kind": kind,
        "how": how if how in {"GEOMETRY", "FIDUCIAL"} else "",
        "magnification": magnification if kind == "magnified" else None,
        "aspect": min(max(aspect, 1 / STRETCH), STRETCH),
    }
