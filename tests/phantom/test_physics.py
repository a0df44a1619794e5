"""Projection and exposure against what is known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from hilum.phantom.bars import capsule, capsules, smooth
from hilum.phantom.exposure import SPECTRUM, Technique, draw_technique, expose, quanta
from hilum.phantom.patient import CLINIC, draw_patient
from hilum.phantom.shapes import Canvas, ellipsoid
from hilum.phantom.texture import noise, smear, soften


@pytest.fixture
def canvas() -> Canvas:
    """Return rays 1 mm apart around the origin."""
    return Canvas.spread(201, 201, spacing=1.0, centre=(0.0, 0.0))


def drawn(canvas: Canvas, patch) -> np.ndarray:
    """Return a patch on the whole canvas."""
    field = canvas.empty()
    patch.add_to(field)
    return field


def exposed(canvas: Canvas, soft: np.ndarray, bone: np.ndarray, technique: Technique) -> np.ndarray:
    """Return what the detector measures, with its noise."""
    return expose(canvas, (soft, bone), quanta(canvas, technique), technique)


def test_ellipsoid_has_its_volume(canvas: Canvas):
    """The depths of an ellipsoid add up to 4/3 pi a b c, turned or not."""
    for angle in (0.0, 0.7):
        field = drawn(canvas, ellipsoid(canvas, (5.0, -3.0), (40.0, 25.0, 30.0), angle))

        assert field.sum() == pytest.approx(4 / 3 * np.pi * 40 * 25 * 30, rel=2e-3)
        assert field.max() == pytest.approx(60, rel=1e-3)


def test_capsule_has_its_volume(canvas: Canvas):
    """A bar with round ends holds a cylinder and a ball."""
    field = drawn(canvas, capsule(canvas, (-40.0, -20.0), (40.0, 30.0), (12.0, 12.0)))
    length = np.hypot(80, 50)

    assert field.sum() == pytest.approx(np.pi * 144 * length + 4 / 3 * np.pi * 12**3, rel=5e-3)


def test_many_bars_are_drawn_as_each_by_itself():
    """Bars that are worked out together pass each ray as they do one after the other."""
    canvas = Canvas.spread(200, 240, spacing=0.5, centre=(0.0, 0.0), lean=0.1)
    rng = np.random.default_rng(1)
    ends, radii = rng.uniform(-80, 80, (60, 2, 2)), rng.uniform(0.5, 9, (60, 2))
    ends[:30, 1] = ends[:30, 0] + rng.uniform(-9, 9, (30, 2))  # some are short, some outside
    together, one_by_one = canvas.empty(), canvas.empty()

    for patch in capsules(canvas, ends, radii):
        patch.unite_with(together)
    for (start, end), thick in zip(ends.tolist(), radii.tolist(), strict=True):
        capsule(canvas, tuple(start), tuple(end), tuple(thick)).unite_with(one_by_one)

    assert one_by_one.any()
    np.testing.assert_array_equal(together, one_by_one)


def test_body_at_the_edge_is_cut_off(canvas: Canvas):
    """What lies outside of the image is neither drawn nor an error."""
    assert 0 == drawn(canvas, ellipsoid(canvas, (500.0, 0.0), (20.0, 20.0, 20.0))).sum()
    half = drawn(canvas, ellipsoid(canvas, (100.5, 0.0), (30.0, 30.0, 30.0))).sum()

    assert half == pytest.approx(2 / 3 * np.pi * 30**3, rel=2e-2)


def test_leaning_patient_is_drawn_whole():
    """The box of a body follows the lean of the patient."""
    canvas = Canvas.spread(201, 201, spacing=1.0, centre=(0.0, 0.0), lean=0.2)
    field = drawn(canvas, ellipsoid(canvas, (0.0, 60.0), (20.0, 20.0, 20.0)))

    assert field.sum() == pytest.approx(4 / 3 * np.pi * 20**3, rel=5e-3)
    assert np.argwhere(field == field.max())[0].tolist() == [160, 112]


def test_curve_passes_through_its_points():
    """A smooth curve starts, ends and turns where it is told to."""
    points = [(0.0, 0.0), (10.0, 5.0), (20.0, -5.0)]
    curve = smooth(points, 21)

    np.testing.assert_allclose(curve[[0, 10, 20]], points, atol=1e-9)


def test_more_tissue_stops_more_and_hardens_the_beam(canvas: Canvas):
    """Without scatter, attenuation grows with depth, ever more slowly."""
    technique = draw_technique(np.random.default_rng(1), patient(), CLINIC)
    technique = replace(technique, scatter=0.0, quanta=1e7)
    depths = [
        float(np.median(exposed(canvas, canvas.empty() + d, canvas.empty(), technique)))
        for d in (0.0, 50.0, 100.0, 150.0)
    ]
    steps = np.diff(depths)

    assert depths[0] == pytest.approx(0, abs=1e-3)
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()
    assert 1 == pytest.approx(sum(share for share, _, _ in SPECTRUM))


def test_bone_stops_more_than_soft_tissue(canvas: Canvas):
    """A centimetre of cortical bone is seen on top of what lies around it."""
    technique = draw_technique(np.random.default_rng(1), patient(), CLINIC)
    soft = canvas.empty() + 100
    plain = np.median(exposed(canvas, soft, canvas.empty(), technique))
    bony = np.median(exposed(canvas, soft, canvas.empty() + 10, technique))

    assert 0.2 < bony - plain < 1.0


def patient():
    """Return some patient."""
    return draw_patient(np.random.default_rng(1), CLINIC)


def test_noise_is_the_same_at_every_resolution():
    """Texture is laid in millimetres, not in pixels."""
    coarse = Canvas.spread(101, 101, spacing=2.0, centre=(0.0, 100.0))
    fine = Canvas.spread(201, 201, spacing=1.0, centre=(0.0, 100.0))

    np.testing.assert_allclose(
        noise(fine, (1,), 10.0)[::2, ::2], noise(coarse, (1,), 10.0), atol=1e-3
    )
    assert noise(fine, (1,), 10.0).std() == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("blur", [lambda f: smear(f, 12.0), lambda f: soften(f, 1.5)])
def test_blur_keeps_flat_fields_and_means(blur):
    """A blurred field has the same level, and less of everything else."""
    rng = np.random.default_rng(1)
    field = rng.standard_normal((150, 170)).astype(np.float32) + 5

    np.testing.assert_allclose(blur(np.full((150, 170), 3, np.float32)), 3, rtol=1e-4)
    assert blur(field).mean() == pytest.approx(field.mean(), abs=0.02)
    assert blur(field).std() < 0.3 * field.std()
