"""Model cards: what they say is whole and consistent, and mistakes in them are named."""

import math
from pathlib import Path

import pytest

from hilum.errors import CardInvalid
from hilum.predict.card import ModelCard, NetworkKind, WeightsFormat
from hilum.predict.catalogue import shipped_cards
from hilum.predict.graph import load_graph

PUBLISHED = {
    "densenet121-res224-all": 18,
    "densenet121-res224-chex": 11,
    "densenet121-res224-mimic_ch": 11,
    "densenet121-res224-mimic_nb": 11,
    "densenet121-res224-nih": 14,
    "densenet121-res224-pc": 15,
    "densenet121-res224-rsna": 2,
    "resnet50-res512-all": 16,
}

GOOD = """
name = "own"
version = "1"
title = "A card"
graph = "densenet121-res224"
input_size = 224
labels = ["Effusion", ""]
[operating_points.default]
Effusion = 0.1
"""


def test_every_published_model_has_a_card():
    """All eight classification weights of TorchXRayVision and the demonstration have one."""
    found = {
        card.name: len(card.trained_labels)
        for card in shipped_cards()
        if card.kind is NetworkKind.CLASSIFIER
    }

    assert PUBLISHED | {"demonstration": 10} == found


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
def test_card_fits_its_graph(card: ModelCard):
    """Input size and graph agree, and a classifier has a label for each of its 18 outputs."""
    if card.weights.format is WeightsFormat.SHIPPED:
        pytest.skip("a whole network: tests/phantom/test_demonstration_model.py")
    assert load_graph(card.graph).input_size == card.input_size
    assert len(card.labels) == {NetworkKind.CLASSIFIER: 18}.get(card.kind, len(card.labels))


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
def test_card_says_what_a_person_must_know(card: ModelCard):
    """Licence, limits and, where there is any, training data are written down."""
    assert card.licence != "unknown"
    assert card.limits
    assert card.training_data


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
def test_card_with_a_hash_says_who_vouches_for_it(card: ModelCard):
    """A hash without a source is a rumour."""
    assert bool(card.weights.sha256) == bool(card.weights.sha256_source)
    assert bool(card.weights.sha256) == bool(card.weights.size)


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
def test_every_set_of_points_covers_every_trained_label(card: ModelCard):
    """Another set of thresholds changes what is positive, never what is read."""
    for points in card.operating_points.values():
        assert set(card.trained_labels) == set(points)


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
def test_published_numbers_are_of_trained_labels(card: ModelCard):
    """An AUC or a score of a label that is not read would mislead."""
    trained = set(card.trained_labels)
    if card.published_auc is not None:
        for by_label in card.published_auc.by_data_set.values():
            assert trained.issuperset(by_label)
            assert all(0.5 <= area <= 1.0 for area in by_label.values())
    if card.published_scores is not None:
        assert trained == set(card.published_scores.scores)


def test_only_the_demonstration_comes_with_hilum():
    """Every other card names an address on the project's release page."""
    for card in shipped_cards():
        shipped = card.weights.format is WeightsFormat.SHIPPED
        assert card.demonstration == shipped
        assert shipped == (card.weights.url is None)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("version", "verzion"), "version"),
        (('"own"', '"../own"'), "name"),
        (('"own"', '"Own"'), "name"),
        (("input_size = 224", "input_size = 0"), "input_size"),
        (("0.1", "1.0"), "operating_points"),
        (("0.1", "nan"), "operating_points"),
        (('["Effusion", ""]', '["Effusion", "Effusion"]'), "a label is there twice"),
        (('["Effusion", ""]', '["Mass"]'), "Effusion: no labels"),
        (("operating_points.default", "operating_points.ppv80"), "'default' of operating points"),
        (("Effusion = 0.1", ""), "nothing could be read"),
        (("version = ", "version "), "not valid TOML"),
        (('title = "A card"', 'title = "A card"\ncolour = 1'), "colour"),
        (('title = "A card"', 'title = "A card"\nweights.sha256 = "abc"'), "sha256"),
        (('title = "A card"', 'title = "A card"\nweights.url = "file:///x"'), "url"),
    ],
)
def test_mistake_in_a_card_is_named(tmp_path: Path, change: tuple[str, str], match: str):
    """A field that is missing, misspelt or impossible is told by name."""
    assert change[0] in GOOD
    path = tmp_path / "own.toml"
    path.write_text(GOOD.replace(*change))

    with pytest.raises(CardInvalid, match=match):
        ModelCard.read(path)


ANATOMY = """
name = "anatomy"
version = "1"
title = "A card of masks"
kind = "segmentation"
input_size = 512
labels = ["Heart", "Left Lung", ""]
"""


def test_network_that_finds_nothing_needs_no_operating_points(tmp_path: Path):
    """Its labels are structures or views: all that are named, and none has a threshold."""
    path = tmp_path / "anatomy.toml"
    path.write_text(ANATOMY)

    card = ModelCard.read(path)
    assert NetworkKind.SEGMENTATION is card.kind
    assert ("Heart", "Left Lung") == card.trained_labels


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (('"segmentation"', '"classifier"'), "'default' of operating points"),
        (('"segmentation"', '"masks"'), "kind"),
        (('""]', '""]\n[operating_points.default]\nHeart = 0.5'), "only a classifier"),
    ],
)
def test_mistake_in_a_card_of_another_kind_is_named(
    tmp_path: Path, change: tuple[str, str], match: str
):
    """A classifier without operating points, a kind that there is not, points without use."""
    path = tmp_path / "anatomy.toml"
    path.write_text(ANATOMY.replace(*change))

    with pytest.raises(CardInvalid, match=match):
        ModelCard.read(path)


def test_good_card_is_read(tmp_path: Path):
    """The card that the mistakes above are made in is whole."""
    path = tmp_path / "own.toml"
    path.write_text(GOOD)

    assert ("Effusion",) == ModelCard.read(path).trained_labels


@pytest.mark.parametrize("contents", [None, b"\xff\xfe"], ids=["missing", "not text"])
def test_card_that_cannot_be_opened_is_one_line(tmp_path: Path, contents: bytes | None):
    """A card that is not there, or not text, is told as that."""
    path = tmp_path / "own.toml"
    if contents is not None:
        path.write_bytes(contents)

    with pytest.raises(CardInvalid, match=r"own\.toml"):
        ModelCard.read(path)


def test_no_threshold_is_a_placeholder():
    """Thresholds are strictly between 0 and 1 in every card."""
    for card in shipped_cards():
        for points in card.operating_points.values():
            assert all(math.isfinite(p) and 0.0 < p < 1.0 for p in points.values())
