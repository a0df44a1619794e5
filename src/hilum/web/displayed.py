"""A radiograph in the forms that a browser is sent; made in an inference worker only.

Measured for RG1 (1955 × 1841, 15 bits) on a 2-core server: displaying takes 52 ms, the
quick JPEG 2 ms and 92 kB, all 4096 grey levels 45 ms and 3.1 MB. So the whole picture is
sent in one piece after the quick one; tiles would save nothing.
"""

import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

QUICK_SIDE: Final = 1024
"""Longest side of the quick picture, in pixels."""

SMALL: Final = (96, 96)
"""Largest size of a small picture, in pixels: twice what is shown, for sharp screens."""

MOST_PIXELS: Final = 1 << 25
"""Of a picture that is sent whole: twice the largest detectors of radiography."""


@dataclass(frozen=True, slots=True)
class DisplayedImage:
    """A radiograph as it is displayed."""

    rows: int
    columns: int
    """Size of the whole picture, in pixels."""
    quick: bytes
    """A JPEG of at most `QUICK_SIDE` pixels a side, to be seen before the whole one."""
    packed: bytes | None
    """Every grey level, see `packed`; None above `MOST_PIXELS`."""


def displayed(pixels: NDArray[np.uint16]) -> DisplayedImage:
    """Return grey levels in [0, 4096) in the forms of the study page."""
    whole = packed(pixels) if pixels.size <= MOST_PIXELS else None
    return DisplayedImage(int(pixels.shape[0]), int(pixels.shape[1]), quick(pixels), whole)


def thumbnail(pixels: NDArray[np.uint16]) -> bytes:
    """Return a small WebP of grey levels."""
    step = max(1, min(pixels.shape) // 256)
    picture = _eight_bits(pixels[::step, ::step])
    picture.thumbnail(SMALL)
    return as_file(picture, "WEBP", quality=80)


def quick(pixels: NDArray[np.uint16]) -> bytes:
    """Return a JPEG of grey levels, at most `QUICK_SIDE` pixels a side."""
    whole = _eight_bits(pixels)
    step = -(-max(whole.size) // QUICK_SIDE)
    return as_file(whole.reduce(step) if step > 1 else whole, "JPEG", quality=90)


def packed(pixels: NDArray[np.uint16]) -> bytes:
    """Return every grey level, as differences along rows, low bytes first, then high ones.

    Differences are folded to be small and positive (zigzag), which compresses noise to a
    little more than its entropy. ``stage.js`` undoes it.
    """
    differences = pixels.astype(np.int16)
    differences[:, 1:] -= pixels[:, :-1].astype(np.int16)
    folded = ((differences << 1) ^ (differences >> 15)).view(np.uint16)
    low, high = (folded & 0xFF).astype(np.uint8), (folded >> 8).astype(np.uint8)
    # Z_RLE: noise has no repetitions to look for, the high bytes little else than runs
    deflating = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return deflating.compress(low.tobytes() + high.tobytes()) + deflating.flush()


def as_file(picture: Image.Image, form: str, **options: int) -> bytes:
    """Return a picture as a file of a form that Pillow knows."""
    buffer = BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def _eight_bits(pixels: NDArray[np.uint16]) -> Image.Image:
    return Image.fromarray((pixels >> 4).astype(np.uint8))
