"""Segmentation networks: the shipped one, and parity with TorchXRayVision's own."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hilum.errors import CardInvalid
from hilum.phantom import make
from hilum.pixels import fit, radiograph_from_dicom
from hilum.predict import find_card
from hilum.predict.graph import TensorPlace, load_graph
from hilum.predict.installed import Installation, InstallRecord, open_shipped
from hilum.predict.network import Execution
from hilum.predict.segmentation import SegmentationModel, load_segmentation
from hilum.predict.weights import read_state
from hilum.radiograph import FieldOfView, ModelInput
from hilum.settings import PixelSettings, Settings
from model_inputs import blobs
from reference_environment import reference_python

ROOT = Path(__file__).resolve().parents[2]
PSPNET = "pspnet-chestx-det"


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> SegmentationModel:
    """Return the network that comes with hilum."""
    settings = Settings(data_folder=tmp_path_factory.mktemp("data"))
    return load_segmentation(settings.changed("anatomy", model="demonstration-anatomy"))


@pytest.mark.parametrize("seed", [900_001, 900_002])
def test_shipped_network_finds_lungs_and_heart(demonstration: SegmentationModel, seed: int):
    """On a phantom that it never saw, each mask lies on the phantom's own."""
    drawn = make(seed, size=256)
    seen = fit(radiograph_from_dicom(drawn.dataset, PixelSettings()), 128)
    masks = demonstration.masks(seen) > 0
    view = seen.field_of_view
    for name, mask in zip(demonstration.structures, masks, strict=True):
        whole = drawn.truth.organs[name][view.top : view.bottom, view.left : view.right]
        side = mask.shape[0]
        at = ((np.arange(side) + 0.5) * view.height / side).astype(int)
        truth = whole[np.ix_(at, at)]

        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.8


def test_shipped_network_is_stamped(demonstration: SegmentationModel):
    """Nobody takes it for one that has seen a patient; and it is small."""
    card = find_card("demonstration-anatomy", Path())

    assert demonstration.identity.demonstration
    assert card.title.startswith("DEMONSTRATION")
    assert card.weights.size is not None
    assert card.weights.size <= 1_000_000


def test_masks_without_a_name_are_left_out(demonstration: SegmentationModel):
    """A network may look for more than hilum has names and codes for."""
    card = find_card("demonstration-anatomy", Path())
    fewer = card.model_copy(update={"labels": ("Right Lung", "", "Heart")})
    model = SegmentationModel(fewer, open_shipped(card), Execution())
    image = ModelInput(blobs(3, 128), FieldOfView(0, 0, 128, 128))

    assert ("Right Lung", "Heart") == model.structures
    np.testing.assert_array_equal(demonstration.masks(image)[[0, 2]], model.masks(image))


@pytest.mark.parametrize("name", ["net.layer.weight", "net.net.layer.weight"])
def test_tensor_is_found_under_either_of_its_names(name: str):
    """The authors' own file of CXAS names the backbone once, TorchXRayVision's module twice."""
    place = TensorPlace("net.net.layer.weight", 0, (1,))
    graph = replace(
        load_graph("cxas-res512"),
        body_size=4,
        tensors=(place,),
        renamed=(("net.layer", "net.net.layer"),),
    )

    assert np.float32(2).tobytes() == graph.lay_out({name: np.array([2.0])}, 0)


def test_image_of_another_size_is_no_input(demonstration: SegmentationModel):
    """The caller resizes, and nobody else."""
    wrong = ModelInput(np.zeros((64, 64), np.float32), FieldOfView(0, 0, 64, 64))

    with pytest.raises(ValueError, match="takes 128×128"):
        demonstration.masks(wrong)


def test_classifier_is_no_segmentation_network(tmp_path: Path):
    """A model of findings named by mistake is refused in words."""
    settings = Settings(data_folder=tmp_path).changed("anatomy", model="demonstration")

    with pytest.raises(CardInvalid, match="finds no anatomy"):
        load_segmentation(settings)


@pytest.mark.reference
def test_masks_are_those_of_torchxrayvision(tmp_path: Path):
    """Weights as the authors' file has them, seeded: at most one mask pixel in 10,000 differs."""
    python = reference_python()
    if python is None:
        pytest.skip("there is no reference environment with torch")
    script = ROOT / "scripts" / "export_segmentation.py"
    subprocess.run([python, script, "--live", tmp_path], check=True, env={**os.environ})
    card = find_card(PSPNET, tmp_path)
    state = read_state(tmp_path / "pspnet_chestxray_best_model_4.pth", inert_names=False)
    contents = load_graph(card.graph).lay_out(state.tensors, len(card.labels))
    record = InstallRecord(source_sha256="0" * 64, contents_sha256="", verified=False)
    model = SegmentationModel(card, Installation(contents, record), Execution())
    with np.load(tmp_path / "masks.npz") as file:
        image, expected = file["image"], file["masks"]
    masks = model.masks(ModelInput(image[0, 0], FieldOfView(0, 0, 512, 512)))
    share = (expected > 0).mean(axis=(0, 2, 3))

    assert ((masks > 0) != (expected[0] > 0)).mean() <= 1e-4
    assert ((share > 0.001) & (share < 0.999)).sum() >= 5, (
        "nothing is proved by empty or whole masks"
    )
