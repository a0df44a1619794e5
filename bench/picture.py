"""The benchmark table as a picture: how far each value is from what was promised."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from bench.row import Row

WIDTH: Final = 1280
ROW_HEIGHT: Final = 34
LEFT: Final = 560
FULL: Final = 380
"""Pixels from the axis to the promised value."""
LONGEST: Final = 1.35
"""Bars end at this share of the promised value."""
NUMBERS: Final = LEFT + round(LONGEST * FULL) + 16
"""Where the values stand."""
KEPT, SHORT, PLAIN, INK = "#3b7a57", "#b5472f", "#7a8794", "#1b1f24"


def share(row: Row) -> float | None:
    """Return the value as a share of what was promised, None when nothing was."""
    shares = []
    if row.limit is not None:
        shares.append(row.value / row.limit)
    if row.at_least is not None:
        shares.append(row.at_least / row.value)
    if row.ratio_at_least is not None and row.ratio is not None:
        shares.append(row.ratio_at_least / row.ratio)
    return max(shares) if shares else None


def draw(rows: Sequence[Row], caption: str, path: Path) -> None:
    """Write the picture: bars that end left of the line keep their promise."""
    image = Image.new("RGB", (WIDTH, ROW_HEIGHT * (len(rows) + 3)), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(15)
    pen.text(
        (20, 14),
        "measured, as a share of what is promised (left of the line: kept)",
        fill=INK,
        font=font,
    )
    for number, row in enumerate(rows):
        top = ROW_HEIGHT * (number + 2)
        pen.text((20, top), row.what, fill=INK, font=font)
        used = share(row)
        text = f"{row.value:.1f} {row.unit}" + (f", {row.ratio:.1f} x" if row.ratio else "")
        if used is not None:
            length = min(used, LONGEST) * FULL
            pen.rectangle(
                (LEFT, top + 3, LEFT + length, top + 19), fill=KEPT if used <= 1 else SHORT
            )
        pen.text((NUMBERS, top), text, fill=PLAIN if used is None else INK, font=font)
    bottom = ROW_HEIGHT * (len(rows) + 2)
    pen.line((LEFT + FULL, ROW_HEIGHT * 2 - 8, LEFT + FULL, bottom), fill=INK, width=2)
    pen.text((20, bottom + 6), caption, fill=PLAIN, font=font)
    image.save(path, optimize=True)
