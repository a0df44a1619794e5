"""The letter of lead that tells right from left."""

from typing import TYPE_CHECKING, Final

import numpy as np

from hilum.phantom.bars import capsule
from hilum.phantom.shapes import Canvas, Depth, united

if TYPE_CHECKING:
    from hilum.phantom.scene import Scene

Stroke = tuple[tuple[float, float], tuple[float, float]]

STROKES: Final[dict[str, tuple[Stroke, ...]]] = {
    "L": (((0, 0), (0, 1)), ((0, 1), (0.62, 1))),
    "R": (
        ((0, 0), (0, 1)),
        ((0, 0), (0.42, 0)),
        ((0.42, 0), (0.6, 0.12)),
        ((0.6, 0.12), (0.6, 0.38)),
        ((0.6, 0.38), (0.42, 0.5)),
        ((0.42, 0.5), (0, 0.5)),
        ((0.28, 0.5), (0.64, 1)),
    ),
}
"""Strokes of the letters in a box 0.64 wide and 1 high, y downwards."""

HEIGHT: Final = 14.0
"""Of a letter, mm."""


def letter(canvas: Canvas, scene: "Scene") -> Depth:
    """Return where lead lies, 0 to 1, float32, shape of the canvas."""
    rng = np.random.default_rng((scene.technique.seed, 9))
    name = "L" if rng.random() < 0.6 else "R"  # noqa: PLR2004
    side = 1 if name == "L" else -1
    half = scene.side_mm / 2
    left = scene.centre[0] + side * half * float(rng.uniform(0.74, 0.84)) - 5
    top = scene.centre[1] - half * float(rng.uniform(0.72, 0.86))
    strokes = [
        capsule(
            canvas,
            (left + x0 * HEIGHT, top + y0 * HEIGHT),
            (left + x1 * HEIGHT, top + y1 * HEIGHT),
            (1.3, 1.3),
        )
        for (x0, y0), (x1, y1) in STROKES[name]
    ]
    lead = united(canvas, strokes)
    field = canvas.empty()
    np.minimum(lead.depth * np.float32(0.6), np.float32(0.97), out=field[lead.at])
    return field
