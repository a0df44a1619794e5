"""From stored values to [-1024, 1024]: a straight ramp where it is one, a table where not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.pixels.decisions import DecisionRecord

LIMIT: Final = 1024.0
"""Model input spans [-LIMIT, LIMIT]; unitless."""

TOP: Final = np.float32(2 * LIMIT)
"""The same span, from 0."""

BLOCK: Final = 1 << 16
"""Pixels that are rendered at a time."""

LONGEST_TABLE: Final = 1 << 20
"""Values that a table may span; wider images (32 bits) are computed pixel by pixel."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """Brightness proportional to the stored value."""

    black: float
    white: float
    """Stored values, not necessarily whole, shown darkest and brightest; `black` is the larger one
    where small values are shown bright."""

    def render(self, values: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return `values`, shape ``(rows, columns)``, as float32 in [-1024, 1024].

        The result is that of ``torchxrayvision.utils.normalize`` to the last bit where black
        or white is 0: its factors are powers of two, which round nothing, so that they may
        stand together in the divisor and the image is gone through fewer times.
        """
        pixels = np.empty(values.shape, np.float32)
        rows = max(1, BLOCK // max(values.shape[1], 1))
        for top in range(0, values.shape[0], rows):  # a block stays in the processor's cache
            self._render_block(values[top : top + rows], pixels[top : top + rows])
        return pixels

    def _render_block(self, values: NDArray[np.integer], block: NDArray[np.float32]) -> None:
        block[...] = values
        if self.black:
            block -= np.float32(self.black)
        block /= np.float32(self.white - self.black) / TOP
        np.clip(block, 0.0, TOP, out=block)
        block -= LIMIT

    def distinguishes(self, least: int, greatest: int) -> bool:
        """Whether values from `least` to `greatest` are shown in more than one shade."""
        low, high = min(self.black, self.white), max(self.black, self.white)
        return greatest > low and least < high

    def inverted(self) -> "Ramp":
        """Return the ramp that shows bright what this one shows dark."""
        return Ramp(self.white, self.black)


@dataclass(frozen=True, slots=True)
class Curve:
    """Brightness as any function of the stored value."""

    brightness: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    """Stored values, float64 of any shape → brightness of that shape, in [0, 1]."""

    def render(self, values: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return `values`, shape ``(rows, columns)``, as float32 in [-1024, 1024]."""
        low, high = int(values.min()), int(values.max())
        if high - low >= LONGEST_TABLE:
            return self._scaled(values.astype(np.float64))
        table = self._scaled(np.arange(low, high + 1, dtype=np.float64))
        return np.take(table, values if low == 0 else values.astype(np.int64) - low)

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        return ((2.0 * self.brightness(values) - 1.0) * LIMIT).astype(np.float32)

    def distinguishes(self, least: int, greatest: int) -> bool:
        """Whether values from `least` to `greatest` are shown in more than one shade."""
        between = np.linspace(least, greatest, min(greatest - least + 1, LONGEST_TABLE))
        return bool(np.ptp(self._scaled(between)) > 0)

    def inverted(self) -> "Curve":
        """Return the curve that shows bright what this one shows dark."""
        brightness = self.brightness
        return Curve(lambda values: 1.0 - brightness(values))


Tone = Ramp | Curve
"""How stored values are shown."""


def refuse_blank(least: int, greatest: int, record: DecisionRecord) -> None:
    """Refuse an image in which nothing can be seen.

    Parameters
    ----------
    least, greatest
        Smallest and largest value of the image, padding left out.

    Raises
    ------
    RadiographRefused
        They are the same.
    """
    if least == greatest:
        raise record.refusal("blank", value=least)


def present(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return `pixels` as they are shown on a screen.

    Parameters
    ----------
    pixels
        Of any shape, in [-1024, 1024].

    Returns
    -------
    NDArray[np.uint8]
        The same shape; -1024 is 0, 1024 is 255.
    """
    shown = pixels + np.float32(LIMIT)
    shown *= 255 / TOP
    np.rint(shown, out=shown)
    np.clip(shown, 0, 255, out=shown)
    return shown.astype(np.uint8)
