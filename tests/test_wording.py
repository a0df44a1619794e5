"""Words for people."""

import pytest

from hilum.language import ENGLISH, LANGUAGES
from hilum.reading import Finding
from hilum.wording import (
    FINDING_NAMES,
    PATH_REASONS,
    finding_name,
    path_reason,
    raw_texts,
    score_text,
)
from invented import LABELS
from messages import PORTUGUESE


def test_every_label_of_torchxrayvision_has_its_names():
    """All 18 labels are named, and nothing else is."""
    assert sorted(LABELS) == sorted(FINDING_NAMES)


def test_labels_are_called_by_their_names():
    """The label's name, in the language asked for."""
    assert "Pleural thickening" == finding_name("Pleural_Thickening", ENGLISH)
    assert "Derrame pleural" == finding_name("Effusion", PORTUGUESE)


def test_an_unknown_label_stands_for_itself():
    """A model of the user's own keeps its own words."""
    assert "Rib cut" == finding_name("Rib_cut", PORTUGUESE)


@pytest.mark.parametrize(
    ("raw", "score", "expected"),
    [
        (0.7, 0.912, "0.91"),
        (0.7, 0.729, "0.73"),
        (0.29999, 0.49999, "0.49"),
        (0.299999, 0.5, "0.49"),
        (0.3, 0.5, "0.50"),
        (0.3000001, 0.49999997, "0.50"),
        (0.1, 0.29, "0.29"),
        (1.0, 1.0, "1.00"),
        (0.0, 0.0, "0.00"),
    ],
)
def test_a_score_never_reads_across_the_operating_point(raw, score, expected):
    """Two decimals, rounded; below 0.50 if and only if the finding is negative."""
    assert expected == score_text(Finding("Mass", raw, 0.3, score), ENGLISH)


def test_portuguese_writes_a_comma():
    """Decimal numbers follow the language."""
    assert "0,91" == score_text(Finding("Mass", 0.7, 0.3, 0.912), PORTUGUESE)


@pytest.mark.parametrize(
    ("raw", "operating_point", "expected"),
    [
        (0.88237, 0.09814756, ("0.8824", "0.09815")),
        (0.00224, 0.0022490358, ("0.002240", "0.002249")),
        (0.0981474, 0.09814756, ("0.098147", "0.098148")),
        (0.09999964, 0.1, ("0.0999996", "0.100000")),
        (0.1, 0.0999999, ("0.1000", "0.10000")),
        (0.0, 0.3, ("0.0000", "0.3000")),
        (1e-9, 0.5, ("0.0000000", "0.5000")),
        (1.0, 0.5, ("1.0000", "0.5000")),
    ],
)
def test_raw_values_read_below_the_operating_point_when_negative(raw, operating_point, expected):
    """Four significant digits; more where a negative would else seem to reach its threshold."""
    score = 0.6 if raw >= operating_point else 0.4
    assert expected == raw_texts(Finding("Mass", raw, operating_point, score), ENGLISH)


def test_portuguese_raw_values_have_commas():
    """As the scores."""
    assert ("0,8824", "0,09815") == raw_texts(Finding("Mass", 0.88237, 0.09815, 0.9), PORTUGUESE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PATH_REASONS)
def test_reasons_of_the_path_are_parts_of_lines(name, language):
    """As those of the gate: no full stop. One code may have several texts."""
    assert name.partition(".")[0] == path_reason(name).code
    assert not language.say(path_reason(name).text).endswith(".")
