"""docs/models.md is true: every model, every field, and its examples work."""

import re
import tomllib
from pathlib import Path

import pytest

from hilum.predict.acquire import card_like
from hilum.predict.card import ModelCard, WeightsSource
from hilum.predict.catalogue import find_card, shipped_cards
from hilum.predict.operating_points import site_points

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^ *```toml\n(.*?)^ *```", PAGE, flags=re.MULTILINE | re.DOTALL)
LIKE = "densenet121-res224-all"


@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
def test_every_model_has_its_row(card: ModelCard):
    """Labels, sets of thresholds and what is known of the hash are those of the card."""
    if card.demonstration:
        assert f"`{card.name}`" in PAGE
        return
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{card.name}`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert str(len(card.trained_labels)) == cells[3]
    assert ", ".join(f"`{name}`" for name in card.operating_points) == cells[4]
    assert ("published" if card.weights.sha256 else "first use") == cells[5]
    assert f"{card.input_size}²" in cells[1]


@pytest.mark.parametrize("field", [*ModelCard.model_fields, *WeightsSource.model_fields])
def test_every_field_of_a_card_is_explained(field: str):
    """Whoever writes a card finds each field on the page."""
    assert f"`{field}`" in PAGE


def test_examples_work(tmp_path: Path):
    """The thresholds, the card of added weights and the whole card are read as they stand."""
    thresholds, own, whole = EXAMPLES
    like = find_card(LIKE, tmp_path)
    path = tmp_path / "example.toml"

    path.write_text(thresholds)
    assert 0.25 == site_points(like, path).thresholds["Effusion"]
    path.write_text(own)
    assert ("Silicosis", "Tuberculosis") == card_like("ours", like, path).trained_labels
    path.write_text(whole)
    assert "silicosis" == ModelCard.read(path).name
    assert 30 == tomllib.loads(whole)["min_age_years"]
