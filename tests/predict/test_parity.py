"""The same images and weights give what TorchXRayVision itself gives.

Live where its environment is (``scripts/reference_environment.sh``), against committed
outputs otherwise; the summary at the end of the run says which.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hilum.predict import Model, find_card, load_model, open_installation
from hilum.predict.acquire import add_weights, card_like
from hilum.reading import Finding
from hilum.settings import Settings
from model_inputs import model_input
from reference_environment import reference_python
from torchxrayvision_outputs import (
    GOLDEN,
    GRAPHS,
    TorchXRayVision,
    images,
    read_golden,
    run_live,
)

RAW_TOLERANCE = 1e-5
SCORE_TOLERANCE = 1e-4
MAP_TOLERANCE = 1e-4
SETS = ("default", "ppv80")


@pytest.fixture(scope="module")
def all_references(
    tmp_path_factory: pytest.TempPathFactory, chest_path: Path
) -> dict[str, TorchXRayVision]:
    """Return what TorchXRayVision gives, by graph."""
    folder = tmp_path_factory.mktemp("torchxrayvision")
    python = reference_python()
    found = read_golden(folder) if python is None else run_live(python, folder, [chest_path])
    return {reference.graph: reference for reference in found}


@pytest.fixture(scope="module", params=GRAPHS)
def reference(
    request: pytest.FixtureRequest, all_references: dict[str, TorchXRayVision]
) -> TorchXRayVision:
    """Return what TorchXRayVision gives, one network at a time."""
    return all_references[request.param]


@dataclass(frozen=True)
class Ours:
    """What hilum gives for the same images and weights.

    Attributes
    ----------
    findings
        One tuple an image, for each set of operating points.
    maps
        One array (labels, height, width) an image.
    columns
        Index of each of hilum's labels among the 18 outputs.
    model
        The loaded model.
    """

    findings: dict[str, list[tuple[Finding, ...]]]
    maps: list[np.ndarray]
    columns: list[int]
    model: Model

    def values(self, points: str, what: str) -> np.ndarray:
        """Return one attribute of every finding: shape (images, labels)."""
        return np.array([[getattr(f, what) for f in row] for row in self.findings[points]])


@pytest.fixture(scope="module")
def ours(reference: TorchXRayVision, tmp_path_factory: pytest.TempPathFactory) -> Ours:
    """Return what hilum reads with TorchXRayVision's weights file, all 32 images and more."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    like = find_card(reference.card, settings.data_folder)
    add_weights(card_like("same", like), reference.files[0], settings.data_folder)
    findings: dict[str, list[tuple[Finding, ...]]] = {}
    maps: list[np.ndarray] = []
    made = images(like.input_size)
    every = [*made, *reference.outputs.get("radiographs", [])]
    for points in SETS:
        model = load_model(settings.changed("model", name="same", operating_points=points))
        shown = every if points == "default" else every[::8]  # the network is the same
        findings[points] = []
        for pixels in shown:
            row, heatmaps = model.predict(model_input(pixels))
            findings[points].append(row)
            if points == "default":
                maps.append(np.array([heatmap.activation for heatmap in heatmaps]))
    columns = [like.labels.index(label) for label in model.labels]
    return Ours(findings, maps, columns, model)


def test_images_are_of_all_kinds(reference: TorchXRayVision):
    """There are at least 30 of them, for each network."""
    assert 30 <= len(reference.outputs["logit"])


def test_reference_is_not_blind(reference: TorchXRayVision, ours: Ours):
    """The scores spread, lie on both sides of the operating points, and do not saturate."""
    scores = reference.outputs["score_default"][:, ours.columns]
    raw = 1 / (1 + np.exp(-reference.outputs["logit"][:, ours.columns]))

    assert 0.2 < (scores > 0.5).mean() < 0.8
    assert scores.std() > 0.1
    assert ((raw > 0.001) & (raw < 0.999)).mean() > 0.9
    assert (reference.outputs["logit"].std(0) > 0.5).all()


def test_raw_values_agree(reference: TorchXRayVision, ours: Ours):
    """The sigmoid of every logit is TorchXRayVision's to 1e-5, and what that varies by itself.

    On another processor its own values were up to 4e-6 apart from the committed ones.
    """
    here, committed = (
        1 / (1 + np.exp(-outputs["logit"][:, ours.columns].astype(np.float64)))
        for outputs in (reference.outputs, np.load(GOLDEN / f"{reference.graph}.npz"))
    )
    varies = np.zeros_like(here)  # radiographs come after the made images
    varies[: len(committed)] = np.abs(here[: len(committed)] - committed)

    assert varies.max() < RAW_TOLERANCE
    assert (np.abs(ours.values("default", "raw") - here) <= RAW_TOLERANCE + varies).all()


@pytest.mark.parametrize("points", SETS)
def test_scores_agree(reference: TorchXRayVision, ours: Ours, points: str):
    """Every normalised score is TorchXRayVision's to 1e-4, with either set of thresholds."""
    scores = ours.values(points, "score")
    expected = reference.outputs[f"score_{points}"][:, ours.columns]
    if points != "default":
        expected = expected[::8]

    np.testing.assert_allclose(scores, expected, rtol=0, atol=SCORE_TOLERANCE)


def test_every_call_agrees(reference: TorchXRayVision, ours: Ours):
    """What is positive here is positive there, but for scores within the tolerance."""
    expected = reference.outputs["score_default"][:, ours.columns]
    decided = np.abs(expected - 0.5) > SCORE_TOLERANCE

    positive = ours.values("default", "positive")
    np.testing.assert_array_equal(expected[decided] > 0.5, positive[decided])


def test_class_activation_maps_agree(reference: TorchXRayVision, ours: Ours):
    """Every map is the classifier's weights times the last feature map, to 1e-4 of its range."""
    for expected, found in zip(reference.outputs["cam"], ours.maps[::8], strict=True):
        wanted = expected[ours.columns]
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=MAP_TOLERANCE * scale)


def test_maps_average_to_the_logits(reference: TorchXRayVision, ours: Ours):
    """A map's mean and the classifier's bias are the logit: the map explains all of it."""
    for logits, maps in zip(reference.outputs["logit"], ours.maps, strict=True):
        found = maps.mean((1, 2)) + reference.outputs["bias"][ours.columns]
        np.testing.assert_allclose(found, logits[ours.columns], atol=2e-4, rtol=1e-4)


def test_untrained_labels_are_gone(reference: TorchXRayVision, ours: Ours):
    """TorchXRayVision gives 0.5 for what the weights never learned; here it does not exist."""
    never = [i for i in range(18) if i not in ours.columns]

    assert (reference.outputs["score_default"][:, never] == 0.5).all()
    assert {"resnet50-res512": 2}.get(reference.graph, 0) == len(never)


def test_every_container_and_kind_gives_the_same_weights(
    reference: TorchXRayVision, tmp_path: Path
):
    """Module or state dict, legacy or ZIP: the installed bytes are the same."""
    like = find_card(reference.card, tmp_path)
    hashes = set()
    for index, path in enumerate(reference.files):
        card = card_like(f"m{index}", like)
        add_weights(card, path, tmp_path)
        hashes.add(open_installation(card, tmp_path).record.contents_sha256)

    assert (4, 1) == (len(reference.files), len(hashes))


def test_fewer_labels_give_the_same_numbers(
    all_references: dict[str, TorchXRayVision], tmp_path: Path
):
    """A card that drops sixteen of eighteen outputs changes nothing in the other two."""
    reference = all_references["densenet121-res224"]
    settings = Settings.load(data_folder=tmp_path).changed("model", name="two")
    like = find_card("densenet121-res224-rsna", tmp_path)
    add_weights(card_like("two", like), reference.files[0], tmp_path)

    findings, _ = load_model(settings).predict(model_input(images(224)[0]))

    logits = reference.outputs["logit"][0][[8, 16]].astype(np.float64)
    assert ["Pneumonia", "Lung Opacity"] == [finding.label for finding in findings]
    np.testing.assert_allclose(
        [finding.raw for finding in findings], 1 / (1 + np.exp(-logits)), atol=RAW_TOLERANCE
    )


@pytest.mark.reference
def test_live_reference_is_the_committed_one(all_references: dict[str, TorchXRayVision]):
    """Where both can be had, today's TorchXRayVision gives what is committed."""
    if reference_python() is None:
        pytest.skip("no reference environment: scripts/reference_environment.sh makes one")
    for graph in GRAPHS:
        live, golden = all_references[graph].outputs, np.load(GOLDEN / f"{graph}.npz")["logit"]
        np.testing.assert_allclose(live["logit"][: len(golden)], golden, atol=2e-3)
