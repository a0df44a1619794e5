"""Small drawings that the server makes: score bars, and findings over time.

SVG with attributes alone: the page's policy lets no style in. All are on one scale, on
which 0.5 is the operating point of every finding. A score is not a probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from markupsafe import Markup, escape

from hilum.language import Language

MIDDLE: Final = 0.5
"""Score of every operating point."""

WIDTH: Final = 100
"""Units of a bar: one for each hundredth of a score."""

COURSE: Final = (240, 84)
"""Width and height of a course, in units."""

LEFT, RIGHT, ABOVE, BELOW = 30, 8, 8, 18
"""Units that a course leaves free for its axes, and so that no dot is cut."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score on one study."""

    value: float
    """In [0, 1]."""
    positive: bool
    """Whether it is at or above the operating point."""
    label: str
    """When the study was made and what the score is, in words."""
    day: date | None = None
    """When the study was made, None where its date cannot be read."""


def bar(score: float, *, positive: bool, label: str) -> Markup:
    """Return a bar from 0 to 1 with the operating point marked, and what it says in words."""
    kind = "is-positive" if positive else "is-negative"
    filled = max(0.0, min(1.0, score)) * WIDTH
    return Markup(  # noqa: S704  numbers, two words of ours, and one that is escaped
        f'<svg class="bar {kind}" viewBox="0 0 {WIDTH} 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}"><rect class="track" width="{WIDTH}" height="8"/>'
        f'<rect class="value" width="{filled:.1f}" height="8"/>'
        f'<line class="point" x1="50" x2="50" y1="0" y2="8"/></svg>'
    )


def course(scores: Sequence[Score], label: str, language: Language) -> Markup:
    """Return two scores or more over a patient's studies, the oldest first, and `label` of them.

    They stand as far apart as their dates; evenly where one of these is not known.
    """
    width, height = COURSE
    days = [each.day.toordinal() for each in scores if each.day is not None]
    if len(days) < len(scores) or days[0] == days[-1]:
        days = list(range(len(scores)))
    across = (width - LEFT - RIGHT) / (days[-1] - days[0])

    def at(value: float) -> float:
        return ABOVE + (1 - value) * (height - ABOVE - BELOW)

    places = [
        (LEFT + (day - days[0]) * across, at(each.value))
        for day, each in zip(days, scores, strict=True)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle class="{"is-positive" if each.positive else "is-negative"}" cx="{x:.1f}" '
        f'cy="{y:.1f}" r="3.2"><title>{escape(each.label)}</title></circle>'
        for each, (x, y) in zip(scores, places, strict=True)
    )
    levels = "".join(
        f'<line class="{"point" if value == MIDDLE else "grid"}" x1="{LEFT}" x2="{width}" '
        f'y1="{at(value):.1f}" y2="{at(value):.1f}"/><text x="{LEFT - 5}" y="{at(value) + 3:.1f}" '
        f'text-anchor="end">{language.fixed(value, 2)}</text>'
        for value in (0.0, MIDDLE, 1.0)
    )
    ends = ((scores[0], LEFT, "start"), (scores[-1], width, "end"))
    dates = "".join(
        f'<text x="{x}" y="{height - 3}" text-anchor="{anchor}">'
        f"{escape(language.date(each.day))}</text>"
        for each, x, anchor in ends
        if each.day is not None
    )
    return Markup(  # noqa: S704  numbers, words of ours, and what is escaped
        f'<svg class="course" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}">{levels}{dates}<polyline points="{line}"/>{dots}</svg>'
    )
