"""Drift: the same images are silent, another scanner is an alarm, and nothing grows."""

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from drifting import LABELS, MODEL, answers, seen
from hilum.records import Database, drift
from hilum.records.database import sqlite_url
from hilum.records.drift import FIRST, Counts, DriftKind, DriftLevel, DriftLimits
from hilum.records.quality_tables import DRIFT_COUNT

MARCH = datetime(2026, 3, 5, tzinfo=UTC)
APRIL = datetime(2026, 4, 5, tzinfo=UTC)
SIMULATED = 400
"""Pairs of months of the same images: their false alarms are counted."""


def histograms(raw: np.ndarray, refused: int = 0) -> Counts:
    """Return what `drift.counts` would give for these images."""
    found: Counts = {
        (DriftKind.IMAGE, drift.ALL): {0: len(raw) + refused},
        (DriftKind.IMAGE, drift.READ): {0: len(raw)},
        (DriftKind.REFUSAL, "not_frontal"): {0: refused},
    }
    for label, values in zip(LABELS, raw.T, strict=True):
        places, numbers = np.unique([drift.bin_of(v) for v in values], return_counts=True)
        found[DriftKind.SCORE, label] = dict(zip(places.tolist(), numbers.tolist(), strict=True))
    return found


def reviews(before: Counts, now: Counts) -> dict[str, DriftLevel]:
    """Return what is said of each subject."""
    return {s.subject: s.level for s in drift.compare(before, now, DriftLimits())}


def test_months_of_the_same_images_are_silent():
    """Of 400 simulated pairs of months, 500 against 200 images of 18 labels, none alarms.

    Chance is held to 0.001 for a whole month: 0.4 of 400 would be expected at most.
    """
    loud = 0
    for seed in range(SIMULATED):
        rng = np.random.default_rng(seed)
        before, now = histograms(answers(rng, 500), 40), histograms(answers(rng, 200), 16)
        said = set(reviews(before, now).values())
        loud += bool(said - {DriftLevel.SAME, DriftLevel.TOO_FEW})

    assert loud <= 2


@pytest.mark.parametrize("seed", range(20))
def test_another_scanner_is_an_alarm_for_the_labels_that_it_moves(seed: int):
    """A shift of the logits by 0.9 is named, label by label, and the others stay silent."""
    rng = np.random.default_rng(seed)
    before, now = histograms(answers(rng, 500)), histograms(answers(rng, 300, moved=0.9))
    said = reviews(before, now)

    for label in LABELS[: len(LABELS) // 2]:
        assert said[label] in {DriftLevel.SHIFTED, DriftLevel.MOVING}
    assert DriftLevel.SHIFTED in said.values()
    assert {DriftLevel.SAME} == {said[label] for label in LABELS[len(LABELS) // 2 :]}


def test_more_refusals_are_an_alarm():
    """When a third of the images is refused instead of a few, the reason is named first."""
    rng = np.random.default_rng(1)
    before, now = histograms(answers(rng, 480), 20), histograms(answers(rng, 200), 100)
    (first, *_) = drift.compare(before, now, DriftLimits())

    assert (DriftKind.REFUSAL, "not_frontal", DriftLevel.SHIFTED) == (
        first.kind,
        first.subject,
        first.level,
    )
    assert 0.04 == pytest.approx(first.before)
    assert 1 / 3 == pytest.approx(first.now)


def test_few_images_say_nothing():
    """However far they are off, 199 images are too few."""
    rng = np.random.default_rng(1)
    said = reviews(histograms(answers(rng, 500)), histograms(answers(rng, 199, moved=3)))

    assert {DriftLevel.TOO_FEW} == {said[label] for label in LABELS}


def test_bins_hold_every_raw_value_and_their_middles_lie_in_them():
    """0 and 1 have a bin, order is kept, and a bin's middle is in the bin."""
    values = [0.0, 1e-9, 1e-4, 0.1, 0.5, 0.9, 0.9999, 1 - 1e-9, 1.0]
    places = [drift.bin_of(value) for value in values]

    assert sorted(places) == places
    assert (0, drift.BINS - 1) == (places[0], places[-1])
    assert all(place == drift.bin_of(drift.middle_of(place)) for place in range(drift.BINS))


def test_psi_is_that_of_the_textbook():
    """Two known distributions give the known index, but for the half case in each group."""
    before, now = [1000, 2000, 3000, 4000], [2000, 2000, 3000, 3000]
    expected = sum((b - a) / 10_000 * math.log(b / a) for a, b in zip(before, now, strict=True))

    assert expected == pytest.approx(drift.psi(before, now), rel=0.01)


@pytest.mark.parametrize(
    ("distance", "chance"),
    [
        (0.0, 1.0),
        (0.3, 0.9999906941),
        (0.5, 0.9639452436),
        (1.0, 0.2699996717),
        (1.22385, 0.1),
        (1.3581, 0.05),
        (1.62762, 0.01),
        (1.94947, 0.001),
        (6.0, 0.0),
    ],
)
def test_kolmogorovs_distribution_is_that_of_the_tables(distance: float, chance: float):
    """The chance of a larger distance, on either side of where its two series meet."""
    assert chance == pytest.approx(drift.kolmogorov(distance), rel=5e-5, abs=1e-12)


def test_counts_are_those_of_the_images(database: Database):
    """What was counted comes back, by month and for the first images."""
    rng = np.random.default_rng(2)
    with database.transaction() as connection:
        for raw in answers(rng, 6):
            drift.count(connection, "own", seen(MARCH, raw), reference_images=5)
        drift.count(connection, "own", seen(APRIL, None, ("not_frontal",)), reference_images=5)
        found = drift.counts(connection, "own", MODEL, "2026-03")

        assert {MODEL: ("2026-03", "2026-04", FIRST)} == drift.windows(connection, "own")
        assert [6, 1, 5] == [
            drift.images(connection, "own", MODEL, w) for w in ("2026-03", "2026-04", FIRST)
        ]
        assert {0: 6} == found[DriftKind.DECISION, "monochrome1_inverted"]
        assert {6} == {sum(found[DriftKind.SCORE, label].values()) for label in LABELS}
        april = drift.counts(connection, "own", MODEL, "2026-04")
        assert {0: 1} == april[DriftKind.REFUSAL, "not_frontal"]
        assert {} == drift.windows(connection, "another")


def test_counters_do_not_grow_with_the_images(tmp_path: Path):
    """The same images a hundred times need no more rows than once."""
    images = answers(np.random.default_rng(3), 3)
    sizes = []
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database:
        for turn in range(100):
            with database.transaction() as connection:
                for raw in images:
                    drift.count(connection, "own", seen(MARCH, raw), reference_images=500)
                if turn in {0, 99}:
                    rows = select(func.count()).select_from(DRIFT_COUNT)
                    sizes.append(connection.scalar(rows))

    assert sizes[0] == sizes[1]


def test_distance_from_the_reference_images_is_counted_and_compared():
    """Images that lie farther out month by month are a shift, like those of any label."""
    rng = np.random.default_rng(5)
    before, now = (
        {
            **histograms(answers(rng, 400)),
            (DriftKind.DISTANCE, drift.REFERENCE): dict(
                zip(*np.unique([drift.bin_of(v) for v in places], return_counts=True), strict=True)
            ),
        }
        for places in (rng.uniform(0, 1, 400), rng.beta(4, 1, 400))
    )

    (found,) = (s for s in drift.compare(before, now, DriftLimits()) if s.level != DriftLevel.SAME)
    assert (DriftKind.DISTANCE, DriftLevel.SHIFTED) == (found.kind, found.level)
    assert found.before < 0.6 < found.now


def test_percentile_is_counted_only_of_images_that_have_one():
    """A document without reference images says nothing of them."""
    row = {"findings": [], "pixels": {"decisions": []}}
    told = {**row, "out_of_distribution": {"percentile": 97.5}}
    distances = [
        drift.seen_in(MODEL, MARCH, {"readings": [each]}, ()).distance for each in (row, told)
    ]

    assert [None, 0.975] == distances
