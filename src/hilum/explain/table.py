"""The overlay's right column: every finding's score, the legend, and the cautions."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from hilum.explain import drawing
from hilum.explain.drawing import Weight, fitted, load_font, wrapped, write
from hilum.language import Language
from hilum.reading import OPERATING_POINT_SCORE, Finding, Reading
from hilum.wording import finding_name, score_text

ROW: Final = 31
"""Height of a finding's line in pixels."""

BAR: Final = 92
"""Length of a bar, from score 0 to score 1, in pixels."""

NUMBER: Final = 48
"""Width kept for the number right of the bar."""

MAX_ROWS: Final = 18
"""Findings that the table has room for."""


class Column:
    """A column of the sheet that is written from the top down.

    Parameters
    ----------
    sheet
        Mode ``RGB``, drawn on.
    left, top, width
        Place of the column in pixels.
    """

    def __init__(
        self, sheet: Image.Image, *, left: int, top: int, width: int, language: Language
    ) -> None:
        self._sheet = sheet
        self._draw = ImageDraw.Draw(sheet)
        self._left, self._right, self._y = left, left + width, top
        self.language = language

    @property
    def bottom(self) -> int:
        """Row at which the next line would begin."""
        return self._y

    def findings(self, reading: Reading) -> None:
        """Write every finding with its bar and score, the highest first."""
        say = self.language.say
        self._heading(say("Findings"), say("Score"))
        top = self._y
        for finding in reading.ranked[:MAX_ROWS]:
            self._finding(finding)
        if (more := len(reading.findings) - MAX_ROWS) > 0:
            self._line(say("and {count} more, below", count=more), drawing.MUTED)
        self._operating_point(top, self._y)
        self._y += 6
        self._paragraph(
            say("0.50 is the operating point. A score is not a probability."), drawing.MUTED
        )
        self._y += 14

    def legend(self, *, framed: bool) -> None:
        """Write what colours and outlines mean, and the frame where the panels have one."""
        say = self.language.say
        self._heading(say("Regions driving the score"), "")
        width = self._right - self._left
        self._sheet.paste(_colour_scale(width), (self._left, self._y + 2))
        half = self._left + width // 2
        self._draw.line((half, self._y - 1, half, self._y + 18), fill=drawing.TEXT, width=2)
        self._y += 22
        small = load_font(15)
        write(
            self._sheet, say("little"), at=(self._left, self._y), colour=drawing.MUTED, font=small
        )
        write(
            self._sheet,
            say("peak of the map"),
            at=(self._right, self._y),
            colour=drawing.MUTED,
            font=small,
            anchor="ra",
        )
        self._y += 24
        self._paragraph(
            say("Outline: half of the peak. It is not the edge of a lesion."), drawing.MUTED
        )
        if framed:
            self._paragraph(say("Dashed: the part of the image that the model saw."), drawing.MUTED)
        self._y += 14

    def cautions(self, texts: Sequence[str], bottom: int) -> None:
        """Write warnings, as many lines as there is room above `bottom`."""
        if not texts:
            return
        self._heading(self.language.say("Caution"), "", drawing.CAUTION)
        lines = [line for text in texts for line in self._wrapped(f"• {text}")]
        room = max(0, (bottom - self._y) // 21)
        for line in lines[:room]:
            self._line(line, drawing.CAUTION)

    def _heading(self, left: str, right: str, colour: drawing.Colour = drawing.TEXT) -> None:
        font = load_font(18, Weight.MEDIUM)
        write(self._sheet, left, at=(self._left, self._y), colour=colour, font=font)
        if right:
            write(
                self._sheet,
                right,
                at=(self._right, self._y),
                colour=drawing.MUTED,
                font=load_font(16),
                anchor="ra",
            )
        self._y += 26
        self._draw.line((self._left, self._y, self._right, self._y), fill=drawing.RULE)
        self._y += 6

    def _finding(self, finding: Finding) -> None:
        """Write one line of the table: name, bar, score."""
        middle = self._y + ROW // 2
        weight = Weight.MEDIUM if finding.positive else Weight.REGULAR
        colour = drawing.TEXT if finding.positive else drawing.MUTED
        font = load_font(17, weight)
        bar = self._right - NUMBER - BAR
        name = fitted(finding_name(finding.label, self.language), bar - self._left - 12, font)
        write(self._sheet, name, at=(self._left, middle), colour=colour, font=font, anchor="lm")
        fill = drawing.POSITIVE if finding.positive else drawing.QUIET
        self._draw.rectangle((bar, middle - 4, bar + BAR, middle + 4), fill=drawing.TRACK)
        end = bar + round(BAR * finding.score)
        self._draw.rectangle((bar, middle - 4, end, middle + 4), fill=fill)
        score = score_text(finding, self.language)
        write(self._sheet, score, at=(self._right, middle), colour=colour, font=font, anchor="rm")
        self._y += ROW

    def _operating_point(self, top: int, bottom: int) -> None:
        """Draw the line that all bars are measured by."""
        x = self._right - NUMBER - BAR + round(BAR * OPERATING_POINT_SCORE)
        self._draw.line((x, top + 3, x, bottom - 3), fill=drawing.TEXT)
        write(
            self._sheet,
            self.language.notated("0.50"),
            at=(x, top - 12),
            colour=drawing.MUTED,
            font=load_font(15),
            anchor="ms",
        )

    def _paragraph(self, text: str, colour: drawing.Colour) -> None:
        for line in self._wrapped(text):
            self._line(line, colour)

    def _wrapped(self, text: str) -> tuple[str, ...]:
        return wrapped(text, self._right - self._left, load_font(15))

    def _line(self, text: str, colour: drawing.Colour) -> None:
        write(self._sheet, text, at=(self._left, self._y), colour=colour, font=load_font(15))
        self._y += 21


@cache
def _colour_scale(width: int) -> Image.Image:
    """Return the colours from no heat to its peak, as they are over a middle grey."""
    shares = np.tile(np.linspace(0, 1, width, dtype=np.float32), (14, 1))
    return drawing.as_picture(drawing.paint_heat(np.full(shares.shape, 96, np.uint8), shares))
