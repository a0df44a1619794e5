"""What lies between the lungs: heart, great vessels, airways."""

import numpy as np

from hilum.phantom.bars import capsule
from hilum.phantom.patient import Patient
from hilum.phantom.shapes import Canvas, Depth, Patch, Point, ellipsoid, united
from hilum.phantom.thorax import LEFT, RIGHT


def heart(canvas: Canvas, patient: Patient) -> Patch:
    """Return the heart, whose width over that of the chest is the patient's ratio.

    It is two ellipsoids: the ventricles, whose long axis points down, and the right atrium.
    """
    width = 2 * patient.lung_width * patient.cardiothoracic_ratio
    large = patient.cardiothoracic_ratio / 0.45
    angle = 0.62 - 0.3 * (large - 1) + 0.12 * (patient.inspiration - 0.5)
    short_over_long = 0.74
    reach = np.hypot(np.cos(angle), short_over_long * np.sin(angle))
    long = float(0.5 * width * 0.965 / reach)
    right_edge = -0.345 * width + patient.forward(30)
    shift = patient.forward(30)
    bottom = (patient.diaphragm(RIGHT) + patient.diaphragm(LEFT)) / 2 + 16 * patient.stature
    fall = long * float(np.hypot(np.sin(angle), short_over_long * np.cos(angle)))
    centre = (0.165 * width + shift, bottom - fall)
    ventricles = ellipsoid(canvas, centre, (long, short_over_long * long, 0.8 * long), angle)
    tall = 0.3 * width
    middle = (right_edge + 0.3 * width, centre[1] + 4.0)
    atrium = ellipsoid(canvas, middle, (0.3 * width, 1.22 * tall, 0.42 * width), 0.12)
    return united(canvas, [ventricles, atrium])


def great_vessels(canvas: Canvas, patient: Patient) -> Depth:
    """Return the depth of aorta, caval veins, pulmonary trunk and the tissue around, mm."""
    tall, aorta = patient.stature, patient.aorta
    shift, back = patient.forward(15), patient.forward(-35)
    knob = (11 + 0.6 * aorta + shift, 84 * tall)
    descent = (0.42 * aorta + 3 + back, 330 * tall)
    broad = 0.5 + 0.5 * patient.breadth
    field = canvas.empty()
    for start, end, radii, weight in (
        ((0.5 * shift, -60), (0.4 * shift, 44 * tall), (20, 21 * broad), 1.8),
        ((0.4 * shift, 30 * tall), (shift, 190 * tall), (20 * broad, 25 * broad), 2.6),
        ((-8 * broad + shift, -20), (-14 * broad + shift, 205 * tall), (13, 16), 3.0),
        ((back, 60 * tall), (back, 330 * tall), (18 * broad, 22 * broad), 4.0),
        ((knob[0] + 1.5, knob[1] + 6), descent, (0.78 * aorta, 0.85 * aorta), 4.0),
    ):
        # Nothing but soft tissue lies on these rays from the breastbone to the spine.
        wide = capsule(canvas, start, end, (float(radii[0]), float(radii[1])))
        wide.unite_with(field, weight)
    for patch in (
        ellipsoid(canvas, knob, (aorta, 1.05 * aorta, 2.6 * aorta)),
        ellipsoid(canvas, (19 * broad + shift, 118 * tall), (23, 25 * tall, 34)),
        ellipsoid(canvas, (-17 * broad + shift, 108 * tall), (18, 42 * tall, 36)),
    ):
        patch.unite_with(field, 1.5)
    return field


def airways(canvas: Canvas, patient: Patient) -> Patch:
    """Return the air in windpipe and main bronchi."""
    tall = patient.stature
    shift = patient.forward(8)
    carina = (1.5 + shift, 100 * tall)
    radius = 8.2 if patient.sex == "M" else 7.0
    parts = [
        capsule(canvas, start, end, (float(radii[0]), float(radii[1])))
        for start, end, radii in (
            ((0, -160), (2.5 + 0.5 * shift, 20 * tall), (radius + 0.6, radius)),
            ((2.5 + 0.5 * shift, 20 * tall), (-2 + shift, 78 * tall), (radius, radius)),
            ((-2 + shift, 78 * tall), carina, (radius, radius)),
            (carina, (-30 + shift, 126 * tall), (radius * 0.82, radius * 0.68)),
            (carina, (38 + shift, 131 * tall), (radius * 0.7, radius * 0.55)),
        )
    ]
    air = united(canvas, parts)
    air.depth[:] *= np.float32(1.25)
    return air


def hilum_at(patient: Patient, side: int) -> Point:
    """Return where vessels and bronchi enter a lung, mm; the left one is higher."""
    shift = patient.forward(5)
    below = 126 if side == RIGHT else 116
    return (side * 34 * (0.5 + 0.5 * patient.breadth) + shift, below * patient.stature)
