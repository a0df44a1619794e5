"""Self-tests that the node does by itself."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hilum.quality.schedule import SelfTests
from hilum.records import Database, constancy
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestStart, SelfTestState
from hilum.records.database import open_database
from hilum.settings import Settings

LONG_S = 60.0
"""Longer than anything here takes on a loaded machine; reached only when it went wrong."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings with a self-test a day, of which a new process has the same."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_CONSTANCY__EVERY_HOURS", "24")
    monkeypatch.setenv("HILUM_MODEL__NAME", "demonstration")
    return Settings.load()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Return its database."""
    with open_database(settings) as opened:
        yield opened


def test_failed_start_is_told_once_and_not_tried_again_at_once(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
):
    """With the demonstration model there is no chain to test; the log says so, once."""
    tests = SelfTests(settings, database, "own")
    deadline = time.monotonic() + LONG_S
    while "selftest.failed" not in caplog.text:
        assert time.monotonic() < deadline, "nothing was told"
        tests.tend()
        time.sleep(0.1)
    for _ in range(3):
        tests.tend()
    tests.close()

    assert 1 == caplog.text.count("selftest.failed")
    assert "hilum selftest --offline" in caplog.text


def test_nothing_is_begun_before_it_is_due(settings: Settings, database: Database):
    """The last one was an hour ago, and one a day is wanted."""
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    begun = SelfTestStart(
        "own", SelfTestMode.LIVE, now - hour, now - hour, "1.2", "1.2.3", "digest"
    )
    with database.transaction() as connection:
        number = constancy.begin(connection, begun)
        constancy.end(connection, number, SelfTestEnd(SelfTestState.OK), now, keep=5)
    tests = SelfTests(settings, database, "own")
    tests.tend()

    assert not tests.command.runs


def test_without_hours_there_is_none(settings: Settings, database: Database):
    """0 switches it off."""
    tests = SelfTests(settings.changed("constancy", every_hours=0.0), database, "own")
    tests.tend()

    assert not tests.command.runs
    tests.close()


def test_stop_of_the_node_ends_the_one_that_is_under_way(settings: Settings, database: Database):
    """Its process is gone when `close` returns."""
    tests = SelfTests(settings, database, "own")
    tests.tend()
    process = tests.command._process
    assert process is not None
    tests.close()

    assert process.returncode is not None
    assert not tests.command.runs
