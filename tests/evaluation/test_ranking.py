"""Areas under curves, against R's pROC, scikit-learn and simulation."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from hilum.evaluation.intervals import Floats
from hilum.evaluation.ranking import (
    Ranking,
    average_precision,
    compare,
    precision_recall,
    rank,
    roc_curve,
)
from hilum.values.proportions import Z

HERE = Path(__file__).parent
AREAS = HERE / "areas.csv"
SCRIPT = HERE.parents[1] / "scripts" / "reference_areas.R"
EXPECTED = json.loads((HERE / "areas.json").read_text(encoding="utf-8"))


def cases() -> dict[str, Floats]:
    """Return case → truth and two scores, shape ``(images, 3)``."""
    rows: dict[str, list[list[float]]] = {}
    with AREAS.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["case"], []).append(
                [float(row[name]) for name in ("truth", "a", "b")]
            )
    return {name: np.array(values) for name, values in rows.items()}


def rankings(name: str) -> tuple[Ranking, Ranking]:
    """Return the rankings of both scores of a case."""
    truth, a, b = cases()[name].T
    return rank(a, truth), rank(b, truth)


def check_case(name: str, expected: dict[str, float]) -> None:
    """Compare a case with what pROC says."""
    a, b = rankings(name)
    found = {
        "auc_a": a.area,
        "auc_b": b.area,
        "variance_a": a.variance,
        "variance_b": b.variance,
        "covariance": float(a.influence @ b.influence),
        "low_a": max(a.area - Z * a.variance**0.5, 0),
        "high_a": min(a.area + Z * a.variance**0.5, 1),
    }
    variance = a.variance + b.variance - 2 * found["covariance"]
    found["z"] = (a.area - b.area) / variance**0.5

    assert expected == pytest.approx(found, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", EXPECTED)
def test_areas_are_those_of_proc(name: str):
    """Area, DeLong's variance, covariance of two scores and their test; ties and few positives."""
    check_case(name, EXPECTED[name])


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_proc_still_says_so():
    """The committed figures are what the script makes."""
    done = subprocess.run(
        ["Rscript", str(SCRIPT), str(AREAS)], capture_output=True, text=True, check=False
    )
    if "there is no package called" in done.stderr:
        pytest.skip("pROC is not installed (Debian: r-cran-proc)")

    assert json.loads(done.stdout) == {
        name: pytest.approx(values) for name, values in EXPECTED.items()
    }


def drawn(seed: int, *, images: int = 300, prevalence: float = 0.2) -> tuple[Floats, Floats]:
    """Return scores with ties, and truth."""
    random = np.random.default_rng(seed)
    truth = random.random(images) < prevalence
    return np.round(truth * 1.2 + random.normal(size=images), 1), truth


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_scikit_learn(seed: int):
    """Under both curves, with ties."""
    scores, truth = drawn(seed)

    assert roc_auc_score(truth, scores) == pytest.approx(rank(scores, truth).area)
    assert average_precision_score(truth, scores) == pytest.approx(
        average_precision(scores, truth).value
    )


def test_order_alone_counts():
    """Raw values, scores and log odds have one area."""
    scores, truth = drawn(1)

    assert rank(scores, truth).estimate == pytest.approx(rank(np.exp(scores), truth).estimate)


def test_curves_end_where_curves_end():
    """From nothing called to all called; the last precision is the prevalence."""
    scores, truth = drawn(2)
    curve, precision = roc_curve(scores, truth), precision_recall(scores, truth)

    assert (0, 0, 1, 1) == (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1])
    assert rank(scores, truth).area == pytest.approx(np.trapezoid(curve.y, curve.x))
    assert truth.mean() == pytest.approx(precision.y[-1])


@pytest.mark.parametrize("truth", [[0, 0, 0], [1, 1, 1], []])
def test_one_kind_of_images_has_no_area(truth: list[int]):
    """Nothing can be ranked above nothing, and no figure is made up."""
    found = rank(np.arange(len(truth)), truth)

    assert not found.estimate.known
    assert found.too_few
    assert not average_precision(np.arange(len(truth)), truth).known


def test_perfect_order_is_not_certainty():
    """Twelve of each kind told apart leave an interval, and wider than that of hundred."""
    few, many = (rank(np.arange(2 * n), np.arange(2 * n) >= n).estimate for n in (12, 100))

    assert (1.0, 1.0) == (few.value, few.high)
    assert few.low < many.low < 1


def test_repeated_images_do_not_narrow_the_interval():
    """Each patient four times, with all alike: the variance is that of one each."""
    scores, truth = drawn(3)
    four = np.repeat(np.arange(len(truth)), 4)

    once, again = rank(scores, truth), rank(scores[four], truth[four], four)

    assert once.area == pytest.approx(again.area)
    assert once.variance == pytest.approx(again.variance)
    assert again.variance > 3 * rank(scores[four], truth[four]).variance


def test_variance_by_patient_is_that_of_the_bootstrap():
    """Patients with several images, some with and some without the finding."""
    random = np.random.default_rng(4)
    patients = np.repeat(np.arange(150), random.integers(1, 5, 150))
    ill = random.normal(size=150)
    truth = ill[patients] + random.normal(size=len(patients)) > 1
    scores = 0.8 * ill[patients] + truth + random.normal(size=len(patients))
    where = [np.flatnonzero(patients == patient) for patient in range(150)]

    areas = []
    for _ in range(400):
        chosen = np.concatenate([where[patient] for patient in random.integers(0, 150, 150)])
        areas.append(rank(scores[chosen], truth[chosen]).area)

    assert np.std(areas) == pytest.approx(rank(scores, truth, patients).variance ** 0.5, rel=0.12)


def test_intervals_keep_what_they_claim():
    """With 20 positives and an area of 0.94, where plain intervals cover 90 of 100."""
    shift = 2.2  # normal scores so far apart have an area of 0.94
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        truth = np.arange(200) < 20
        found = rank(truth * shift + random.normal(size=200), truth).estimate
        covered += found.low <= 0.9401 <= found.high

    assert 0.925 <= covered / 400 <= 0.985


def test_two_groups_share_patients():
    """The same patients on two devices: what they have in common is no difference."""
    random = np.random.default_rng(6)
    truth = random.random(400) < 0.3
    scores = truth + random.normal(size=400)
    patients = np.arange(400)
    one, other = rank(scores, truth, patients), rank(scores + 1e-3, truth, patients)

    assert compare(one, other).p == 1
    assert compare(one, rank(random.normal(size=400), truth, patients)).p < 1e-4
    assert 0 == pytest.approx(compare(one, other).difference.value)
