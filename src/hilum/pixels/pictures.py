"""A PNG or JPEG picture becomes a Radiograph: teaching files, exports, screenshots."""

import warnings
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from hilum.errors import RadiographRefused, SourceUnreadable
from hilum.pixels.colour import refuse_colour
from hilum.pixels.decisions import Record
from hilum.pixels.surroundings import note_crop
from hilum.pixels.tone import Ramp, refuse_blank
from hilum.radiograph import Radiograph
from hilum.settings import PixelSettings, ReasonLanguage
from hilum.verdict import Reason

FORMATS: Final = ("PNG", "JPEG")
"""Picture formats that are read."""

SIXTEEN_BIT_MODES: Final = frozenset({"I;16", "I;16B", "I;16L", "I"})
"""Pillow's names for 16-bit grey."""


def develop_picture(
    file: bytes | Path,
    settings: PixelSettings,
    *,
    language: ReasonLanguage = ReasonLanguage.ENGLISH,
) -> Radiograph:
    """Turn a PNG or JPEG into what the model may see.

    Pictures are taken as they are shown: 0 is black, and bone is bright.

    Parameters
    ----------
    file
        The file's bytes or its path.
    settings
        Which pixel pipeline the result is marked with, and the limits.
    language
        Language of the decisions' texts; their codes are the same in each.

    Raises
    ------
    SourceUnreadable
        The file is not a whole PNG or JPEG.
    RadiographRefused
        It is one, but in colour, blank or too large.
    """
    source = BytesIO(file) if isinstance(file, bytes) else file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source, formats=FORMATS) as picture:
                refuse_large(picture.width * picture.height, settings)
                refuse_animated(picture)
                record = Record(language)
                values, bits = grey_of(turned(picture, record), record)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise SourceUnreadable(
            "The picture is damaged, or is neither PNG nor JPEG.", "Send a whole PNG or JPEG file."
        ) from exc
    refuse_blank(int(values.min()), int(values.max()))
    note_crop(values.shape[0], values.shape[1], record)
    pixels = Ramp(0, 2**bits - 1).render(values)
    return Radiograph(pixels, None, settings.pipeline, tuple(record.entries))


def refuse_large(count: int, settings: PixelSettings) -> None:
    """Refuse a picture with more pixels than the settings allow.

    Raises
    ------
    RadiographRefused
        It has more.
    """
    if count > settings.max_pixels:
        raise RadiographRefused(
            [
                Reason(
                    "too_many_pixels",
                    f"the picture has {count:,} pixels, more than {settings.max_pixels:,}",
                )
            ]
        )


def refuse_animated(picture: Image.Image) -> None:
    """Refuse a picture with more than one frame, e.g. an animated PNG.

    Raises
    ------
    RadiographRefused
        It has more.
    """
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise RadiographRefused(
            [Reason("multi_frame", f"the picture has {frames} frames, not one")]
        )


def turned(picture: Image.Image, record: Record) -> Image.Image:
    """Return a picture as it is shown: upright, if a camera marked it as turned.

    Sources
    -------
    CIPA DC-008 (Exif), tag Orientation: 1 is upright.
    """
    orientation = picture.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation not in range(2, 9):
        return picture
    record.add("picture_turned", orientation=orientation)
    return ImageOps.exif_transpose(picture)


def grey_of(picture: Image.Image, record: Record) -> tuple[NDArray[np.integer], int]:
    """Return a picture's grey values, shape ``(rows, columns)``, and their bits (8 or 16).

    Raises
    ------
    RadiographRefused
        The picture is in colour.
    """
    if picture.mode in SIXTEEN_BIT_MODES:
        return np.asarray(picture).astype(np.uint16), 16
    if picture.mode == "1":
        record.add("one_bit")
    if picture.mode in {"1", "L"}:
        return np.asarray(picture.convert("L")), 8
    channels = np.asarray(picture.convert("RGB"))
    refuse_colour(channels, 8, picture.mode, luminance_coded=False)
    record.add("rgb_grey", photometric=picture.mode)
    return np.ascontiguousarray(channels[..., 0]), 8
