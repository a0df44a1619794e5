"""The same patient from the side: a left lateral view, simpler than the frontal one.

The patient faces the left of the image, so here x grows to the back; nothing ails them.
"""

from typing import Final

import numpy as np

from hilum.phantom import chest, thorax
from hilum.phantom.bars import capsule
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, dome, ellipsoid

VIEW: Final = "LL"
"""View Position of such a phantom (PS3.3 C.8.1.1)."""

VERTEBRAE: Final = 15
RIBS: Final = 10
"""On either side, as far as they are seen."""

MINERAL: Final = 0.22
"""Of a bone's depth, what is cortex."""


def back(y: float, patient: Patient) -> float:
    """Return how far behind the middle the chest ends inside the ribs at a height, mm."""
    return float(thorax.half_depth(np.full((1, 1), y, np.float32), patient)[0, 0])


def matter(canvas: Canvas, patient: Patient) -> Depth:
    """Return the depth of everything but bone as if it were soft tissue, mm."""
    y, tall = canvas.y, patient.stature
    inside = thorax.half_depth(y, patient)
    width = thorax.wall(y, patient)
    trunk = np.clip((y + 60) / np.float32(110 * tall), 0, 1)
    skin = np.maximum((inside + np.float32(16 + 0.4 * patient.fat)) * trunk ** np.float32(0.4), 1)
    soft = dome(1 - np.abs(canvas.x / skin) ** np.float32(2.5))
    soft *= (width + np.float32(patient.fat)) * 2 * trunk ** np.float32(0.3)
    for patch in (
        capsule(canvas, (10, 10 * tall), (20, -220), (64 + 0.2 * patient.fat, 58)),
        capsule(canvas, (0, -10), (-70, -200), (46 + 0.2 * patient.fat, 42)),  # an arm, raised
    ):
        patch.unite_with(soft, 1.6)
    if patient.breast:
        front = -back(140 * tall, patient)
        size = patient.breast
        ellipsoid(canvas, (front - 0.1 * size, 140 * tall), (0.5 * size, size, size)).add_to(soft)
    soft -= air(canvas, patient) * np.float32(1 - chest.LUNG_DENSITY)
    return np.maximum(soft, 0)


def air(canvas: Canvas, patient: Patient) -> Depth:
    """Return the depth of lung, mm: behind the breastbone, around the heart, above each dome."""
    y, tall = canvas.y, patient.stature
    inside = thorax.half_depth(y, patient)
    share = canvas.x / inside
    lung = dome(1 - np.abs(share) ** np.float32(2.5)) * thorax.wall(y, patient) * np.float32(0.8)
    lung *= np.clip(y / np.float32(20 * tall), 0, 1)
    both = canvas.empty()
    for side in thorax.SIDES:
        level = patient.diaphragm(side) + 55 * tall * (share + np.float32(0.25)) ** 2
        both += lung * np.clip((level - y) * np.float32(0.4), 0, 1)
    large = patient.cardiothoracic_ratio / 0.45
    bottom = (patient.diaphragm(thorax.RIGHT) + patient.diaphragm(thorax.LEFT)) / 2
    front = -0.36 * back(bottom - 40, patient)
    heart = ellipsoid(
        canvas, (front, bottom - 42 * tall), (50 * large, 58 * large * tall, 70 * large), 0.5
    )
    roots = ellipsoid(canvas, (6, 112 * tall), (19, 26 * tall, 40))
    for patch in (heart, roots):
        patch.add_to(both, -1)
    fine, coarse = chest.texture(canvas, patient)
    return np.maximum(both, 0) * (1 - fine * np.float32(0.03) - coarse * np.float32(0.05))


def bones(canvas: Canvas, patient: Patient) -> Depth:
    """Return the mineral of spine, breastbone and ribs, mm of cortical bone."""
    tall, field = patient.stature, canvas.empty()
    step = 25 * tall
    for number in range(VERTEBRAE):
        middle = -40 * tall + number * step
        behind = 0.8 * back(max(middle, 20), patient)
        block = ellipsoid(canvas, (behind, middle), (17, 0.47 * step, 22))
        block.add_to(field, MINERAL)
        capsule(canvas, (behind + 20, middle), (behind + 38, middle + 12), (4, 3)).add_to(
            field, 0.3
        )
    front = -0.98 * back(120 * tall, patient)
    capsule(canvas, (front + 14, 30 * tall), (front, 175 * tall), (6, 7)).add_to(field, 0.9)
    for number in range(RIBS):
        begin = (8 + number * 24) * tall
        for lag in (0.0, 7.0):  # the side that is farther from the detector is a little larger
            start = (0.78 * back(max(begin, 20), patient) + 0.5 * lag, begin + lag)
            end = (-0.62 * back(begin + 80, patient) - lag, begin + (78 + lag) * tall)
            capsule(canvas, start, end, (4.5, 4.0)).add_to(field, MINERAL)
    return field * np.float32(patient.mineral)
