"""The shipped demonstration model against its card, on phantoms that nobody chose it by."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import evaluate_demonstration as evaluation

from hilum import pipeline
from hilum.phantom import LABELS, make
from hilum.pipeline import PipelineContext
from hilum.predict import find_card, load_model
from hilum.predict.card import ModelCard
from hilum.settings import Settings

SEEDS = range(400_000, 400_300)
"""Neither training, nor the choice of operating points, nor the card's figures saw these."""

NETWORK = Path(evaluation.SHIPPED)


@pytest.fixture(scope="module")
def judged() -> evaluation.Judged:
    """Return what the shipped network says of 300 small phantoms."""
    return evaluation.judge(SEEDS, NETWORK, size=224)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    """Return the card of the demonstration model."""
    return find_card("demonstration", Path("nowhere"))


@pytest.fixture(scope="module")
def figures(judged: evaluation.Judged, card: ModelCard) -> dict[str, evaluation.Figures]:
    """Return the figures of each label at the card's operating points."""
    table = evaluation.measure(judged, card.operating_points["default"])
    return {row.label: row for row in table}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> PipelineContext:
    """Return a pipeline with the demonstration model, outside of `hilum demo`."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    settings = settings.changed("model", name="demonstration")
    return PipelineContext(load_model(settings), settings)


@pytest.mark.parametrize("label", LABELS)
def test_positives_outrank_negatives(figures: dict[str, evaluation.Figures], label: str):
    """The area under each ROC curve keeps the contract."""
    assert figures[label].positives >= 15
    assert figures[label].auroc >= 0.95


@pytest.mark.parametrize("label", LABELS)
def test_heatmap_peaks_on_the_finding(figures: dict[str, evaluation.Figures], label: str):
    """In at least four of five true positives the heatmap says where."""
    assert figures[label].localised >= 0.8


def test_healthy_chest_gets_no_positive_finding(judged: evaluation.Judged, card: ModelCard):
    """The operating points leave nearly every healthy phantom alone."""
    assert judged.healthy.sum() > 50
    assert evaluation.clean_share(judged, card.operating_points["default"]) >= 0.9


def test_figures_of_the_card_are_those_of_the_weights(
    figures: dict[str, evaluation.Figures], card: ModelCard
):
    """What the card says of its areas under the curve is what other phantoms give."""
    assert card.published_auc is not None
    (stated,) = card.published_auc.by_data_set.values()

    assert set(LABELS) == set(stated)
    for label, area in stated.items():
        assert figures[label].auroc == pytest.approx(area, abs=0.04)


def test_phantom_goes_through_the_whole_path(context: PipelineContext):
    """Gate, pixels and model take a phantom as they take any image, and find what is there."""
    made = make(64, findings={"effusion"})
    reading = pipeline.process(made.dataset, context).reading

    assert "Effusion" in {finding.label for finding in reading.positives}
    assert reading.model.demonstration


def test_detector_does_not_change_what_is_found(context: PipelineContext):
    """The same chest at another resolution gets nearly the same scores."""
    small, large = (
        pipeline.process(make(65, findings={"mass"}, size=size).dataset, context).reading
        for size in (300, 1024)
    )
    differences = [
        abs(a.score - b.score) for a, b in zip(small.findings, large.findings, strict=True)
    ]

    assert np.median(differences) < 0.05


def test_model_is_small_enough_to_ship():
    """The whole network is at most 3 MB."""
    assert NETWORK.stat().st_size <= 3_000_000


def test_card_says_what_it_is(card: ModelCard):
    """Nobody can take it for a model of patients."""
    assert card.demonstration
    assert card.title.startswith("DEMONSTRATION")
    assert any("never" in line and "patient" in line for line in card.limits)
    assert any("phantom" in line.lower() for line in card.training_data)
