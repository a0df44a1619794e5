"""The truth about a phantom, and how it is written down."""

import json

import numpy as np
import pytest

from hilum import phantom
from hilum.phantom import Phantom, make, run_lengths


def test_healthy_chest_has_nothing_to_find(healthy: Phantom):
    """No label, no finding, no mask."""
    assert ((), ()) == (healthy.truth.labels, healthy.truth.findings)
    assert healthy.truth.mask("Effusion") is None


def test_finding_lies_in_the_image(sick: Phantom):
    """Every mask has the image's shape and is neither empty nor the whole of it."""
    (finding,) = sick.truth.findings

    assert (sick.dataset.Rows, sick.dataset.Columns) == finding.mask.shape
    assert 0.0002 < finding.mask.mean() < 0.5


def test_side_is_the_patients(sick: Phantom):
    """The patient's right is on the left of the image, as in every frontal view."""
    (finding,) = sick.truth.findings
    centre = np.argwhere(finding.mask)[:, 1].mean() / finding.mask.shape[1]

    sides = {"right": centre < 0.5, "left": centre > 0.5}
    assert sides.get(finding.side, 0.35 < centre < 0.65)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["nodule", "mass"])
def test_round_finding_measures_what_it_says(kind: str, seed: int):
    """The longer side of its box is its size, within the raggedness of a mass."""
    drawn = make(seed, findings={kind}, size=400)
    (finding,) = drawn.truth.findings
    assert finding.box is not None
    longer = max(finding.box[2:]) * drawn.truth.spacing_mm

    assert longer == pytest.approx(finding.size_mm, rel=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_large_heart_is_wider_than_half_of_the_chest(seed: int):
    """Cardiomegaly is what its definition says, and a healthy heart is not."""
    scene = phantom.compose(seed, {"cardiomegaly"})
    drawn = make(seed, findings={"cardiomegaly"}, size=300)
    (finding,) = drawn.truth.findings
    chest = 2 * scene.patient.lung_width / drawn.truth.spacing_mm
    assert finding.box is not None

    assert finding.box[2] / chest > 0.54
    assert scene.patient.cardiothoracic_ratio <= 0.5


def test_document_is_json_with_box_side_and_size(sick: Phantom):
    """The truth can be read by any program."""
    document = json.loads(json.dumps(sick.truth.document()))
    (finding,) = document["findings"]

    assert "hilum.phantom/1" == document["schema"]
    assert list(sick.truth.labels) == document["labels"]
    assert 4 == len(finding["box"])
    assert finding["size_mm"] > 0


def test_run_lengths_give_the_mask_back():
    """Runs go down the columns and start with zeros, as COCO writes masks."""
    mask = np.array([[True, False, True], [True, True, False]])
    runs = run_lengths(mask)
    flat = np.repeat(np.arange(len(runs["counts"])) % 2 == 1, runs["counts"])

    assert [0, 2, 1, 2, 1] == runs["counts"]
    assert (mask == flat.reshape(runs["size"], order="F")).all()


def test_empty_mask_is_one_run():
    """A mask of nothing is one run of zeros."""
    assert [6] == run_lengths(np.zeros((2, 3), bool))["counts"]
