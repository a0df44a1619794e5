"""Are planted subgroups found, and none that is not? ``python -m bench evaluation``.

Two hundred simulated evaluations each, of a model that reads images of one of three makers
worse, and of one that reads all alike: 2,000 images of 1,000 patients, two findings, 18
groups. The second half tells how often a report names a group where nothing differs.
"""

from collections.abc import Iterator

import numpy as np

from bench.row import Row
from hilum.evaluation.intervals import groups_of
from hilum.evaluation.ranking import rank
from hilum.evaluation.subgroups import Grouping, adjusted, group_results

EVALUATIONS = 200
IMAGES = 2000
MONTHS = 6


def named(seed: int, *, worse: bool, images: int = IMAGES) -> set[tuple[str, str]]:
    """Return the groups that an evaluation names, as grouping and name.

    Parameters
    ----------
    worse
        Whether images of maker B are read worse; else all are read alike.
    """
    random = np.random.default_rng(seed)
    maker = random.integers(3, size=images)
    names = {
        Grouping.SEX: [("F", "M")[each] for each in random.integers(2, size=images)],
        Grouping.AGE: [f"{each}" for each in random.integers(4, size=images)],
        Grouping.VIEW: [("PA", "AP")[each] for each in random.integers(2, size=images)],
        Grouping.MANUFACTURER: ["ABC"[each] for each in maker],
        Grouping.MONTH: [f"2026-0{each + 1}" for each in random.integers(MONTHS, size=images)],
    }
    patients = groups_of([f"{number // 2}" for number in range(images)], images)
    results = {}
    for label in ("Effusion", "Mass"):
        truth = random.random(images) < 0.15
        gap = np.where((maker == 1) & worse, 0.8, 2.0)
        scores = gap * truth + random.normal(size=images)
        results[label] = group_results(names, scores, scores > 1.2, truth, patients)
    return {
        (group.grouping.value, group.name)
        for those in adjusted(results).values()
        for group in those
        if group.differs
    }


def covered(seed: int) -> bool:
    """Return whether the interval of an area has the true one, 0.9214, with 30 positives."""
    random = np.random.default_rng(seed)
    truth = np.arange(300) < 30
    found = rank(2.0 * truth + random.normal(size=300), truth).estimate
    return found.low <= 0.92135 <= found.high


def rows() -> Iterator[Row]:
    """Count."""
    planted = [named(seed, worse=True) for seed in range(EVALUATIONS)]
    hits = sum(("manufacturer", "B") in each for each in planted)
    wrong = sum(any(grouping != "manufacturer" for grouping, _ in each) for each in planted)
    yield Row("planted subgroup found", 100 * hits / EVALUATIONS, "%", at_least=95)
    yield Row("another grouping named beside it", 100 * wrong / EVALUATIONS, "%", limit=5)
    false = sum(bool(named(10_000 + seed, worse=False)) for seed in range(EVALUATIONS))
    yield Row("a group named where nothing differs", 100 * false / EVALUATIONS, "%", limit=5)
    inside = sum(map(covered, range(1000)))
    yield Row("true area inside its 95 % interval", inside / 10, "%", at_least=93)
