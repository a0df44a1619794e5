"""The last self-test as Prometheus sees it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hilum import metrics
from hilum.metrics import Snapshot
from hilum.records import Database, constancy
from hilum.records.constancy import Begun, End, Ended, Mode
from hilum.records.database import sqlite_url
from hilum.records.observed import observe

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return a database that a scrape looks at."""
    before = metrics.GAUGES.look
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as opened:

        def look() -> Snapshot:
            with opened.look() as connection:
                return Snapshot(observed=observe(connection, "own", NOW))

        metrics.watch(look)
        yield opened
        metrics.watch(before)


def scraped() -> dict[str, float]:
    """Return the samples of the self-test, by name."""
    lines = metrics.exposition().decode().splitlines()
    pairs = [line.split() for line in lines if line.startswith("hilum_selftest")]
    return {name: float(value) for name, value in pairs}


@pytest.mark.parametrize(("state", "ok"), [(End.OK, 1), (End.ALARM, 0)])
def test_scrape_tells_how_the_last_self_test_ended(database: Database, state: End, ok: int):
    """Well or not, when, and how far the worst finding moved."""
    assert {} == scraped()
    with database.transaction() as connection:
        begun = Begun("own", Mode.LIVE, NOW, NOW, "1.2", "1.2.3", "digest")
        number = constancy.begin(connection, begun)
        constancy.end(connection, number, Ended(state, worst=0.25), NOW, keep=5)

    assert {
        "hilum_selftest_ok": ok,
        "hilum_selftest_ended_timestamp_seconds": NOW.timestamp(),
        "hilum_selftest_shift": 0.25,
    } == scraped()
