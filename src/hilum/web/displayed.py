"""A radiograph in the forms that a browser is sent; made in an inference worker only.

Measured for RG1 (1955 × 1841, 15 bits) on a 2-core server: displaying takes 37 ms, the
quick JPEG 4 ms and 92 kB, every value 90 ms and 4.5 MB. So the whole picture is
sent in one piece after the quick one; tiles would save nothing.
"""

import json
import zlib
from collections.abc import Mapping
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
    """A radiograph for the study page."""

    quick: bytes
    """A JPEG of at most `QUICK_SIDE` pixels a side, to be seen before the whole one."""
    packed: bytes | None
    """Every pixel, see `packed`; None above `MOST_PIXELS`."""


def displayed(
    codes: NDArray[np.uint16], facts: Mapping[str, object], upright: NDArray[np.uint8]
) -> DisplayedImage:
    """Return an image in the forms of the study page.

    Parameters
    ----------
    codes, facts
        Shape ``(rows, columns)``, and what the viewer is told of them.
    upright
        The same pixels as they are displayed at first, head up.
    """
    whole = packed(codes, facts) if codes.size <= MOST_PIXELS else None
    return DisplayedImage(quick(upright), whole)


def thumbnail(upright: NDArray[np.uint8]) -> bytes:
    """Return a small WebP."""
    step = max(1, min(upright.shape) // 256)
    picture = Image.fromarray(np.ascontiguousarray(upright[::step, ::step]))
    picture.thumbnail(SMALL)
    return as_file(picture, "WEBP", quality=80)


def quick(upright: NDArray[np.uint8]) -> bytes:
    """Return a JPEG of at most `QUICK_SIDE` pixels a side."""
    whole = Image.fromarray(np.ascontiguousarray(upright))
    step = -(-max(whole.size) // QUICK_SIDE)
    return as_file(whole.reduce(step) if step > 1 else whole, "JPEG", quality=90)


def packed(codes: NDArray[np.uint16], facts: Mapping[str, object]) -> bytes:
    """Return what is told of an image, and all its codes, deflated.

    First the length of the JSON (four bytes, the lowest first), then the JSON. The codes are
    differences along rows, low bytes first, then high ones, folded to be small and positive
    (zigzag), which compresses noise to a little more than its entropy. ``stage.js`` undoes it.
    """
    differences = codes.view(np.int16).copy()
    differences[:, 1:] -= codes[:, :-1].view(np.int16)
    folded = ((differences << 1) ^ (differences >> 15)).view(np.uint16)
    low, high = (folded & 0xFF).astype(np.uint8), (folded >> 8).astype(np.uint8)
    told = json.dumps(facts).encode()
    # Z_RLE: noise has no repetitions to look for, the high bytes little else than runs
    deflating = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    parts = (len(told).to_bytes(4, "little"), told, low.tobytes(), high.tobytes())
    return b"".join(map(deflating.compress, parts)) + deflating.flush()


def as_file(picture: Image.Image, form: str, **options: int) -> bytes:
    """Return a picture as a file of a form that Pillow knows."""
    buffer = BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
