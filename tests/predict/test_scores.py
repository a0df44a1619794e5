"""Operating points and scores: TorchXRayVision's scale, and the choice of thresholds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.errors import CardInvalid
from hilum.predict import find_card, load_model
from hilum.predict.model import normalise, sigmoid, to_findings
from hilum.predict.operating_points import choose_operating_points
from hilum.settings import Settings
from hilum.values.site_curve import SiteCurve
from model_inputs import blobs, model_input

NOWHERE = Path("nowhere")
shares = st.floats(0.0, 1.0)
points = st.floats(1e-6, 1 - 1e-6)


def one(raw: float, point: float) -> float:
    """Return the normalised value of one raw value."""
    return float(normalise(np.array([raw]), np.array([point]))[0])


@given(points)
def test_operating_point_scores_one_half(point: float):
    """A raw value on the threshold scores 0.5, and the ends stay where they are."""
    assert 0.5 == pytest.approx(one(point, point))
    assert (0.0, 1.0) == (one(0.0, point), one(1.0, point))


@given(shares, shares, points)
def test_normalisation_keeps_the_order_and_the_range(first: float, second: float, point: float):
    """A higher raw value never scores lower, and every score is in [0, 1]."""
    low, high = sorted((first, second))

    assert 0.0 <= one(low, point) <= one(high, point) + 1e-12 <= 1.0 + 1e-12


def test_normalisation_by_hand():
    """Half-way below the threshold is 0.25, half-way above it 0.75."""
    assert (0.25, 0.75) == (one(0.1, 0.2), one(0.6, 0.2))


@pytest.mark.parametrize("logit", [-1e4, -88.0, 0.0, 88.0, 1e4])
def test_sigmoid_never_leaves_its_range(logit: float):
    """The largest logits give 0 and 1, without a warning."""
    assert 0.0 <= float(sigmoid(np.array([logit], np.float32))[0]) <= 1.0


@given(st.floats(-30, 30, width=32), points)
def test_positive_and_score_agree(logit: float, point: float):
    """What is positive scores at least 0.5, and what is not scores less."""
    (finding,) = to_findings(["Effusion"], np.array([logit], np.float32), [point])

    assert finding.positive == (finding.score >= 0.5)


def test_findings_need_one_logit_a_label():
    """Labels are never paired by luck."""
    with pytest.raises(ValueError, match="longer than argument"):
        to_findings(["Effusion", "Mass"], np.zeros(3, np.float32), [0.1, 0.2, 0.3])


def test_logit_that_is_no_number_is_an_error():
    """A broken network gives no finding rather than an odd one."""
    with pytest.raises(ValueError, match="outside"):
        to_findings(["Effusion"], np.array([np.nan], np.float32), [0.1])


def test_published_ppv80_points_are_used():
    """The second published set has its own thresholds for the same labels."""
    card = find_card("densenet121-res224-all", NOWHERE)

    chosen = choose_operating_points(card, "ppv80")

    assert ("ppv80", 0.72715247) == (chosen.name, chosen.thresholds["Atelectasis"])


def test_site_file_replaces_what_it_names(tmp_path: Path):
    """A site's own thresholds are used, and the other labels keep the published ones."""
    card = find_card("densenet121-res224-all", NOWHERE)
    path = tmp_path / "our points.toml"
    path.write_text('Effusion = 0.25\n"Lung Opacity" = 0.5\n')

    chosen = choose_operating_points(card, str(path))

    default = card.operating_points["default"]
    assert default | {"Effusion": 0.25, "Lung Opacity": 0.5} == chosen.thresholds


def test_site_file_gives_its_results_another_name(tmp_path: Path):
    """Other thresholds are another set: the name tells two versions of a file apart."""
    card = find_card("densenet121-res224-all", NOWHERE)
    path = tmp_path / "our points.toml"
    names = []
    for threshold in (0.25, 0.26, 0.25):
        path.write_text(f"Effusion = {threshold}\n")
        names.append(choose_operating_points(card, str(path)).name)

    assert names[0].startswith("our_points@")
    assert names[0] == names[2] != names[1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "name no label"),
        ("Efusion = 0.2", "'Efusion', which densenet121-res224-all lacks"),
        ("Effusion = 0", "Effusion in points.toml is 0"),
        ("Effusion = 1.0", "is 1.0"),
        ("Effusion = nan", "is nan"),
        ("Effusion = true", "is True"),
        ('Effusion = "0.2"', "is '0.2'"),
        ("Effusion 0.2", "not valid TOML"),
    ],
)
def test_mistake_in_a_site_file_is_named(tmp_path: Path, text: str, match: str):
    """A label or threshold that can't be is told with the file's name."""
    path = tmp_path / "points.toml"
    path.write_text(text)

    with pytest.raises(CardInvalid, match=match):
        choose_operating_points(find_card("densenet121-res224-all", NOWHERE), str(path))


def test_site_file_that_is_not_there_is_one_line():
    """A path that can't be read is named."""
    card = find_card("densenet121-res224-all", NOWHERE)

    with pytest.raises(CardInvalid, match=r"points\.toml cannot be read"):
        choose_operating_points(card, "nowhere/points.toml")


def test_thresholds_change_calls_and_not_raw_values(settings: Settings, tmp_path: Path):
    """The same image with other thresholds has the same raw values and another identity."""
    path = tmp_path / "high.toml"
    path.write_text("Effusion = 0.999\n")
    plain = load_model(settings)
    high = load_model(settings.changed("model", operating_points=str(path)))

    before, _ = plain.predict(model_input(blobs(1)))
    after, _ = high.predict(model_input(blobs(1)))

    assert [f.raw for f in before] == [f.raw for f in after]
    assert "Effusion" not in {f.label for f in after if f.positive}
    assert plain.identity != high.identity


def test_site_curve_gives_a_probability_beside_the_score():
    """To its finding alone; score and state are as without."""
    curve = SiteCurve(-1.0, 0.6, (0.04, 0.01, 0.02), 200)
    labels, logits, points = ["Effusion", "Mass"], np.array([0.5, 0.5], np.float32), [0.1, 0.2]
    plain = to_findings(labels, logits, points)
    effusion, mass = to_findings(labels, logits, points, {"Effusion": curve})

    assert effusion.probability is not None
    assert effusion.probability.value == pytest.approx(1 / (1 + np.exp(0.7)))
    assert mass == plain[1]
    assert replace(effusion, probability=None) == plain[0]
