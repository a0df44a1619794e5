"""What a person looks at before an image leaves: all of its pixels, whatever hides them elsewhere.

Neither window nor shutter is applied, and shades are spread evenly: text that is burnt in is
seen also where it is faint, or lies outside of what a viewer shows.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset

from hilum import pipeline
from hilum.errors import RadiographRefused
from hilum.export.clean import require_exportable
from hilum.export.reasons import WithheldError
from hilum.files import dicom
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.dicom import stored_pixels
from hilum.pixels.stored import digest
from hilum.settings import Settings

SIDE: Final = 1024
"""Longest side of the picture, in pixels."""

QUALITY: Final = 80

MOST_SHADES: Final = 1 << 16
"""Different values that are told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """An image as it is on the site."""

    stored: Dataset
    """As it was read."""
    header: Dataset
    """The same with its text decoded."""
    values: NDArray[np.integer]
    """Its stored values, shape ``(rows, columns)``."""

    @property
    def digest(self) -> str:
        """SHA-256 of the stored values, hexadecimal: what a person released."""
        return digest(self.values)


def original(content: bytes, settings: Settings) -> Original:
    """Return an image that may be exported once a person has released it.

    Raises
    ------
    SourceUnreadable
        The file is damaged, or not DICOM.
    WithheldError
        It may not be exported.
    """
    stored = dicom.read(content, name="the image").dataset
    header = pipeline.with_text_decoded(stored, settings).dataset
    require_exportable(header)
    try:
        _, pixels = stored_pixels(header, settings.pixels, DecisionRecord())
    except RadiographRefused as exc:
        raise WithheldError("not_readable", why=exc.problem) from exc
    return Original(stored, header, pixels.values)


def picture(found: Original) -> bytes:
    """Return all of an image as a JPEG, its shades spread evenly."""
    values = found.values.astype(np.int64)
    values -= values.min()
    step = max(1, -(-(int(values.max()) + 1) // MOST_SHADES))
    values //= step
    share = np.cumsum(np.bincount(values.ravel()))
    shades = (255 * share / share[-1]).astype(np.uint8)
    shown = Image.fromarray(shades[values])
    shown.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    made = BytesIO()
    shown.save(made, "JPEG", quality=QUALITY)
    return made.getvalue()
