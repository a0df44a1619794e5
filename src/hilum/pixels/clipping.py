"""Whether a window or table leaves an image anything to see.

A window of another modality or another scale shows a chest in black and white; nobody looks at
it so, and no model learned from it. What is measured is what the transform itself takes away,
in the middle of the image: background and collimated borders are black or white in every chest,
and lie around it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.eligibility import Reason
from hilum.errors import RadiographRefused
from hilum.language import Message
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.image import PALETTE, ImagePixel
from hilum.pixels.stored import StoredPixels
from hilum.pixels.tone import Tone, present
from hilum.radiograph import PixelDecision, Scalar
from hilum.settings import PixelSettings, UnusableWindow

WHITE: Final = 255
"""Brightest of the shades that are told apart; black is 0."""

DESTROYERS: Final = ("window_destroys", "voi_lut_destroys", "modality_lut_destroys")
"""Codes of the decisions not to apply a transform because it destroys the image."""

FEWEST_SHADES: Final = 16
"""Shades that a table must leave, if there were twice as many values before."""

STEP: Final = 4
"""Of so many pixels along each axis one is looked at."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a transform leaves of the middle of an image."""

    share: float
    """Of the pixels that are neither the image's darkest nor its brightest, those that the
    transform makes black or white, in [0, 1]."""
    shades: int
    """Shades of 256 that are left among them."""
    values: int
    """Different values that they had before, counted where few shades are left."""

    def bearable(self, settings: PixelSettings) -> bool:
        """Whether the image is still there."""
        few = self.shades < FEWEST_SHADES and 2 * self.shades <= self.values
        return self.share <= settings.max_clipped_share and not few


def loss_by(tone: Tone, stored: StoredPixels) -> Loss:
    """Return what a tone takes away from stored values."""
    before = middle(stored.values)
    after = present(tone.render(before))
    if not tone.distinguishes(stored.least, stored.greatest):
        return Loss(float(after[0, 0] in {0, WHITE}), 1, 2)
    image = None if stored.padding is None else ~middle(stored.padding)
    return loss(before, after, stored.least, stored.greatest, image)


def loss(
    before: NDArray[np.integer],
    after: NDArray[np.uint8],
    least: int,
    greatest: int,
    image: NDArray[np.bool_] | None = None,
) -> Loss:
    """Return what a transform takes away.

    Parameters
    ----------
    before
        Shape ``(rows, columns)``, values as they are stored.
    after
        The same shape, 0 for black to 255 for white.
    least, greatest
        Smallest and largest stored value of the whole image.
    image
        The same shape, False where there is padding; None where there is none.
    """
    counted = (before > least) & (before < greatest)
    if image is not None:
        counted &= image
    if not counted.any():
        return Loss(0.0, WHITE + 1, WHITE + 1)
    shown = after[counted]
    counts = np.bincount(shown, minlength=WHITE + 1)
    shades = int(np.count_nonzero(counts))
    few = shades < FEWEST_SHADES  # to count values takes long, and is seldom asked
    values = len(np.unique(before[counted])) if few else shades
    return Loss(float(counts[0] + counts[WHITE]) / shown.size, shades, values)


def middle(pixels: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return every fourth pixel of the middle half of the rows and columns, a view."""
    rows, columns = (slice(length // 4, length - length // 4) for length in pixels.shape)
    step = STEP if min(pixels.shape) >= 16 * STEP else 1
    return pixels[rows, columns][::step, ::step]


def note_destroyed(settings: PixelSettings, record: DecisionRecord) -> None:
    """Say that the range of the pixels is shown, if windows or tables would destroy the image.

    Raises
    ------
    RadiographRefused
        The site refuses such images; each window and table is named.
    """
    found = [entry for entry in record.entries if entry.code in DESTROYERS]
    if found and settings.unusable_window is UnusableWindow.REFUSE:
        raise RadiographRefused([_reason(entry) for entry in found])
    if found:
        record.add("pixel_range_used")


def refuse_destroyed_palette(
    indices: NDArray[np.integer],
    grey: NDArray[np.integer],
    image: ImagePixel,
    settings: PixelSettings,
    record: DecisionRecord,
) -> None:
    """Refuse an image whose grey palette destroys it: its indices alone mean nothing.

    Parameters
    ----------
    indices
        Shape ``(rows, columns)``, what points into the palette.
    grey
        The same shape, what the palette gives, with the bits of `image`.

    Raises
    ------
    RadiographRefused
        Too much of it is black or white.
    """
    if image.photometric != PALETTE:
        return
    after = middle(grey) * (WHITE / ((1 << image.bits_stored) - 1))
    before = middle(indices)
    lost = loss(before, np.rint(after).astype(np.uint8), int(indices.min()), int(indices.max()))
    if not lost.bearable(settings):
        decision = record.decision("palette_destroys", share=lost.share, shades=lost.shades)
        raise RadiographRefused([_reason(decision)])


def _reason(decision: PixelDecision) -> Reason:
    """Return a decision as a reason, which ends without a full stop."""
    return Reason(decision.code, Message.clause(decision.text), "setting pixels.max_clipped_share")
