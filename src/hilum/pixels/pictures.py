"""A PNG or JPEG picture becomes a Radiograph: teaching files, exports, screenshots."""

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from hilum.errors import SourceUnreadable
from hilum.pixels.codestream import JPEG_START, LOSSY, Codestream, CodestreamInvalid, parse
from hilum.pixels.colour import refuse_colour
from hilum.pixels.decisions import DecisionRecord
from hilum.pixels.decode import decode_codestream
from hilum.pixels.smoothness import refuse_noise
from hilum.pixels.stored import ceiling_of, detector_bits
from hilum.pixels.surroundings import note_crop
from hilum.pixels.tone import Ramp, refuse_blank
from hilum.radiograph import Radiograph
from hilum.settings import PixelSettings

FORMATS: Final = ("PNG", "JPEG")
"""Picture formats that are read."""

PNG_BITS, PNG_KIND = 24, 25
"""Where a PNG says its bit depth and colour type (ISO/IEC 15948 11.2.2)."""

DEEP, GREY = 16, 0
"""Most bits of a PNG; the colour type without colour and transparency."""

TURNS: Final[dict[int, Callable[[NDArray[np.integer]], NDArray[np.integer]]]] = {
    2: np.fliplr,
    3: lambda values: np.rot90(values, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.rot90(values, 2).T,
    8: np.rot90,
}
"""What shows upright a picture of each mark."""

SIXTEEN_BIT_MODES: Final = frozenset({"I;16", "I;16B", "I;16L", "I"})
"""Pillow's names for 16-bit grey."""


def radiograph_from_picture(file: bytes | Path, settings: PixelSettings) -> Radiograph:
    """Turn a PNG or JPEG into what the model may see.

    Pictures are taken as they are shown: 0 is black, and bone is bright.

    Parameters
    ----------
    settings
        Which pixel pipeline the result is marked with, and the limits.

    Raises
    ------
    SourceUnreadable
        The file is not a whole PNG or JPEG.
    RadiographRefused
        It is one, but in colour, blank or too large.
    """
    record = DecisionRecord()
    try:
        content = file if isinstance(file, bytes) else file.read_bytes()
        values, bits = _decoded(content, settings, record)
    except (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError) as exc:
        raise SourceUnreadable(
            "The picture is damaged, or is neither PNG nor JPEG.", "Send a whole PNG or JPEG file."
        ) from exc
    extent = int(values.min()), int(values.max())
    refuse_blank(*extent, record)
    refuse_noise(values, record)
    note_crop(values.shape[0], values.shape[1], record)
    pixels = Ramp(0, ceiling_of(values, extent, bits, record)).render(values)
    return Radiograph(pixels, None, settings.pipeline, tuple(record.entries))


def medical_jpeg(content: bytes) -> Codestream | None:
    """Return the header of a JPEG that only medicine has: lossless, or of more than 8 bits."""
    try:
        header = parse(content) if content.startswith(JPEG_START) else None
    except CodestreamInvalid:
        return None
    usual = header is not None and header.coding in LOSSY and header.precision == 8  # noqa: PLR2004  bits
    return None if usual else header


def _decoded(
    content: bytes, settings: PixelSettings, record: DecisionRecord
) -> tuple[NDArray[np.integer], int]:
    """Return a picture's grey values as they are shown, and their bits."""
    medical = medical_jpeg(content)
    if medical is not None:
        refuse_large(medical.rows * medical.columns, settings, record)
        values, bits = decode_codestream(medical), medical.precision
        return grey_channel(values, bits, medical.coding, record), bits
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            refuse_large(picture.width * picture.height, settings, record)
            refuse_animated(picture, record)
            if picture.format == "PNG" and content[PNG_BITS] == DEEP and content[PNG_KIND] != GREY:
                values, bits = deep_png(content, record), DEEP
            else:
                values, bits = grey_of(picture, record)
            return turned(values, picture.getexif(), record), bits


def refuse_large(count: int, settings: PixelSettings, record: DecisionRecord) -> None:
    """Refuse a picture with more pixels than the settings allow.

    Raises
    ------
    RadiographRefused
        It has more.
    """
    if count > settings.max_pixels:
        source = "setting pixels.max_pixels"
        raise record.refusal(
            "too_many_pixels.picture", source, count=count, limit=settings.max_pixels
        )


def refuse_animated(picture: Image.Image, record: DecisionRecord) -> None:
    """Refuse a picture with more than one frame, e.g. an animated PNG.

    Raises
    ------
    RadiographRefused
        It has more.
    """
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise record.refusal("multi_frame", frames=frames)


def turned(
    values: NDArray[np.integer], marks: Image.Exif, record: DecisionRecord
) -> NDArray[np.integer]:
    """Return a picture's values as it is shown: upright, if a camera marked it as turned.

    Sources
    -------
    CIPA DC-008 (Exif), tag Orientation: 1 is upright.
    """
    orientation = marks.get(ExifTags.Base.Orientation, 1)
    if orientation not in TURNS:
        return values
    record.add("picture_turned", orientation=orientation)
    return np.ascontiguousarray(TURNS[orientation](values))


def deep_png(content: bytes, record: DecisionRecord) -> NDArray[np.integer]:
    """Return the grey values of a 16-bit PNG with transparency or in colour.

    Pillow would keep the upper 8 bits only.

    Raises
    ------
    RadiographRefused
        The picture is in colour.
    """
    channels = imagecodecs.png_decode(content)
    opaque = channels.shape[2] % 2 == 1 or int(channels[..., -1].min()) == channels.max()
    if not opaque:
        record.add("transparency_ignored")
    colours = channels if channels.shape[2] % 2 else channels[..., :-1]
    return grey_channel(colours, detector_bits(int(colours.max())), "RGB", record)


def grey_of(picture: Image.Image, record: DecisionRecord) -> tuple[NDArray[np.integer], int]:
    """Return a picture's grey values, shape ``(rows, columns)``, and their bits (8 or 16).

    Raises
    ------
    RadiographRefused
        The picture is in colour.
    """
    if picture.mode in SIXTEEN_BIT_MODES:
        return np.asarray(picture).astype(np.uint16), DEEP
    if picture.mode == "1":
        record.add("one_bit")
    if picture.has_transparency_data and picture.convert("RGBA").getextrema()[-1] != (255, 255):
        record.add("transparency_ignored")
    if picture.mode in {"1", "L"}:
        return np.asarray(picture.convert("L")), 8
    return grey_channel(np.asarray(picture.convert("RGB")), 8, picture.mode, record), 8


def grey_channel(
    channels: NDArray[np.integer], bits: int, space: str, record: DecisionRecord
) -> NDArray[np.integer]:
    """Return one channel of a grey picture, shape ``(rows, columns)``.

    Parameters
    ----------
    channels
        Shape ``(rows, columns)`` or ``(rows, columns, channels)``.

    Raises
    ------
    RadiographRefused
        The picture is in colour.
    """
    if channels.ndim == 2:  # noqa: PLR2004  rows and columns
        return channels
    if channels.shape[2] > 1:
        refuse_colour(channels, bits, space, record)
        record.add("rgb_grey", photometric=space)
    return np.ascontiguousarray(channels[..., 0])
