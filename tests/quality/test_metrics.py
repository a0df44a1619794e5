"""The last self-test and drift as Prometheus sees them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from drifting import MODEL, drifted
from hilum.records import Database, constancy
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestStart, SelfTestState
from hilum.records.counts import observe
from hilum.records.database import sqlite_url
from hilum.records.drift_watch import DriftComparison, watched
from hilum.settings.constancy import ConstancySettings
from hilum.telemetry import metrics
from hilum.telemetry.metrics import MetricsSnapshot

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SETTINGS = ConstancySettings(drift_least_images=50, drift_reference_images=100)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return a database that a scrape looks at."""
    before = metrics.GAUGES.look
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as opened:

        def look() -> MetricsSnapshot:
            with opened.look() as connection:
                observed = observe(connection, "own", NOW)
                return MetricsSnapshot(observed, drift=watched(connection, "own", SETTINGS, NOW))

        metrics.watch(look)
        yield opened
        metrics.watch(before)


def scraped(beginning: str = "hilum_selftest") -> dict[str, float]:
    """Return the samples whose name begins so, by name and labels."""
    lines = metrics.exposition().decode().splitlines()
    pairs = [line.rpartition(" ") for line in lines if line.startswith(beginning)]
    return {name: float(value) for name, _, value in pairs}


@pytest.mark.parametrize(("state", "ok"), [(SelfTestState.OK, 1), (SelfTestState.ALARM, 0)])
def test_scrape_tells_how_the_last_self_test_ended(
    database: Database, state: SelfTestState, ok: int
):
    """Well or not, when, and how far the worst finding moved."""
    assert {} == scraped()
    with database.transaction() as connection:
        begun = SelfTestStart("own", SelfTestMode.LIVE, NOW, NOW, "1.2", "1.2.3", "digest")
        number = constancy.begin(connection, begun)
        constancy.end(connection, number, SelfTestEnd(state, worst=0.25), NOW, keep=5)

    assert {
        "hilum_selftest_ok": ok,
        "hilum_selftest_ended_timestamp_seconds": NOW.timestamp(),
        "hilum_selftest_shift": 0.25,
    } == scraped()


@pytest.mark.parametrize(("moved", "shifted"), [(2.5, 9), (0.0, 0)])
def test_scrape_tells_how_much_of_a_model_shifted(database: Database, moved: float, shifted: int):
    """Nothing before the first image; then a number for each level that matters."""
    assert {} == scraped("hilum_drift")
    with database.transaction() as connection:
        drifted(connection, "own", moved=moved, now=NOW)

    assert {
        f'hilum_drift_subjects{{level="shifted",model="{MODEL}"}}': shifted,
        f'hilum_drift_subjects{{level="moving",model="{MODEL}"}}': 0,
    } == scraped("hilum_drift")


def test_scrape_tells_of_a_few_models_alone(monkeypatch: pytest.MonkeyPatch):
    """Those with the newest images: whoever tries many models does not fill Prometheus."""
    months = [f"2026-{month:02}" for month in range(1, 13)]
    found = [DriftComparison(f"net {month}", month, 1, "first", 1, ()) for month in months]
    monkeypatch.setattr(metrics.GAUGES, "look", lambda: MetricsSnapshot(drift=found))
    said = scraped("hilum_drift")

    assert 2 * metrics.MOST_MODELS == len(said)
    assert any("2026-12" in sample for sample in said)
    assert not any("2026-01" in sample for sample in said)
