"""Bones: a tilted ring for each rib, bent bars for clavicles and shoulder blades, a spine."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.phantom.bars import MARROW, bent_bone, bone_depth, capsule, shell, smooth
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Patch, ellipsoid
from hilum.phantom.thorax import HALF_DEPTH, SIDES, wall

RIBS: Final = 12
"""Pairs of ribs."""

MAIN_ARC: Final = 2.62
"""Angle from the spine at which ribs 2 to 7 turn into cartilage, radians."""


def bones(canvas: Canvas, patient: Patient) -> Depth:
    """Return the mineral on each ray, in mm of cortical bone, shape of the canvas."""
    rng = np.random.default_rng(patient.seed)
    field = canvas.empty()
    wobbles = rng.normal(0, 1, (RIBS, 4))
    for rib in range(RIBS):
        for side in SIDES:
            rib_ring(canvas, patient, rib, side, wobbles[rib]).add_to(field, 0.78)
    spine(canvas, patient, field)
    for side in SIDES:
        girdle(canvas, patient, side, field)
    sternum(canvas, patient, field)
    field *= np.float32(patient.mineral)
    return field


def rib_ring(
    canvas: Canvas, patient: Patient, rib: int, side: int, wobble: NDArray[np.float64]
) -> Patch:
    """Return one rib: a ring around the chest, tilted forwards, cut where its cartilage begins.

    Parameters
    ----------
    rib
        0 for the first.
    side
        One of `thorax.SIDES`.
    wobble
        Shape ``(4,)``: how this rib differs from the rule.
    """
    tall = patient.stature
    spread = 22.6 + 2.2 * patient.inspiration
    back = (2 + spread * rib + 0.22 * rib * rib + wobble[0]) * tall
    drop = (30 + 12.5 * min(rib, 7) + 1.5 * wobble[1]) * tall * (1.08 - 0.16 * patient.inspiration)
    middle = back + drop / 2
    outer = float(wall(np.array([[middle]], np.float32), patient)[0, 0])
    thick = (4.6 + 0.25 * min(rib, 6)) * (0.9 + 0.1 * tall)
    reach = outer - 0.25 * thick if rib else 0.88 * outer
    root = 10.0
    arc = MAIN_ARC - 0.25 * max(0, rib - 7) ** 1.2 - (0.25 if rib == 0 else 0.0)
    left, right = sorted((side * -6.0, side * (root + reach + thick)))
    at = canvas.tile(left, right, back - thick, back + drop + thick)
    x = canvas.x[at] * np.float32(side)
    x -= np.float32(root)
    y = canvas.y[at[0]] - np.float32(middle)
    return Patch(at, ring_depth(x, y, (reach - root, drop / 2), thick, arc))


def ring_depth(
    x: Depth, y: Depth, semi_axes: tuple[float, float], thick: float, arc: float
) -> Depth:
    """Return the depth of a bar bent into a tilted ring, from its top to `arc` radians.

    The distance to the projected ellipse is ``F / |grad F|`` to first order; a ray that
    runs along the bar, at the side of the chest, passes through more of it.
    """
    wide, high = semi_axes
    u, v = x * np.float32(1 / wide), y * np.float32(1 / high)
    square = u * u
    square += v * v
    # Most rays pass the bar by: only those near it are looked at further.
    reach = 1.05 * thick / min(wide, high)
    near = np.flatnonzero((square > (1 - reach) ** 2) & (square < (1 + reach) ** 2))
    u, v = (np.broadcast_to(part, square.shape).ravel()[near] for part in (u, v))
    radius = np.sqrt(square.ravel()[near])
    gradient = np.hypot(u * np.float32(1 / wide), v * np.float32(1 / high))
    distance = (radius - 1) * radius / gradient
    angle = np.arctan2(u, -v)
    sideways = (u / radius) ** 2
    flat = (1 - sideways) * np.float32(wide * wide) + sideways * np.float32(high * high)
    stretch = np.sqrt(1 + sideways * np.float32(HALF_DEPTH * HALF_DEPTH) / flat)
    width = np.float32(thick) * np.clip(1.12 - 0.2 * np.abs(angle - 1.5), 0.8, 1.05)
    inside = width * width - distance * distance
    bar = bone_depth(inside, shell(inside, width, 1.1))
    # In front ribs are thin, and far from the detector of a PA view.
    bar *= stretch * np.clip(np.float32(0.95) - np.float32(0.22) * angle, 0.36, 0.7)
    bar *= np.clip((np.float32(arc) - angle) * np.float32(wide / 6), 0, 1)
    bar *= np.clip((u * np.float32(wide) + np.float32(9)) * np.float32(0.3), 0, 1)
    depth = np.zeros(square.size, np.float32)
    depth[near] = bar
    return depth.reshape(square.shape)


def spine(canvas: Canvas, patient: Patient, field: Depth) -> None:
    """Add vertebrae from the neck to the loins: bodies, end plates, pedicles, spines."""
    tall = patient.stature
    shift = patient.forward(-58)
    top = -118.0 * tall
    for level in range(24):
        height = (13.5 + 0.62 * level) * tall
        disc = (2.4 + 0.14 * level) * tall
        half = (12.5 + 0.42 * level) * (0.5 + 0.5 * patient.breadth)
        vertebra(canvas, (shift, top + height / 2), (half, height / 2), field)
        top += height + disc


def vertebra(
    canvas: Canvas, centre: tuple[float, float], half: tuple[float, float], field: Depth
) -> None:
    """Add one vertebra: a box with waist and dense end plates, and what hangs on its arch."""
    wide, high = half
    rows, _ = canvas.tile(0, 0, centre[1] - high - 8, centre[1] + 1.15 * high + 8)
    if rows.start == rows.stop:
        return  # out of the image, with all that hangs on it
    at = canvas.tile(
        centre[0] - 1.2 * wide, centre[0] + 1.2 * wide, centre[1] - high, centre[1] + high
    )
    x = canvas.x[at] - np.float32(centre[0])
    y = (canvas.y[at[0]] - np.float32(centre[1])) / np.float32(high)
    waist = np.float32(wide) * (np.float32(0.9) + np.float32(0.12) * y * y)
    across = np.clip((waist - np.abs(x)) * np.float32(0.3), 0, 1)
    across *= np.clip((1 - np.abs(y)) * np.float32(0.35 * high), 0, 1)
    plate = np.float32(0.8) + np.float32(0.4) * np.clip((np.abs(y) - 0.6) * 4, 0, 1)
    rim = np.float32(1) + np.float32(0.5) * np.clip(1.6 - (waist - np.abs(x)) * 0.6, 0, 1)
    field[at] += across * plate * rim * np.float32(MARROW * 0.62 * 2 * wide * 0.5)
    for side in SIDES:
        root = (centre[0] + side * 0.62 * wide, centre[1] - 0.25 * high)
        ring = ellipsoid(canvas, root, (0.24 * wide, 0.42 * high, 5.5))
        ring.add_to(field, 0.32)
        tip = (centre[0] + side * 1.55 * wide, centre[1] - 0.35 * high)
        capsule(canvas, root, tip, (3.6, 2.6)).add_to(field, 0.3)
    tail = (centre[0], centre[1] + 1.15 * high)
    capsule(canvas, (centre[0], centre[1] + 0.45 * high), tail, (2.4, 3.4)).add_to(field, 0.7)


def girdle(canvas: Canvas, patient: Patient, side: int, field: Depth) -> None:
    """Add clavicle, shoulder blade and upper arm of one side."""
    tall = patient.stature
    joint = shoulder(patient, side)
    clavicle(canvas, patient, side).add_to(field, 0.85)
    head = (joint[0], joint[1] + 14)
    shaft = (side * (abs(joint[0]) + 61), joint[1] + 420 * tall)
    neck = (head[0] + side * 5.0, head[1] + 30.0)
    upper_arm = np.array([head, neck, shaft])
    bent_bone(canvas, upper_arm, np.array([22.0, 14.0, 11.5]), 2.2).add_to(field, 0.6)
    blade(canvas, patient, side, joint, field)


def shoulder(patient: Patient, side: int) -> tuple[float, float]:
    """Return where the shoulder joint of one side is, mm."""
    across = side * (0.42 * patient.fat + 160 * patient.breadth)
    return across, (28 - 24 * patient.slouch) * patient.stature


def clavicle(canvas: Canvas, patient: Patient, side: int) -> Patch:
    """Return the clavicle of one side; rotation moves its inner end against the spine."""
    tall, broad = patient.stature, patient.breadth
    lift = (16 if patient.view == "AP" else 0) * tall
    joint, front = shoulder(patient, side), patient.forward(70)
    course = smooth(
        [
            (side * 15 + front, 37 * tall - lift),
            (side * 46 * broad + front, 30 * tall - lift),
            (side * 92 * broad + 0.6 * front, 17 * tall - lift),
            (joint[0] - side * 18, joint[1] - 14 * tall),
        ],
        18,
    )
    radii = np.interp(np.linspace(0, 1, 18), [0, 0.12, 0.55, 1], [7.6, 6.2, 5.6, 6.8])
    return bent_bone(canvas, course, radii, 1.7)


def blade(
    canvas: Canvas, patient: Patient, side: int, joint: tuple[float, float], field: Depth
) -> None:
    """Add a shoulder blade: a thin plate with thick borders and the spine across it."""
    tall, broad = patient.stature, patient.breadth
    inward = side * (108 - 38 * patient.slouch) * broad + side * 12
    neck = np.array([joint[0] - side * 16, joint[1] + 12 * tall])
    upper = np.array([inward + side * 12, joint[1] + 4 * tall])
    root = np.array([inward, joint[1] + 34 * tall])
    lower = np.array([inward + side * 18, joint[1] + 140 * tall])
    plate(canvas, np.array([neck, upper, lower]), 1.1).add_to(field)
    for points, radii in (
        ([lower, (lower + neck) / 2 + [side * 2, 0], neck], (3.2, 4.2, 6.5)),
        ([upper, root, (root + lower) / 2 - [side * 3, 0], lower], (1.9, 1.6, 1.6, 3.0)),
        ([root, (root + neck) / 2 + [0, -9], joint + np.array([-side * 2, -16])], (2.2, 3.0, 6.0)),
        ([upper, (upper + neck) / 2 + [0, -4], neck], (1.6, 1.6, 4.0)),
    ):
        curve = smooth([(float(x), float(y)) for x, y in points], 10)
        thickness = np.interp(np.linspace(0, 1, 10), np.linspace(0, 1, len(radii)), radii)
        bent_bone(canvas, curve, thickness, 0.9).add_to(field, 0.8)
    ellipsoid(canvas, (float(neck[0]), float(neck[1])), (9, 19, 5)).add_to(field, 0.7)


def plate(canvas: Canvas, corners: NDArray[np.float64], thickness: float) -> Patch:
    """Return a flat triangle, `corners` of shape ``(3, 2)`` mm, `thickness` mm along the rays."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    at = canvas.tile(left, right, top, bottom)
    inside = np.full((canvas.x[at]).shape, np.inf, np.float32)
    middle = corners.mean(axis=0)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        normal = np.array([end[1] - start[1], start[0] - end[0]])
        normal = normal / np.hypot(*normal) * np.sign(normal @ (middle - start))
        distance = (canvas.x[at] - np.float32(start[0])) * np.float32(normal[0]) + (
            canvas.y[at[0]] - np.float32(start[1])
        ) * np.float32(normal[1])
        np.minimum(inside, distance, out=inside)
    return Patch(at, np.clip(inside * np.float32(0.3), 0, 1) * np.float32(thickness))


def sternum(canvas: Canvas, patient: Patient, field: Depth) -> None:
    """Add the breastbone, which the spine all but hides."""
    front = patient.forward(80)
    tall = patient.stature
    ellipsoid(canvas, (front, 52 * tall), (26, 25 * tall, 5.5)).add_to(field, MARROW)
    capsule(canvas, (front, 74 * tall), (front, 160 * tall), (15, 16)).add_to(field, 0.1)
