"""What an operating point does, what scores have meant, and how many images it takes."""

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, confusion_matrix

from hilum.evaluation.calibration import calibrate
from hilum.evaluation.operating import at_point, npv_at, ppv_at
from hilum.evaluation.planning import cases_for_share, images_for_area


def calls(hits: int, missed: int, false: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """Return calls and truth with so many of each kind."""
    called = np.repeat([True, False, True, False], [hits, missed, false, right])
    return called, np.repeat([True, True, False, False], [hits, missed, false, right])


def test_four_fields_are_counted():
    """As scikit-learn counts them."""
    called, truth = calls(18, 2, 30, 150)
    found = at_point(called, truth)

    assert confusion_matrix(truth, called).tolist() == [
        [found.true_negatives, found.false_positives],
        [found.false_negatives, found.true_positives],
    ]
    assert (0.9, 150 / 180, 18 / 48, 150 / 152) == pytest.approx(
        (found.sensitivity.value, found.specificity.value, found.ppv.value, found.npv.value)
    )
    assert (0.24, 0.1) == pytest.approx((found.called.value, found.prevalence.value))


def test_nothing_called_has_no_predictive_value():
    """No positive call: what one is worth cannot be told."""
    found = at_point(*calls(0, 5, 0, 20))

    assert not found.ppv.known
    assert 0 == found.sensitivity.value
    assert found.sensitivity.high > 0.4


def test_predictive_values_move_with_prevalence():
    """At the prevalence of the images they are those counted; rarer findings, more false alarms."""
    found = at_point(*calls(180, 20, 300, 1500))

    assert ppv_at(found, 0.1).value == pytest.approx(found.ppv.value)
    assert npv_at(found, 0.1).value == pytest.approx(found.npv.value)
    assert ppv_at(found, 0.01).value == pytest.approx(0.009 / (0.009 + 0.165))
    assert ppv_at(found, 0.01).low < ppv_at(found, 0.01).value < ppv_at(found, 0.01).high


def test_predictive_value_of_no_false_alarm_is_not_certain():
    """None of fifty is not none of all."""
    found = ppv_at(at_point(*calls(18, 2, 0, 50)), 0.1)

    assert 1 == found.value
    assert 0.1 < found.low < 0.95
    assert 1 == found.high
    assert not ppv_at(at_point(*calls(0, 20, 0, 50)), 0.1).known


def scored(slope: float, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and truth whose log odds are `slope` times the scores', and `shift`."""
    random = np.random.default_rng(7)
    odds = random.normal(size=4000)
    truth = random.random(4000) < 1 / (1 + np.exp(-(slope * odds + shift)))
    return 1 / (1 + np.exp(-odds)), truth


def test_probabilities_are_known_as_such():
    """Slope one, intercept nought, every point of the curve on the diagonal."""
    found = calibrate(*scored(1.0, 0.0))

    assert found.slope.low < 1 < found.slope.high
    assert found.intercept.low < 0 < found.intercept.high
    assert 10 == len(found.curve)
    assert all(abs(point.score - point.shown.value) < 0.08 for point in found.curve)


def test_scores_that_are_none_are_known_as_such():
    """Too extreme, and too high."""
    scores, truth = scored(0.5, -1.0)
    found = calibrate(scores, truth)
    odds = np.log(scores / (1 - scores))
    fitted = LogisticRegression(C=np.inf).fit(odds[:, None], truth)

    assert fitted.coef_[0, 0] == pytest.approx(found.slope.value, abs=1e-3)
    assert found.slope.high < 1
    assert found.intercept.high < 0
    assert brier_score_loss(truth, scores) == pytest.approx(found.brier)
    assert found.brier_of_prevalence == pytest.approx(truth.mean() * (1 - truth.mean()))


@pytest.mark.parametrize(
    ("scores", "truth"),
    [([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]), ([0.5] * 4, [0, 1, 0, 1]), ([0.2, 0.4], [0, 0])],
)
def test_where_there_is_no_answer_none_is_given(scores: list[float], truth: list[int]):
    """Told apart, all alike, or of one kind: no slope."""
    assert not calibrate(scores, truth).slope.known


@pytest.mark.parametrize(
    ("half", "prevalence", "images"),
    [(0.05, 0.10, 930), (0.025, 0.10, 3720), (0.05, 0.02, 4530), (0.025, 0.02, 18110)],
)
def test_areas_need_so_many_images(half: float, prevalence: float, images: int):
    """An area of 0.85."""
    assert images == pytest.approx(images_for_area(half, 0.85, prevalence), rel=0.005)


@pytest.mark.parametrize(
    ("half", "share", "cases"),
    [(0.05, 0.80, 245), (0.05, 0.90, 141), (0.05, 0.95, 82), (0.10, 0.80, 60), (0.10, 0.95, 24)],
)
def test_shares_need_so_many_cases(half: float, share: float, cases: int):
    """Of those with the finding for a sensitivity."""
    assert math.isclose(cases, cases_for_share(half, share), abs_tol=1)
