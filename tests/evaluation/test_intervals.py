"""Shares, their intervals, and what keeps many comparisons honest."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hilum.evaluation.intervals import (
    as_normal,
    difference,
    fisher,
    groups_of,
    holm,
    paired_difference,
    proportion,
    t_quantile,
)
from hilum.values.proportions import wilson


@pytest.mark.parametrize(("count", "total"), [(0, 5), (5, 5), (1, 3), (48, 50), (137, 2000)])
def test_intervals_of_shares_are_wilsons(count: int, total: int):
    """As SciPy has them."""
    expected = stats.binomtest(count, total).proportion_ci(method="wilson")

    assert expected == pytest.approx(wilson(count, total))


def test_nothing_has_no_interval():
    """None of none is no share."""
    assert all(map(math.isnan, wilson(0, 0)))
    assert not proportion([]).known


@pytest.mark.parametrize("freedom", [4, 9, 30, 200])
def test_t_is_students(freedom: int):
    """Within one per cent from four degrees of freedom on."""
    assert stats.t.ppf(0.975, freedom) == pytest.approx(t_quantile(freedom), rel=0.01)
    assert as_normal(t_quantile(freedom), freedom) == pytest.approx(stats.norm.ppf(0.975))
    for t in (0.5, 2.0, 4.0):
        p = 2 * stats.norm.sf(as_normal(t, freedom))
        assert 2 * stats.t.sf(t, freedom) == pytest.approx(p, rel=0.1)


def test_images_of_one_patient_count_once():
    """Ten patients with ten equal images each are ten patients."""
    hits = np.repeat(np.arange(10) < 6, 10)
    patients = np.repeat(np.arange(10), 10)

    clustered = proportion(hits, patients)

    assert 10 == pytest.approx(clustered.size, rel=0.15)
    assert clustered.value == pytest.approx(0.6)
    assert clustered.high - clustered.low > 2 * (proportion(hits).high - proportion(hits).low)


def test_independent_images_count_each():
    """Where images of a patient are no more alike than others, nothing is lost."""
    drawn = np.random.default_rng(1)
    hits = drawn.random(2000) < 0.3

    assert proportion(hits, drawn.permutation(np.repeat(np.arange(500), 4))).size > 1700


def test_all_alike_count_as_patients():
    """A hundred hits of four patients do not show what a hundred patients would."""
    assert proportion(np.ones(100), np.repeat(np.arange(4), 25)).size == 4


def test_unnamed_patients_are_each_their_own():
    """They are not one large patient."""
    assert 4 == len(set(groups_of(["a", "", "a", "", "b"], 5)))
    assert [0, 1, 2] == groups_of(None, 3).tolist()


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_test_of_two_shares_is_fishers(n: int, m: int, first: float, second: float):
    """As SciPy has it."""
    a, b = round(first * n), round(second * m)

    expected = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue

    assert expected == pytest.approx(fisher((a, n), (b, m)), abs=1e-9)


def test_difference_is_newcombes():
    """His example: 56 of 70 less 48 of 80 (method 10)."""
    found = difference(proportion(np.arange(70) < 56), proportion(np.arange(80) < 48))

    assert (0.2, 0.0524, 0.3339) == pytest.approx((found.value, found.low, found.high), abs=5e-4)


def test_paired_shares_are_compared_in_pairs():
    """As McNemar does; shares that never differ are alike as far as their number shows."""
    one, other = np.arange(200) < 120, np.arange(200) < 100

    found, p = paired_difference(one, other, np.arange(200))
    same, sure = paired_difference(one, one, np.arange(200))

    assert found.value == pytest.approx(0.1)
    assert 0 < found.low < 0.1 < found.high < 0.2
    assert p < 0.001
    assert (0, 1) == (same.value, sure)
    assert 0 < same.high < 0.05


def test_many_comparisons_are_held_together():
    """Holm's adjustment; what was not tested is no test."""
    assert [0.03, 0.06, math.nan, 0.06] == pytest.approx(
        holm([0.01, 0.03, math.nan, 0.04]), nan_ok=True
    )
