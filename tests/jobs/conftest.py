"""Both databases, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum.records import Database
from job_tools import sqlite_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return a new database, once of each kind."""
    if request.param == "sqlite":
        opened = sqlite_database(tmp_path)
    else:
        opened = Database(request.getfixturevalue("postgresql"))
    with opened:
        yield opened


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """Return a new SQLite database."""
    with sqlite_database(tmp_path) as opened:
        yield opened
