"""The overlay: one picture that shows in any viewer what was found, where, and by which model.

Left, the radiograph as displayed: once for each of the strongest positive findings, with
its heat and outlines, or once and untouched when nothing is positive. Right, all findings
with score and operating point, the legend, warnings. Above and below, what it is: AI,
which model, when, research only. No name and no identifier of the patient is on it.
"""

import math
from datetime import datetime
from functools import cache
from io import BytesIO
from itertools import zip_longest
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum import PRODUCT, RESEARCH_USE_ONLY, __version__
from hilum.explain import drawing
from hilum.explain.drawing import Weight, fitted, load_font, write
from hilum.explain.outline import outlines
from hilum.explain.panel import draw_frame, draw_outlines, heated, shrunk_to
from hilum.explain.table import Column
from hilum.language import Language
from hilum.reading import Finding, Heatmap, Reading
from hilum.wording import DEMONSTRATION, POSITIVE_OF_ALL, finding_name, score_text

GAP: Final = 20
"""Free space between neighbours, in pixels."""

CAPTION: Final = 40
"""Height of the line above a panel's picture, in pixels."""

BESIDE: Final = 3
"""With this many panels the strongest is large, and the others stand beside it."""


class Box(NamedTuple):
    """A rectangle of the sheet, in pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        """First row below it."""
        return self.top + self.height


def arrange(area: Box, panels: int, ratio: float) -> list[Box]:
    """Return the places of equal pictures of one ratio (width to height), each with a caption.

    Returns
    -------
    list[Box]
        One for each panel, captions included, as large as the area allows: in a grid, or
        one large with two beside it, whichever leaves less of the area empty.
    """
    grid = _grid(area, panels, ratio)
    if panels != BESIDE:
        return grid
    beside = _one_and_two(area, ratio)
    return max(grid, beside, key=lambda boxes: sum(box.width * box.height for box in boxes))


def _grid(area: Box, panels: int, ratio: float) -> list[Box]:
    """Return boxes of one size in rows and columns, centred across the area."""

    def picture_width(columns: int) -> int:
        rows = math.ceil(panels / columns)
        width = (area.width - GAP * (columns - 1)) / columns
        height = (area.height - GAP * (rows - 1)) / rows - CAPTION
        return max(1, int(min(width, height * ratio)))

    columns = max(range(1, panels + 1), key=picture_width)
    width = picture_width(columns)
    height = CAPTION + max(1, int(width / ratio))
    left = area.left + (area.width - columns * width - (columns - 1) * GAP) // 2
    return [
        Box(
            left + (index % columns) * (width + GAP),
            area.top + (index // columns) * (height + GAP),
            width,
            height,
        )
        for index in range(panels)
    ]


def _one_and_two(area: Box, ratio: float) -> list[Box]:
    """Return one large box and two small ones at its right, which end where it ends."""
    across = ((area.width - GAP) / ratio - CAPTION - GAP) / 3
    along = (area.height - 2 * CAPTION - GAP) / 2
    small = max(1, int(min(across, along)))
    large = 2 * small + CAPTION + GAP
    widths = int(large * ratio), int(small * ratio)
    left = area.left + (area.width - sum(widths) - GAP) // 2
    right = left + widths[0] + GAP
    return [
        Box(left, area.top, widths[0], large + CAPTION),
        Box(right, area.top, widths[1], small + CAPTION),
        Box(right, area.top + small + CAPTION + GAP, widths[1], small + CAPTION),
    ]


WIDTH: Final = 1440
"""Width of the sheet in pixels."""

BAND: Final = 60
"""Free rows at the top and at the bottom, in pixels: viewers write into the corners there."""

HEIGHT: Final = 1080 + 2 * BAND
"""Height of the sheet in pixels; legible when a viewer shows it at half size."""

MARGIN: Final = 30
"""Free space around everything, in pixels."""

TABLE: Final = 390
"""Width of the right column in pixels."""

HEADER: Final = BAND + 104
"""Height of the free band and the headline in pixels."""

LAST_LINE: Final = 44
"""Height of the last line in pixels."""

FOOTER: Final = LAST_LINE + BAND
"""Height of the last line and the free band in pixels."""

MAX_PANELS: Final = 4
"""Positive findings that are drawn; the table has them all."""


NOTES: Final = 180
"""Height that legend and warnings need below the panels, in pixels."""

AREA: Final = Box(
    MARGIN, HEADER, WIDTH - 2 * MARGIN - TABLE - 2 * GAP, HEIGHT - HEADER - FOOTER - MARGIN // 2
)
"""Room of the panels."""


def overlay(reading: Reading, *, when: datetime, language: Language) -> Image.Image:
    """Return the sheet of one reading.

    Returns
    -------
    Image
        Mode ``RGB``, `WIDTH` pixels wide; `HEIGHT` pixels high at most, fewer when the
        panels need less.
    """
    sheet = Image.new("RGB", (WIDTH, HEIGHT), drawing.BACKGROUND)
    _header(sheet, reading, when, language)
    panels = _panels(sheet, reading, language)
    table = Column(
        sheet, left=WIDTH - MARGIN - TABLE, top=HEADER + 8, width=TABLE, language=language
    )
    table.findings(reading)
    below = Box(MARGIN, panels + GAP, AREA.width, AREA.bottom - panels)
    end = max(panels, _notes(table, below, sheet, reading)) + MARGIN // 2
    _footer(sheet, min(end, HEIGHT - FOOTER), reading, language)
    return sheet.crop((0, 0, WIDTH, min(end + FOOTER, HEIGHT)))


def png(sheet: Image.Image) -> bytes:
    """Return a sheet as a PNG file."""
    buffer = BytesIO()
    sheet.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _header(sheet: Image.Image, reading: Reading, when: datetime, language: Language) -> None:
    """Write the headline, the model and the time, and the AI mark."""
    say = language.say
    edge = _badge(sheet, say("AI · RESEARCH USE ONLY"), WIDTH - MARGIN, filled=False)
    if reading.model.demonstration:
        edge = _badge(sheet, language.say(DEMONSTRATION), edge - GAP, filled=True)
    room = edge - MARGIN - GAP
    positive = len(reading.positives)
    title: str = say("No finding at or above its operating point")
    if positive:
        title = say(POSITIVE_OF_ALL, positive=positive, all=len(reading.findings))
    large = load_font(32, Weight.MEDIUM)
    title = fitted(title, room, large)
    write(sheet, title, at=(MARGIN, BAND + 24), colour=drawing.TEXT, font=large)
    model = reading.model
    facts = (
        f"{model.name} {model.version}",
        say("Operating points: {name}", name=model.operating_points),
        say("Analyzed {when}", when=f"{when:%Y-%m-%d %H:%M} {when.tzname() or ''}".rstrip()),
    )
    line = fitted("  ·  ".join(facts), room, load_font(18))
    write(sheet, line, at=(MARGIN, BAND + 66), colour=drawing.MUTED, font=load_font(18))


def _badge(sheet: Image.Image, text: str, right: int, *, filled: bool) -> int:
    """Draw a mark that ends at `right`, and return where it begins."""
    badge = _drawn_badge(text, filled=filled)
    left = right - badge.width + 1
    sheet.paste(badge, (left, BAND + 28))
    return left


@cache
def _drawn_badge(text: str, *, filled: bool) -> Image.Image:
    """Return a mark on the background: there are two, and round corners take long to draw."""
    font = load_font(20, Weight.MEDIUM)
    width, height = round(font.getlength(text)) + 36, 38
    badge = Image.new("RGB", (width + 1, height + 1), drawing.BACKGROUND)
    draw = ImageDraw.Draw(badge)
    fill = drawing.CAUTION if filled else None
    draw.rounded_rectangle((0, 0, width, height), 19, fill=fill, outline=drawing.CAUTION, width=2)
    colour = drawing.BACKGROUND if filled else drawing.CAUTION
    draw.text(((width + 1) // 2, height // 2), text, colour, font, anchor="mm")
    return badge


def _panels(sheet: Image.Image, reading: Reading, language: Language) -> int:
    """Draw the radiograph once for each finding shown; return where the panels end."""
    radiograph = reading.radiograph
    shown = reading.positives[:MAX_PANELS]
    boxes = arrange(AREA, max(1, len(shown)), radiograph.columns / radiograph.rows)
    sizes = {(box.width, box.height - CAPTION) for box in boxes}
    greys = shrunk_to(radiograph, sizes)
    stamps = {size: _stamp(size, language) for size in sizes} if reading.model.demonstration else {}
    heatmaps = {heatmap.label: heatmap for heatmap in reading.heatmaps}
    for box, finding in zip_longest(boxes, shown):
        size = box.width, box.height - CAPTION
        picture = _picture(greys[size], heatmaps.get(finding.label) if finding else None, reading)
        if size in stamps:
            halo, word = stamps[size]
            picture.paste((0, 0, 0), (0, 0), halo)
            picture.paste(drawing.CAUTION, (0, 0), word)
        top = box.top + CAPTION
        sheet.paste(picture, (box.left, top))
        edge = (box.left - 1, top - 1, box.left + box.width, top + picture.height)
        ImageDraw.Draw(sheet).rectangle(edge, outline=drawing.RULE)
        _caption(sheet, box, finding, (reading, language))
    return max(box.bottom for box in boxes)


def _picture(grey: NDArray[np.uint8], heatmap: Heatmap | None, reading: Reading) -> Image.Image:
    """Return one panel's picture; without a heatmap the radiograph as it is."""
    radiograph = reading.radiograph
    picture = heated(grey, heatmap, radiograph) if heatmap else drawing.without_heat(grey)
    if reading.heatmaps:
        draw_frame(picture, reading.heatmaps[0].field_of_view, radiograph)
    if heatmap:
        lines = outlines(heatmap) or (heatmap.field_of_view.frame,)
        draw_outlines(picture, lines, radiograph)
    return drawing.as_picture(picture)


def _caption(
    sheet: Image.Image, box: Box, finding: Finding | None, of: tuple[Reading, Language]
) -> None:
    """Write a panel's finding and score above it; on a calm sheet the highest score."""
    reading, language = of
    middle = box.top + CAPTION // 2
    if finding is None:
        if reading.findings:
            highest = max(reading.findings, key=lambda candidate: candidate.score)
            text = language.say(
                "Highest score: {name} {score}",
                name=finding_name(highest.label, language),
                score=score_text(highest, language),
            )
            write(
                sheet,
                text,
                at=(box.left, middle),
                colour=drawing.MUTED,
                font=load_font(20),
                anchor="lm",
            )
        return
    font = load_font(22, Weight.MEDIUM)
    score = score_text(finding, language)
    write(
        sheet,
        score,
        at=(box.left + box.width, middle),
        colour=drawing.POSITIVE,
        font=font,
        anchor="rm",
    )
    room = box.width - round(font.getlength(score)) - GAP
    name = fitted(finding_name(finding.label, language), room, font)
    write(sheet, name, at=(box.left, middle), colour=drawing.TEXT, font=font, anchor="lm")


def _notes(table: Column, below: Box, sheet: Image.Image, reading: Reading) -> int:
    """Write legend and warnings, and return where the lowest column ends.

    They stand below the panels if these leave room, else below the table.
    """
    radiograph = reading.radiograph
    seen = {(h.field_of_view.height, h.field_of_view.width) for h in reading.heatmaps}
    framed = bool(seen - {(radiograph.rows, radiograph.columns)})
    legend, cautions = table, table
    if reading.positives and below.height >= NOTES:
        half = (below.width - 2 * GAP) // 2
        top, language = below.top + GAP, table.language
        right = below.left + half + 2 * GAP
        legend = Column(sheet, left=below.left, top=top, width=half, language=language)
        cautions = Column(sheet, left=right, top=top, width=half, language=language)
    if reading.positives:
        legend.legend(framed=framed)
    cautions.cautions(_cautions(reading, table.language), HEIGHT - FOOTER - 8)
    return max(column.bottom for column in (table, legend, cautions))


def _cautions(reading: Reading, language: Language) -> list[str]:
    """Return what to beware of, the weightiest first."""
    model = reading.model
    cautions = [warning.text[:1].upper() + warning.text[1:] for warning in reading.warnings]
    if not model.verified:
        unverified = language.say("Weights not verified: no published hash, trusted on first use.")
        cautions.insert(0, unverified)
    if model.demonstration:
        cautions.insert(0, language.say("Demonstration model: its numbers are meaningless."))
    if len(reading.positives) > MAX_PANELS:
        cautions.append(language.say("The {count} highest scores are shown", count=MAX_PANELS))
    return cautions


def _footer(sheet: Image.Image, y: int, reading: Reading, language: Language) -> None:
    """Write the research-only statement and what made the sheet, from row `y` on."""
    draw = ImageDraw.Draw(sheet)
    draw.line((MARGIN, y, WIDTH - MARGIN, y), fill=drawing.RULE)
    middle = y + LAST_LINE // 2
    statement = language.say(RESEARCH_USE_ONLY)
    write(
        sheet,
        statement,
        at=(MARGIN, middle),
        colour=drawing.CAUTION,
        font=load_font(17, Weight.MEDIUM),
        anchor="lm",
    )
    made = language.say(
        "{program}  ·  weights {digest}",
        program=f"{PRODUCT} {__version__}",
        digest=reading.model.sha256[:12],
    )
    write(
        sheet,
        made,
        at=(WIDTH - MARGIN, middle),
        colour=drawing.MUTED,
        font=load_font(16),
        anchor="rm",
    )


@cache
def _stamp(size: tuple[int, int], language: Language) -> tuple[Image.Image, Image.Image]:
    """Return masks of the word DEMONSTRATION across a panel: its dark edge, and itself.

    Turned letters are slow to draw and always the same, so they are drawn once a size.
    """
    word = language.say(DEMONSTRATION)
    points = 0.78 * math.hypot(*size) / load_font(100, Weight.MEDIUM).getlength(word) * 100
    font = load_font(max(12, round(points)), Weight.MEDIUM)
    box = round(font.getlength(word)) + 20, round(font.size * 1.5)
    masks = []
    for stroke, strength in ((max(2, round(font.size / 16)), 150), (0, 235)):
        level = Image.new("L", box)
        ImageDraw.Draw(level).text(
            (box[0] / 2, box[1] / 2), word, strength, font, anchor="mm", stroke_width=stroke
        )
        angle = math.degrees(math.atan2(size[1], size[0]))
        turned = level.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        mask = Image.new("L", size)
        mask.paste(turned, ((size[0] - turned.width) // 2, (size[1] - turned.height) // 2))
        masks.append(mask)
    return masks[0], masks[1]
