"""The soft body: skin, shoulders, breasts, and the cavity that the lungs fill."""

from typing import Final

import numpy as np

from hilum.phantom.bars import capsule
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Patch, Tile, by_bands, dome, ellipsoid

HALF_DEPTH: Final = 92.0
"""Half of the depth of the chest inside the ribs at its deepest, mm."""

RIGHT: Final = -1
"""Side of the image on which the patient's right is, as a sign."""
LEFT: Final = 1
"""The other one."""
SIDES: Final = (RIGHT, LEFT)


def rise(y: Depth, patient: Patient, power: float = 3.0, root: float = 1.7) -> Depth:
    """Return 0 at the apex to 1 where the chest is widest, shape of `y`."""
    down = np.clip(y / np.float32(patient.lung_bottom), 0, 1)
    widest: Depth = (1 - (1 - down) ** power) ** np.float32(1 / root)
    return widest


def wall(y: Depth, patient: Patient) -> Depth:
    """Return the half-width of the chest inside the ribs at heights `y`, mm."""
    apex = 44.0 * patient.breadth
    return np.float32(apex) + np.float32(patient.lung_width - apex) * rise(y, patient)


def half_depth(y: Depth, patient: Patient) -> Depth:
    """Return half of the depth of the chest inside the ribs at heights `y`, mm."""
    whole = np.float32(HALF_DEPTH * patient.thickness)
    return whole * (np.float32(0.3) + np.float32(0.7) * rise(y, patient, 2.2, 1.2))


def lateral(canvas: Canvas, patient: Patient, side: int) -> Depth:
    """Return 0 at the midline to 1 at the wall of the chest of one side, shape of the canvas."""
    across: Depth = canvas.x * np.float32(side)
    across /= wall(canvas.y, patient)
    return across


def tile(canvas: Canvas, patient: Patient, side: int) -> Tile:
    """Return the part of the canvas outside of which one side of the chest has no cavity."""
    outer = patient.lung_width + 44.0 * patient.breadth  # no less than the wall anywhere
    left, right = sorted((0.0, side * outer))
    return canvas.tile(left, right, 0.0, 1.2 * patient.lung_bottom)


def cavity(canvas: Canvas, patient: Patient, side: int) -> Depth:
    """Return the depth of one side of the chest inside the ribs, mm, shape of the canvas.

    It ends where the diaphragm does, and is 0 outside.
    """
    y = canvas.y
    outer = wall(y, patient)
    outward = canvas.x * np.float32(side)
    # The wall is flatter than an ellipse: lungs stay deep almost to their edge.
    round_wall = np.abs(outward / outer)
    round_wall *= round_wall * np.sqrt(round_wall)
    depth = dome(1 - round_wall)
    depth *= 2 * half_depth(y, patient)
    # Towards the midline, and over the apex, the pleura turns in.
    turn = np.clip(y / np.float32(46 * patient.stature), 0, 1)
    inner = np.float32(4) + np.float32(38 * patient.breadth) * (
        1 - np.sqrt(np.maximum(1 - (1 - turn) ** 2, 0))
    )
    middle = (inner + outer) / 2
    inward = np.clip((middle - outward) / np.maximum(middle - inner, 1), 0, None)
    inward *= inward
    inward *= inward
    depth *= dome(1 - inward)
    there = (y > 0) & (y < np.float32(1.2 * patient.lung_bottom))
    depth *= there.astype(np.float32)
    return depth


def diaphragm(canvas: Canvas, patient: Patient, side: int, lift: float = 0.0) -> Depth:
    """Return the depth of what lies below one dome of the diaphragm, raised by `lift` mm."""
    top = patient.diaphragm(side) - lift
    height = 84.0 * patient.stature
    width = 0.59 * patient.lung_width
    centre = side * 0.52 * patient.lung_width
    x = (canvas.x - np.float32(centre)) * np.float32(side / width)
    # Towards the midline the two domes run into one.
    x[x < 0] *= np.float32(0.5)
    y = np.minimum((canvas.y - np.float32(top + height)) * np.float32(1 / height), 0)
    x *= x
    return dome(1 - x - y * y) * np.float32(3.2 * HALF_DEPTH * patient.thickness)


def body(canvas: Canvas, patient: Patient) -> Depth:
    """Return the depth of the whole body, mm, shape of the canvas."""
    whole = np.empty(canvas.shape, np.float32)

    def fill(at: Tile, band: Canvas) -> None:
        whole[at] = trunk_depth(band, patient)

    by_bands(canvas, fill)
    for patch in limbs(canvas, patient):
        patch.unite_with(whole)
    return whole


def trunk_depth(canvas: Canvas, patient: Patient) -> Depth:
    """Return the depth of the body without neck, shoulders and arms, mm, shape of the canvas."""
    y = canvas.y
    trunk = np.clip((y + 60) / np.float32(110 * patient.stature), 0, 1)
    half_width = (wall(y, patient) + np.float32(patient.fat)) * trunk ** np.float32(0.3)
    half_width = np.maximum(half_width, 1)
    across = np.abs(canvas.x / half_width)
    across *= across * np.sqrt(across)
    whole = dome(1 - across)
    skin = half_depth(y, patient) + np.float32(14 + 0.35 * patient.fat)
    skin += np.float32(24) * (1 - rise(y, patient))
    whole *= 2 * skin * trunk ** np.float32(0.4)
    return whole


def limbs(canvas: Canvas, patient: Patient) -> list[Patch]:
    """Return neck, shoulders, arms and breasts, each the deeper where two overlap."""
    broad, tall, fat = patient.breadth, patient.stature, patient.fat
    shoulder = (0.5 * fat + 172 * broad, (30 - 26 * patient.slouch) * tall)
    parts = [capsule(canvas, (0, -220), (0, 10 * tall), (56 + 0.2 * fat, 62 + 0.3 * fat))]
    for side in SIDES:
        joint = (side * shoulder[0], shoulder[1])
        elbow = (side * (shoulder[0] + 68), shoulder[1] + 420 * tall)
        parts += [
            capsule(canvas, (side * 30, -34), joint, (56 + 0.2 * fat, 54 + 0.2 * fat)),
            capsule(canvas, joint, elbow, (50 + 0.2 * fat, 40 + 0.4 * fat)),
        ]
    return parts


def breasts(canvas: Canvas, patient: Patient) -> list[Patch]:
    """Return the tissue of the breasts, or of the pectoral muscles, in front of the ribs."""
    tall, broad = patient.stature, patient.breadth
    parts = []
    for side in SIDES:
        if patient.breast:
            size = patient.breast
            centre = (side * (74 * broad + 0.2 * size), 128 * tall + 0.75 * size)
            patch = ellipsoid(canvas, centre, (size, 0.98 * size, 0.3 * size), side * 0.3)
            # Skin folds below a breast and runs on evenly above it.
            sag = (canvas.y[patch.at[0]] - np.float32(centre[1] - 0.9 * size)) / np.float32(size)
            patch.depth[:] *= np.clip(sag * np.float32(0.7), 0, 1)
        else:
            patch = ellipsoid(canvas, (side * 96 * broad, 84 * tall), (78, 50, 8), side * -0.6)
            patch.depth[:] *= patch.depth * np.float32(1 / 20)
        parts.append(patch)
    return parts
