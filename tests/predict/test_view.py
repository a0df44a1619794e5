"""The view network gives what TorchXRayVision's class gives, and is asked where it should be."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hilum import phantom, pipeline, pixels
from hilum.errors import WeightsMissing
from hilum.pipeline import PipelineContext
from hilum.predict import ViewNetworks, find_card, load_model
from hilum.predict.acquire import install_torch
from hilum.predict.graph import load_graph
from hilum.predict.installed import open_installation
from hilum.predict.view import ViewNetwork
from hilum.reading import LATERAL, Reading
from hilum.settings import PixelSettings, Settings, ViewFromPixels
from model_inputs import model_input
from radiographs import make_radiograph
from reference_environment import reference_python
from torchxrayvision_outputs import ROOT, images

CARD = "resnet50-res224-view"
SCRIPT = ROOT / "scripts" / "reference_view.py"


@pytest.fixture(scope="module")
def state() -> dict[str, np.ndarray]:
    """Return a state dict of ResNet-50 that neither grows nor fades, whose first rows disagree."""
    graph = load_graph(CARD)
    rng = np.random.default_rng(3)
    state = {}
    for place in graph.tensors:
        if len(place.shape) > 1:
            spread = (2 / np.prod(place.shape[1:])) ** 0.5
            state[place.name] = rng.normal(0, spread, place.shape)
        elif place.name.endswith("running_var"):
            state[place.name] = rng.uniform(0.6, 1.4, place.shape)
        elif place.name.endswith("weight"):
            low, high = (0.1, 0.3) if ".bn3." in place.name else (0.7, 1.3)
            state[place.name] = rng.uniform(low, high, place.shape)
        else:
            state[place.name] = rng.normal(0, 0.2, place.shape)
    state["fc.weight"] = rng.normal(0, 0.01, (graph.outputs, graph.features))
    state["fc.bias"] = rng.normal(0, 0.1, graph.outputs)
    return {name: array.astype(np.float32) for name, array in state.items()}


@pytest.mark.reference
def test_view_is_torchxrayvisions(tmp_path: Path, state: dict[str, np.ndarray]):
    """First two logits, softmax, 224 pixels: live, of all kinds of images, in both containers."""
    python = reference_python()
    if python is None:
        pytest.skip("no reference environment: scripts/reference_environment.sh makes one")
    shown = images(224)[::4]
    np.save(tmp_path / "images.npy", shown)
    np.savez(tmp_path / "state.npz", **state)
    subprocess.run([python, SCRIPT, tmp_path], check=True)
    wanted = dict(np.load(tmp_path / "outputs.npz"))
    settings = Settings.load(data_folder=tmp_path / "data")
    card = find_card(CARD, settings.data_folder)
    hashes = set()
    for container in ("legacy", "zip"):
        path = tmp_path / f"{container}.pt"
        install_torch(card, path, "ab" * 32, settings.data_folder, inert_names=False)
        hashes.add(open_installation(card, settings.data_folder).record.contents_sha256)
    network = ViewNetwork(card, settings)
    found = [network.frontal(model_input(image)) for image in shown]

    assert 1 == len(hashes)
    assert card.labels == tuple(wanted["targets"])
    assert wanted["softmax"][:, 0].std() > 0.05
    np.testing.assert_allclose(found, wanted["softmax"][:, 0], rtol=0, atol=1e-4)


def test_only_the_rows_that_are_used_are_kept(state: dict[str, np.ndarray]):
    """998 of its thousand outputs are ImageNet's."""
    graph = load_graph(CARD)
    contents = graph.lay_out({f"module.{name}": array for name, array in state.items()}, 2)
    kept = graph.tensors_of(contents, 2)

    np.testing.assert_array_equal(state["fc.bias"][:2], kept["fc.bias"])
    np.testing.assert_array_equal(state["fc.weight"][:2], kept["fc.weight"])
    assert graph.weights_size(2) == len(contents)


class Opinion:
    """A view network that always says the same, and counts how often it is asked."""

    def __init__(self, frontal: float) -> None:
        self.identity = SimpleNamespace(input_size=224, key="opinion 1 00112233")
        self.asked = 0
        self._frontal = frontal

    def frontal(self, _: object) -> float:
        self.asked += 1
        return self._frontal


def read(opinion: Opinion | None, asked: ViewFromPixels, **header: object) -> Reading:
    """Return the reading of an image with this header."""
    settings = Settings().changed("model", name="demonstration")
    settings = settings.changed("pixels", view_network=asked)
    views = ViewNetworks(settings, demonstration=True)
    views.get = lambda: opinion
    context = PipelineContext(load_model(settings), settings, True, views=views)
    silent = {"ViewCodeSequence": None, "SeriesDescription": None, "StudyDescription": None}
    prepared = pipeline.prepare(make_radiograph(**{**silent, **header}), context)
    return pipeline.predict(prepared, context)


UNCLEAR = {
    "silent": {"ViewPosition": None, "PatientOrientation": None},
    "contradictory": {"ViewPosition": "PA", "SeriesDescription": "Chest lateral"},
}


@pytest.mark.parametrize("kind", UNCLEAR)
def test_lateral_pixels_are_warned_of_where_the_header_is_unclear(kind: str):
    """Both values are on record, and the image is read."""
    opinion = Opinion(0.02)
    reading = read(opinion, ViewFromPixels.WHEN_UNCLEAR, **UNCLEAR[kind])
    (doubt,) = (warning for warning in reading.warnings if warning.code == LATERAL)

    assert (1, 0.02) == (opinion.asked, reading.view.frontal)
    assert "frontal: 0.02" in doubt.text
    assert {"silent": "", "contradictory": "View Position: PA"}[kind] == reading.view.stated
    assert reading.view.stated in doubt.text
    assert reading.findings


@pytest.mark.parametrize(
    ("asked", "times"),
    [(ViewFromPixels.OFF, 0), (ViewFromPixels.WHEN_UNCLEAR, 0), (ViewFromPixels.ALWAYS, 1)],
)
def test_clear_header_is_doubted_only_by_setting(asked: ViewFromPixels, times: int):
    """It costs nothing where nobody asks."""
    opinion = Opinion(0.1)
    reading = read(opinion, asked, ViewPosition="PA")

    assert times == opinion.asked
    assert bool(times) == (reading.view is not None)
    assert bool(times) == (LATERAL in {warning.code for warning in reading.warnings})


def test_agreement_warns_of_nothing():
    """It is on record."""
    reading = read(Opinion(0.97), ViewFromPixels.ALWAYS, ViewPosition="PA")

    assert (0.97, "View Position: PA") == (reading.view.frontal, reading.view.stated)
    assert () == reading.warnings


def test_network_that_is_not_installed_says_nothing():
    """Where the header is silent, the warning of the gate stays as it is."""
    reading = read(None, ViewFromPixels.WHEN_UNCLEAR, **UNCLEAR["silent"])

    assert reading.view is None
    assert LATERAL not in {warning.code for warning in reading.warnings}


def test_missing_network_that_is_always_asked_is_told_at_start(tmp_path: Path):
    """With what to do, before any image comes."""
    views = ViewNetworks(Settings.load(data_folder=tmp_path), demonstration=False)

    assert views.get() is None
    with pytest.raises(WeightsMissing, match=f"hilum models pull {CARD}"):
        views.require()


@pytest.fixture(scope="module")
def demonstration() -> ViewNetwork:
    """Return the network that comes with hilum, loaded as the demonstration model's is."""
    network = ViewNetworks(Settings(), demonstration=True).get()
    assert network is not None
    return network


@pytest.mark.parametrize("lateral", [False, True], ids=["frontal", "lateral"])
def test_shipped_network_tells_phantoms_however_they_lie(demonstration: ViewNetwork, lateral: bool):
    """Upright, mirrored, upside down and on its side; of a population that no training saw."""
    made = phantom.make(900_003, size=128, lateral=lateral)
    seen = pixels.fit(pixels.radiograph_from_dicom(made.dataset, PixelSettings()), 224).pixels
    ways = (seen, np.fliplr(seen), np.flipud(seen), np.rot90(seen))
    told = [demonstration.frontal(model_input(way)) for way in ways]

    assert [not lateral] * len(ways) == [frontal >= 0.5 for frontal in told]


def test_shipped_network_is_stamped_and_small(demonstration: ViewNetwork):
    """Nobody takes it for one that has seen a patient; with the anatomy's it is 1.5 MB at most."""
    cards = [find_card(f"demonstration-{kind}", Path()) for kind in ("view", "anatomy")]

    assert demonstration.identity.demonstration
    assert all(card.title.startswith("DEMONSTRATION") for card in cards)
    assert sum(card.weights.size or 0 for card in cards) <= 1_500_000
