"""Small drawings that the server makes: score bars, and findings over time.

SVG with attributes alone: the page's policy lets no style in. All are on one scale, on
which 0.5 is the operating point of every finding. A score is not a probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 100
"""Units of a bar: one for each hundredth of a score."""

COURSE: Final = (120, 30)
"""Width and height of a course, in units."""

EDGE: Final = 4
"""Units kept free around a course, so that no dot is cut."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score on one study."""

    value: float
    """In [0, 1]."""
    positive: bool
    """Whether it is at or above the operating point."""
    label: str
    """When the study was made and what the score is, in words."""


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


def course(scores: Sequence[Score], label: str) -> Markup:
    """Return two scores or more over a patient's studies, the oldest first, and `label` of them."""
    width, height = COURSE
    step = (width - 2 * EDGE) / max(1, len(scores) - 1)
    places = [
        (EDGE + n * step, EDGE + (1 - each.value) * (height - 2 * EDGE))
        for n, each in enumerate(scores)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(
        f'<circle class="{"is-positive" if each.positive else "is-negative"}" cx="{x:.1f}" '
        f'cy="{y:.1f}" r="2.6"><title>{escape(each.label)}</title></circle>'
        for each, (x, y) in zip(scores, places, strict=True)
    )
    middle = height / 2
    return Markup(  # noqa: S704  numbers, words of ours, and what is escaped
        f'<svg class="course" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}"><line class="point" x1="0" x2="{width}" y1="{middle}" '
        f'y2="{middle}"/><polyline points="{line}"/>{dots}</svg>'
    )
