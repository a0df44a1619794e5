"""What page, metrics and doctor are told of drift: of models that read, and of which month."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from drifting import LABELS, MODEL, answers, drifted, seen
from hilum.language import ENGLISH
from hilum.records import Database, drift
from hilum.records.database import sqlite_url
from hilum.records.drift import DriftKind, DriftLevel, Shift
from hilum.records.drift_watch import compared, shift_words, watched
from hilum.settings.constancy import ConstancySettings

APRIL = datetime(2026, 4, 5, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 30, tzinfo=UTC)
SETTINGS = ConstancySettings(drift_least_images=50, drift_reference_images=100)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Return a transaction in a database with a model that shifted in April."""
    with (
        Database(sqlite_url(tmp_path / "hilum.sqlite")) as database,
        database.transaction() as opened,
    ):
        drifted(opened, "own", moved=2.5, now=APRIL)
        yield opened


def test_model_that_reads_is_told_of_with_what_shifted(connection: Connection):
    """Half of its labels moved; nothing is told of another archive."""
    (found,) = watched(connection, "own", SETTINGS, APRIL)

    assert (MODEL, "2026-04", 60, 100) == (
        found.model,
        found.month,
        found.images,
        found.reference_images,
    )
    assert {DriftLevel.SHIFTED: 9, DriftLevel.SAME: 10} == {
        review: found.count(review) for review in DriftLevel if found.count(review)
    }
    assert set(LABELS[:9]) == {shift.subject for shift in found.loud}
    assert [] == watched(connection, "elsewhere", SETTINGS, APRIL)


def test_alarm_does_not_end_with_the_month(connection: Connection):
    """A new month has few images at first: the one before still counts."""
    for raw in answers(np.random.default_rng(1), 3):
        drift.count(connection, "own", seen(MAY, raw), reference_images=100)
    (at_first,) = watched(connection, "own", SETTINGS, MAY)
    (asked,) = compared(connection, "own", SETTINGS, month="2026-05")
    for raw in answers(np.random.default_rng(2), 60):
        drift.count(connection, "own", seen(MAY, raw), reference_images=100)
    (later,) = watched(connection, "own", SETTINGS, MAY)

    assert ("2026-04", 9) == (at_first.month, at_first.count(DriftLevel.SHIFTED))
    assert ("2026-05", 3, []) == (asked.month, asked.images, asked.loud)
    assert ("2026-05", 0) == (later.month, later.count(DriftLevel.SHIFTED))


def test_model_that_was_replaced_is_told_of_no_more(connection: Connection):
    """From the second month on; the command line still compares it."""
    assert [MODEL] == [each.model for each in watched(connection, "own", SETTINGS, MAY)]
    assert [] == watched(connection, "own", SETTINGS, JUNE)
    assert [MODEL] == [each.model for each in compared(connection, "own", SETTINGS)]


def test_reference_that_a_model_lacks_is_one_without_images(connection: Connection):
    """Nothing is said then, rather than something wrong."""
    other = SETTINGS.model_copy(update={"drift_reference": "2020-01"})
    (found,) = watched(connection, "own", other, APRIL)

    assert (0, 0, []) == (found.reference_images, found.fewest, found.loud)


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (
            Shift(DriftKind.SCORE, "Mass", DriftLevel.SHIFTED, 0.5, 0.0, 0.1234, 0.5),
            "Mass: median raw value 0.5, was 0.12",
        ),
        (
            Shift(DriftKind.REFUSAL, "not_chest", DriftLevel.MOVING, 0.2, 0.0, 0.01, 0.25),
            "not_chest: refused: 25% of images, was 1%",
        ),
        (
            Shift(DriftKind.DECISION, "cropped", DriftLevel.TOO_FEW, 0.0, 1.0, float("nan"), 0.25),
            "cropped: pixels: 25% of images, was –",
        ),
    ],
)
def test_shift_is_said_in_words(shift: Shift, words: str):
    """A median of raw values, or a share of the images."""
    assert words == ": ".join(shift_words(shift, ENGLISH))
