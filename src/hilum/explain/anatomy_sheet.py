"""The anatomy of one radiograph as a picture: outlines, both widths, and what they mean."""

from itertools import chain
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from hilum import PRODUCT, RESEARCH_USE_ONLY, __version__
from hilum.explain import drawing
from hilum.explain.drawing import Colour, Weight, load_font, wrapped, write
from hilum.explain.panel import draw_outlines, shrunk
from hilum.language import Language
from hilum.structures import Anatomy, Line
from hilum.wording import DEMONSTRATION, anatomy_statements

WIDTH: Final = 900
HEIGHT: Final = 1000
"""Largest size of the radiograph on the sheet, pixels."""

MARGIN: Final = 24
LINE_HEIGHT: Final = 28

HEART_COLOUR: Final[Colour] = (255, 120, 110)
CHEST_COLOUR: Final[Colour] = (110, 190, 255)
"""Of the two widths; told apart by their height on the image, too."""


def anatomy_sheet(anatomy: Anatomy, language: Language) -> Image.Image:
    """Return the sheet of one radiograph's anatomy, mode ``RGB``."""
    radiograph = anatomy.radiograph
    pixels = drawing.without_heat(shrunk(radiograph, WIDTH, HEIGHT))
    draw_outlines(pixels, [*chain.from_iterable(anatomy.drawn.values())], radiograph)
    picture = drawing.as_picture(pixels)
    scale = np.array([picture.width / radiograph.columns, picture.height / radiograph.rows])
    for line, colour in (
        (anatomy.ratio.thorax, CHEST_COLOUR),
        (anatomy.ratio.heart, HEART_COLOUR),
    ):
        if line is not None:
            _width(picture, line, scale, colour)
    texts = [str(language.say(each)) for each in anatomy_statements(anatomy)]
    texts += [language.say(RESEARCH_USE_ONLY), f"{PRODUCT} {__version__} · {anatomy.model.name}"]
    if anatomy.model.demonstration:
        texts.insert(0, language.say(DEMONSTRATION))
    font = load_font(20, Weight.MEDIUM)
    width = max(picture.width, WIDTH // 2)
    rows = [row for text in texts for row in wrapped(text, width - 2 * MARGIN, font)]
    sheet = Image.new(
        "RGB",
        (width, picture.height + 2 * MARGIN + LINE_HEIGHT * len(rows)),
        drawing.BACKGROUND,
    )
    sheet.paste(picture, ((width - picture.width) // 2, 0))
    for number, row in enumerate(rows):
        at = MARGIN, picture.height + MARGIN + number * LINE_HEIGHT
        write(sheet, row, at=at, colour=drawing.TEXT, font=font)
    return sheet


def _width(picture: Image.Image, line: Line, scale: np.ndarray, colour: Colour) -> None:
    """Draw one width with a tick at either end."""
    draw = ImageDraw.Draw(picture)
    start, end = line.points * scale
    along = (end - start) / max(float(np.hypot(*(end - start))), 1.0)
    tick = np.array([-along[1], along[0]]) * 9
    for a, b in ((start, end), (start - tick, start + tick), (end - tick, end + tick)):
        draw.line([*a.tolist(), *b.tolist()], fill=(0, 0, 0), width=6)
        draw.line([*a.tolist(), *b.tolist()], fill=colour, width=3)
