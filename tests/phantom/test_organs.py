"""The truth about lungs and heart."""

import numpy as np
import pytest

from hilum.phantom import Phantom, compose, make


def test_organs_lie_where_they_are_in_a_patient(healthy: Phantom):
    """The right lung is at the image's left, the heart between the lungs and on none of them."""
    organs = healthy.truth.organs
    centres = {
        name: np.argwhere(mask).mean(axis=0)[1] / mask.shape[1] for name, mask in organs.items()
    }

    assert centres["Right Lung"] < centres["Heart"] < centres["Left Lung"]
    assert not (organs["Heart"] & (organs["Right Lung"] | organs["Left Lung"])).any()
    assert {mask.shape for mask in organs.values()} == {healthy.dataset.pixel_array.shape}


@pytest.mark.parametrize("seed", range(6))
def test_ratio_is_that_of_the_patient(seed: int):
    """What the masks measure is what the heart was drawn with, but for a turn of the chest."""
    scene = compose(seed, ())
    drawn = make(seed, findings=(), size=200)

    assert drawn.truth.cardiothoracic_ratio == pytest.approx(
        scene.patient.cardiothoracic_ratio, abs=0.05
    )


@pytest.mark.parametrize("kind", ["effusion", "pneumothorax"])
def test_disease_leaves_the_lungs_where_they_are(kind: str):
    """Fluid, and air around a lung that collapsed, lie inside of what is called the lung."""
    healthy, sick = (make(5, findings=kinds, size=128).truth for kinds in ((), {kind}))

    assert {name: mask.sum() for name, mask in healthy.organs.items()} == pytest.approx(
        {name: mask.sum() for name, mask in sick.organs.items()}, rel=0.01
    )
    assert healthy.cardiothoracic_ratio == pytest.approx(sick.cardiothoracic_ratio, abs=0.01)


def test_document_has_ratio_and_masks(healthy: Phantom):
    """A JSON document of the truth tells how wide the heart is, and where the lungs are."""
    document = healthy.truth.document()

    assert 0.3 < document["cardiothoracic_ratio"] < 0.6
    assert {"Right Lung", "Left Lung", "Heart"} == set(document["organs"])
