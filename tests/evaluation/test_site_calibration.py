"""Calibrated probabilities at a site: how they are fitted, and when not."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hilum.evaluation.site_calibration import NOT_RISING, SiteFit, fit_curve, fit_sites
from hilum.values.site_curve import SiteCurve, log_odds


def simulated(count, seed=1, slope=0.6):
    """Return raw values and truth, whose log odds are 0.6 times the raw value's, less 1."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 2, count)
    truth = random.random(count) < 1 / (1 + np.exp(1 - slope * odds))
    return 1 / (1 + np.exp(-odds)), truth.astype(float)


def fitted(raw, truth, keys=None):
    """Return what is fitted and tried."""
    names = keys or [f"{number}" for number in range(len(raw))]
    return fit_sites({"Effusion": raw}, {"Effusion": truth}, names)["Effusion"]


def test_curve_is_the_one_that_scikit_learn_fits():
    """Platt's targets are weights there: each image is a bit of both."""
    raw, truth = simulated(400)
    curve = fit_curve(raw, truth > 0, np.arange(400))
    positives = truth.sum()
    target = np.where(truth > 0, (positives + 1) / (positives + 2), 1 / (402 - positives))
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.tile(log_odds(raw), 2)[:, None],
        np.repeat([1, 0], 400),
        np.concatenate([target, 1 - target]),
    )

    assert curve is not None
    assert curve.intercept == pytest.approx(oracle.intercept_[0], abs=1e-5)
    assert curve.slope == pytest.approx(oracle.coef_[0, 0], abs=1e-5)


def test_probability_is_right_on_the_other_patients():
    """The truth is within its interval, and the figures of the other half are better."""
    found = fitted(*simulated(2000))

    assert isinstance(found, SiteFit)
    site = found.curve.of(0.8)
    assert site.low < 1 / (1 + np.exp(1 - 0.6 * np.log(4))) < site.high
    assert 1000 == site.images == found.positives + found.negatives
    assert found.after.slope.low < 1 < found.after.slope.high
    assert found.before.slope.high < 1
    assert found.after.brier < found.before.brier


def test_images_of_one_patient_count_as_such():
    """The same images twice do not make the interval narrower."""
    raw, truth = simulated(400)
    once = fit_curve(raw, truth > 0, np.arange(400))
    twice = fit_curve(np.tile(raw, 2), np.tile(truth > 0, 2), np.tile(np.arange(400), 2))

    assert once is not None
    assert twice is not None
    width = once.of(0.5).high - once.of(0.5).low
    assert twice.of(0.5).high - twice.of(0.5).low == pytest.approx(width, rel=0.05)


def test_few_images_are_refused():
    """Twenty with it to fit on; the same curve with enough is given."""
    raw, truth = simulated(200)
    shown = np.flatnonzero(truth)
    few = np.full(200, np.nan)
    few[truth == 0] = 0.0
    few[shown[:30]] = 1.0

    assert "too_few" == fitted(raw, few)
    assert isinstance(fitted(raw, truth), SiteFit)


@pytest.mark.parametrize(
    ("raw", "truth"),
    [
        pytest.param(1 - simulated(400)[0], simulated(400)[1], id="the wrong way round"),
        pytest.param(*simulated(400, slope=0.0), id="nothing to do with it"),
        pytest.param(np.full(400, 0.3), simulated(400)[1], id="always the same"),
    ],
)
def test_a_value_that_does_not_tell_is_refused(raw, truth):
    """Such a curve would call the healthy ill, or be a prevalence in disguise."""
    assert NOT_RISING == fitted(raw, truth)


def test_values_that_separate_have_an_answer():
    """And none of it is certain."""
    truth = np.repeat([0.0, 1.0], 100)
    found = fitted(np.where(truth > 0, 0.9, 0.1), truth)

    assert isinstance(found, SiteFit)
    assert 0 < found.curve.of(0.0).value < found.curve.of(1.0).value < 1


@pytest.mark.parametrize("spoiled", [(0.0, -1.0), (0.0, 0.0), (np.nan, 1.0), (0.0, np.inf)])
def test_impossible_curve_is_refused(spoiled):
    """It falls, is flat, or is no number."""
    with pytest.raises(ValueError, match="rises"):
        SiteCurve(*spoiled, (1.0, 0.0, 1.0), 40)


def test_values_that_separate_perfectly_leave_a_doubt():
    """Two raw values, one of the ill and one of the healthy: forty images are not certain."""
    raw, truth = np.repeat([0.9, 0.1], 20), np.repeat([True, False], 20)
    curve = fit_curve(raw, truth, np.arange(40))

    assert curve is not None
    found = curve.of(0.9)
    assert found.low < 0.87
    assert found.high > 0.98
