"""Notes on an image's quality: each fault is found on a phantom made so, and none on a good one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from anatomy_masks import network
from hilum import anatomy
from hilum.phantom import skeleton
from hilum.phantom.scene import Drawing, Scene, brightness, compose, draw
from hilum.phantom.shapes import Canvas
from hilum.phantom.thorax import LEFT, RIGHT
from hilum.pixels.resize import center_square
from hilum.radiograph import ModelInput, PixelPipeline, Radiograph
from hilum.settings import AnatomySettings
from hilum.structures import LEFT_CLAVICLE, RIGHT_CLAVICLE, SPINE, Anatomy, Projection
from hilum.wording import anatomy_statements

SIDE = 128
"""Pixels of a side of phantom and masks."""

GOOD = {"rotation": 0.01, "inspiration": 0.7, "lean": 0.0}
"""Measures of a patient who stands as asked."""

Tone = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def masks_of(scene: Scene, drawing: Drawing) -> dict[str, NDArray[np.bool_]]:
    """Return the true masks of lungs, heart, clavicles and spine."""
    canvas = Canvas.spread(
        SIDE, SIDE, spacing=drawing.spacing, centre=scene.centre, lean=scene.patient.lean
    )
    masks = dict(drawing.organs)
    for name, side in ((RIGHT_CLAVICLE, RIGHT), (LEFT_CLAVICLE, LEFT)):
        masks[name] = np.zeros((SIDE, SIDE), np.bool_)
        bone = skeleton.clavicle(canvas, scene.patient, side)
        masks[name][bone.at] = bone.depth > 0
    field = canvas.empty()
    skeleton.spine(canvas, scene.patient, field)
    return masks | {SPINE: field > 0}


def seen(
    seed: int = 5,
    *,
    tone: Tone = lambda shown: shown,
    part: tuple[slice, slice] = (slice(None), slice(None)),
    without: str = "",
    projection: Projection = Projection.PA,
    **patient: float,
) -> Anatomy:
    """Return the anatomy of a phantom by its true masks, with another tone, cut to a part."""
    scene = compose(seed, ())
    scene = replace(scene, patient=replace(scene.patient, view="PA", **{**GOOD, **patient}))
    drawing = draw(scene, SIDE, SIDE)
    shown = (tone(brightness(scene, drawing)) * 2048 - 1024)[part].astype(np.float32)
    view = center_square(*shown.shape)
    square = (slice(view.top, view.bottom), slice(view.left, view.right))
    masks = {name: mask for name, mask in masks_of(scene, drawing).items() if name != without}
    logits = np.stack([np.where(mask, 4, -4)[part][square] for mask in masks.values()])
    radiograph = Radiograph(shown, None, PixelPipeline.DISPLAY)
    given = anatomy.NetworkMasks(
        network(), tuple(masks), logits.astype(np.float32), ModelInput(shown[square], view)
    )
    return anatomy.find(radiograph, given, projection=projection, settings=AnatomySettings())


def notes(found: Anatomy) -> list[str]:
    """Return the codes of what is noted."""
    return [check.note.code for check in found.quality if check.note is not None]


@pytest.mark.parametrize("seed", range(5, 9))
def test_good_phantom_has_no_note(seed: int):
    """Whoever they are, and every aspect was judged."""
    found = seen(seed)

    assert [] == notes(found)
    assert [True] * 4 == [check.judged for check in found.quality]
    assert "quality" not in " ".join(anatomy_statements(found))


def test_dark_lungs_are_noted():
    """As an overexposed film shows them."""
    assert ["quality_dark"] == notes(seen(tone=lambda shown: shown**3))


def test_bright_lungs_are_noted():
    """As an underexposed film shows them."""
    assert ["quality_bright"] == notes(seen(tone=lambda shown: 0.5 + shown / 2))


@pytest.mark.parametrize("rotation", [-0.2, 0.2])
def test_rotated_chest_is_noted(rotation: float):
    """To either side."""
    assert ["quality_rotated"] == notes(seen(rotation=rotation))


def test_shallow_inspiration_is_noted():
    """The diaphragm stands high."""
    assert ["quality_inspiration"] == notes(seen(inspiration=-1.6))


def test_cut_lungs_are_noted():
    """Where the image ends; what their height cannot tell then is said too."""
    found = seen(part=(slice(0, 88), slice(20, 108)))
    said = " ".join(anatomy_statements(found))

    assert {"quality_inspiration_not_judged", "quality_cut"} <= set(notes(found))
    assert "Right lung (bottom" in said


def test_what_the_networks_square_leaves_out_is_not_judged():
    """A broad image goes on beside it."""
    found = seen(part=(slice(30, 98), slice(None)), inspiration=0.7)
    by_aspect = {check.aspect: check for check in found.quality}
    inner = seen(part=(slice(8, 120), slice(None)))

    assert "quality_cut" in notes(found)  # its top and bottom are the image's
    assert by_aspect["inspiration"].judged is False
    assert "quality_cut" not in notes(inner)


@pytest.mark.parametrize(("name", "said"), [(SPINE, "Spine"), (RIGHT_CLAVICLE, "Right clavicle")])
def test_network_without_a_bone_judges_no_rotation(name: str, said: str):
    """It is said which is missing, and everything else is judged."""
    found = seen(without=name, rotation=0.2)
    (told,) = (each for each in anatomy_statements(found) if "could not be judged" in each)

    assert ["quality_rotation_not_judged"] == notes(found)
    assert f"rotation (the network does not look for it: {said})" in told


def test_view_that_is_not_frontal_is_not_judged():
    """Nothing at all."""
    found = seen(projection=Projection.OTHER)

    assert [False] * 4 == [check.judged for check in found.quality]
