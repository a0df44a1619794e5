"""The report's pictures, as SVG that stands in the page itself.

Colours and lines come from the report's style sheet by class. Every picture has a text that
says what it shows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from hilum.evaluation.calibration import CurvePoint
from hilum.evaluation.intervals import Estimate
from hilum.language import Language

SIDE: Final = 200
"""Units of a square picture's axes."""

LEFT, BELOW, ABOVE, RIGHT = 44, 40, 8, 12
"""Units around them."""

ROW: Final = 22
"""Units of a line of a forest."""

NAMES: Final = 190
"""Units that names take in it."""

AXIS: Final = 330
"""Units of its axis."""

FIGURES: Final = 150
"""Units of the figures beside it."""


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line of a forest: a value with its interval."""

    name: str
    value: Estimate
    marks: tuple[float, ...] = ()
    """Other values, drawn beside: published ones."""
    strong: bool = False
    """Whether it is drawn so that it is seen first."""
    weak: bool = False
    """Whether it rests on few."""


def forest(
    rows: Sequence[ForestRow], ends: tuple[float, float], middle: float, label: str, say: Language
) -> Markup:
    """Return values with their intervals, one below the other.

    Parameters
    ----------
    ends
        Of the axis.
    middle
        Value of the line that means nothing: 0.5 for an area, 0 for a difference.
    label
        What the picture says, for those who do not see it.
    """
    low, high = ends
    width, height = NAMES + AXIS + FIGURES, ROW * len(rows) + 30

    def at(value: float) -> float:
        return NAMES + (min(max(value, low), high) - low) / (high - low) * AXIS

    ticks = [low + (high - low) * step / 5 for step in range(6)]
    grid = "".join(
        f'<line class="grid" x1="{at(tick):.1f}" x2="{at(tick):.1f}" y1="0" y2="{height - 26}"/>'
        f'<text class="tick" x="{at(tick):.1f}" y="{height - 10}" text-anchor="middle">'
        f"{say.fixed(tick, 1)}</text>"
        for tick in ticks
    )
    grid += (
        f'<line class="nought" x1="{at(middle):.1f}" x2="{at(middle):.1f}" '
        f'y1="0" y2="{height - 26}"/>'
    )
    lines = "".join(_forest_row(number, row, at, say) for number, row in enumerate(rows))
    return _picture(f"0 0 {width} {height}", label, grid + lines, "forest")


def figure_text(estimate: Estimate, say: Language, digits: int = 2) -> str:
    """Return a figure with its interval: ``0.87 (0.81–0.91)``."""
    if not estimate.known:
        return "–"
    value, low, high = (
        say.fixed(part, digits) for part in (estimate.value, estimate.low, estimate.high)
    )
    return value if math.isnan(estimate.low) else f"{value} ({low}–{high})"


def _forest_row(number: int, row: ForestRow, at: Callable[[float], float], say: Language) -> str:
    y = ROW * number + ROW / 2
    kind = "strong" if row.strong else "weak" if row.weak else "plain"
    value = row.value
    text = f'<text x="{NAMES - 10}" y="{y + 4}" text-anchor="end">{escape(row.name)}</text>'
    marks = "".join(
        f'<path class="published" d="M{at(mark):.1f} {y - 6} l4 6 l-4 6 l-4 -6 z"/>'
        for mark in row.marks
    )
    if not value.known:
        return f"<g>{text}{marks}</g>"
    figures, bar = figure_text(value, say), ""
    if not math.isnan(value.low):
        bar = (
            f'<line class="bar" x1="{at(value.low):.1f}" x2="{at(value.high):.1f}" '
            f'y1="{y}" y2="{y}"/>'
        )
    return (
        f'<g class="{kind}">{text}{bar}{marks}'
        f'<circle cx="{at(value.value):.1f}" cy="{y}" r="4"/>'
        f'<text class="figure" x="{NAMES + AXIS + 12}" y="{y + 4}">{figures}</text></g>'
    )


def curve(
    points: Sequence[tuple[float, float]],
    here: tuple[float, float] | None,
    axes: tuple[str, str],
    label: str,
    *,
    level: float | None = None,
) -> Markup:
    """Return a curve in the unit square.

    Parameters
    ----------
    points
        (x, y), both in [0, 1].
    here
        The operating point, None for none.
    axes
        What x and y are.
    level
        Height of chance: the prevalence, of precision; None is the diagonal, of a ROC curve.
    """
    start, end = ((0, 0), (1, 1)) if level is None else ((0, level), (1, level))
    line = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
    drawn = (
        f'<line class="nought" x1="{_x(start[0])}" y1="{_y(start[1]):.1f}" '
        f'x2="{_x(end[0])}" y2="{_y(end[1]):.1f}"/><polyline class="curve" points="{line}"/>'
    )
    if here is not None:
        drawn += f'<circle class="here" cx="{_x(here[0]):.1f}" cy="{_y(here[1]):.1f}" r="5"/>'
    return _square(drawn, axes, label)


def reliability(points: Sequence[CurvePoint], axes: tuple[str, str], label: str) -> Markup:
    """Return which share of images with a score shows the finding, with intervals."""
    drawn = f'<line class="nought" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    for point in points:
        x, shown = _x(point.score), point.shown
        drawn += (
            f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{_y(shown.low):.1f}" '
            f'y2="{_y(shown.high):.1f}"/><circle class="dot" cx="{x:.1f}" '
            f'cy="{_y(shown.value):.1f}" r="3.5"/>'
        )
    return _square(drawn, axes, label)


def _x(value: float) -> float:
    return LEFT + value * SIDE


def _y(value: float) -> float:
    return ABOVE + (1 - value) * SIDE


def _square(drawn: str, axes: tuple[str, str], label: str) -> Markup:
    foot = ABOVE + SIDE + 14
    frame = (
        f'<rect class="frame" x="{LEFT}" y="{ABOVE}" width="{SIDE}" height="{SIDE}"/>'
        f'<text class="tick" x="{LEFT}" y="{foot}" text-anchor="middle">0</text>'
        f'<text class="tick" x="{LEFT + SIDE}" y="{foot}" text-anchor="middle">1</text>'
        f'<text class="tick" x="{LEFT - 6}" y="{ABOVE + 5}" text-anchor="end">1</text>'
        f'<text class="axis" x="{LEFT + SIDE / 2}" y="{ABOVE + SIDE + 32}" text-anchor="middle">'
        f"{escape(axes[0])}</text>"
        f'<text class="axis" transform="translate({LEFT - 22} {ABOVE + SIDE / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(axes[1])}</text>'
    )
    size = f"0 0 {LEFT + SIDE + RIGHT} {ABOVE + SIDE + BELOW}"
    return _picture(size, label, frame + drawn, "square")


def hundred(counts: Mapping[str, int], label: str) -> Markup:
    """Return a hundred images as squares, each of its kind; see `of_hundred`."""
    kinds = [kind for kind, number in counts.items() for _ in range(number)]
    squares = "".join(
        f'<rect class="{kind}" x="{number % 10 * 16}" y="{number // 10 * 16}" width="13" '
        f'height="13" rx="2"/>'
        for number, kind in enumerate(kinds)
    )
    return _picture("0 0 160 160", label, squares, "hundred")


def of_hundred(counts: dict[str, int]) -> dict[str, int]:
    """Return counts per hundred, whole and 100 together; what is there at all has one at least."""
    total = sum(counts.values()) or 1
    shares = {kind: count * 100 / total for kind, count in counts.items()}
    whole = {kind: max(int(share), int(share > 0)) for kind, share in shares.items()}
    while (left := 100 - sum(whole.values())) and any(counts.values()):
        step = 1 if left > 0 else -1
        able = [kind for kind in whole if counts[kind] and whole[kind] + step > 0]
        nearest = max(able, key=lambda kind: step * (shares[kind] - whole[kind]))
        whole[nearest] += step
    return whole


def _picture(box: str, label: str, drawn: str, kind: str) -> Markup:
    return Markup(  # noqa: S704  numbers, words of ours, and what is escaped
        f'<svg class="{kind}" viewBox="{box}" role="img" aria-label="{escape(label)}">{drawn}</svg>'
    )
