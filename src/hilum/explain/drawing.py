"""Colours, fonts and text of the overlay.

The letters are Roboto (Apache License 2.0, beside the files), cut to the Latin letters
of Western and Central European languages: Pillow's own font has no accents.

Sources
-------
Heat colours: "inferno" of N. Smith and S. van der Walt (CC0): perceptually even, ordered
by lightness alone, so that it also holds for colour-blind eyes and on paper.
"""

from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

Pixels = NDArray[np.uint32]
"""A picture, ``(height, width)``: red, green, blue and an unused byte in each number."""

BACKGROUND: Final[Colour] = (11, 14, 19)
"""Almost black: a radiograph is read in the dark."""
RULE: Final[Colour] = (45, 52, 62)
"""Lines that part things."""
TRACK: Final[Colour] = (38, 44, 53)
"""The empty part of a bar."""
QUIET: Final[Colour] = (112, 122, 135)
"""Bars of negative findings."""
MUTED: Final[Colour] = (165, 174, 186)
"""Text of second rank."""
TEXT: Final[Colour] = (238, 241, 245)
"""Text."""
POSITIVE: Final[Colour] = (251, 155, 6)
"""Positive findings: a colour of the heat itself."""
CAUTION: Final[Colour] = (255, 205, 86)
"""Marks that nobody may miss."""

INFERNO: Final = (
    "000004 040312 0b0724 150b37 210c4a 2f0a5b 3d0965 4a0c6b 57106e 64156e 71196e "
    "7d1e6d 8a226a 972766 a32c61 b0315b bc3754 c63d4d d04545 da4e3c e35933 eb6429 "
    "f1711f f67e14 f98c0a fb9b06 fcaa0f fbba1f f9c932 f5d949 f2e865 f3f586 fcffa4"
)
"""33 evenly spaced colours of the map; what lies between is interpolated."""

DARKEST: Final = 0.28
"""Where on the map the heat begins: the colours below are those of a dark lung."""

BRIGHTEST: Final = 0.94
"""Where it ends: the last colours turn green over a dark lung."""

CLEAR: Final = 0.12
"""Share of the peak up to which the radiograph stays as it is."""

COVER: Final = 0.6
"""Opacity of the heat at its peak: anatomy stays visible under it."""


class Weight(StrEnum):
    """Weights of the letters; the value is the name of the file."""

    REGULAR = "Roboto-Regular.ttf"
    MEDIUM = "Roboto-Medium.ttf"


@cache
def load_font(size: int, weight: Weight = Weight.REGULAR) -> ImageFont.FreeTypeFont:
    """Return the sheet's font at a size in pixels; it is read once.

    The simple layout engine is named because the other one may be missing, and the
    sheet must come out the same everywhere.
    """
    file = files("hilum.explain").joinpath("fonts", weight.value).read_bytes()
    return ImageFont.truetype(BytesIO(file), size, layout_engine=ImageFont.Layout.BASIC)


def write(
    sheet: Image.Image,
    text: str,
    *,
    at: tuple[float, float],
    colour: Colour,
    font: ImageFont.FreeTypeFont,
    anchor: str = "la",
) -> None:
    """Write `text` on the background of a sheet.

    Parameters
    ----------
    sheet
        Mode ``RGB``, drawn on.
    at
        Where the anchor of the text is, (column, row) in pixels.
    font
        What `load_font` gave.
    anchor
        Pillow's name of the point of the text that is there: left, middle or
        right; ascender, middle or baseline.
    """
    word, left, top = _drawn(text, colour, font, anchor)
    sheet.paste(word, (round(at[0]) + left, round(at[1]) + top))


@lru_cache(maxsize=1024)
def _drawn(
    text: str, colour: Colour, font: ImageFont.FreeTypeFont, anchor: str
) -> tuple[Image.Image, int, int]:
    """Return letters on the background, and where they lie from the anchor.

    A sheet's words are mostly those of the sheet before, and drawing them takes a third
    of its time, so the last ones are kept.
    """
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text, anchor=anchor))
    word = Image.new("RGB", (right - left + 1, bottom - top + 1), BACKGROUND)
    ImageDraw.Draw(word).text((-left, -top), text, colour, font, anchor=anchor)
    return word, left, top


@lru_cache(maxsize=1024)
def fitted(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """Return `text`, cut with an ellipsis if it is wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1].rstrip()
    return text + "…"


@lru_cache(maxsize=256)
def wrapped(text: str, width: int, font: ImageFont.FreeTypeFont) -> tuple[str, ...]:
    """Return `text` as lines of at most `width` pixels, broken between words."""
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return tuple(fitted(line, width, font) for line in lines)


@cache
def heat_palette() -> bytes:
    """Return the colours of heat 0 to 255, red, green, blue each."""
    anchors = np.array([tuple(bytes.fromhex(colour)) for colour in INFERNO.split()], float)
    at = np.linspace(DARKEST, BRIGHTEST, 256) * (len(anchors) - 1)
    channels = [np.interp(at, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()


@cache
def heat_opacity() -> tuple[int, ...]:
    """Return how much of the radiograph heat 0 to 255 covers, 0 to 255 each."""
    share = np.clip((np.linspace(0, 1, 256) - CLEAR) / (1 - CLEAR), 0, 1)
    eased = COVER * share**0.7  # rising early: the middle of the map must be seen on bone
    return tuple(int(opacity) for opacity in (255 * eased).round())


@cache
def _mixtures() -> NDArray[np.uint32]:
    """Return every grey under every heat, as `Pixels`, shape ``(65536,)``.

    Looking the colours up is three times as fast as laying one picture over the other.
    """
    levels = np.arange(256, dtype=np.uint8)
    heat = Image.fromarray(np.repeat(levels, 256).reshape(256, 256))
    opacity = heat.point(heat_opacity())
    heat.putpalette(heat_palette())
    painted = Image.fromarray(np.tile(levels, (256, 1))).convert("RGB")
    painted.paste(heat.convert("RGB"), (0, 0), opacity)
    return np.asarray(painted.convert("RGBX")).view(np.uint32).ravel()


def paint_heat(grey: NDArray[np.uint8], shares: NDArray[np.float32]) -> Pixels:
    """Return a grey picture with heat laid over it, in colour.

    Parameters
    ----------
    grey
        Shape ``(height, width)``, the radiograph.
    shares
        Same shape, in [0, 1].
    """
    mixture = (shares * np.float32(255.0)).astype(np.uint16)
    mixture <<= 8
    mixture |= grey
    return _mixtures().take(mixture, mode="clip")


def without_heat(grey: NDArray[np.uint8]) -> Pixels:
    """Return a grey picture as it is, ready to be drawn on in colour."""
    return _mixtures().take(grey, mode="clip")


def as_picture(pixels: Pixels) -> Image.Image:
    """Return pixels as a picture, mode ``RGB``."""
    return Image.frombytes("RGB", pixels.shape[::-1], pixels, "raw", "RGBX")
