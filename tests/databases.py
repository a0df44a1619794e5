"""New, empty databases for a test: of both kinds, one test for each, or SQLite alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from hilum.records import Database
from hilum.records.database import sqlite_url


@pytest.fixture
def sqlite_address(tmp_path: Path) -> str:
    """Return SQLAlchemy's address of a SQLite database, which is not there yet."""
    return sqlite_url(tmp_path / "database" / "hilum.sqlite")


@pytest.fixture(params=["sqlite_address", "postgresql"], ids=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest) -> str:
    """Return SQLAlchemy's address of an empty database, once of each kind."""
    address: str = request.getfixturevalue(request.param)
    return address


@pytest.fixture
def database(database_address: str) -> Iterator[Database]:
    """Return an empty database, once of each kind."""
    with Database(database_address) as opened:
        yield opened


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Return an open transaction in an empty database, once of each kind."""
    with database.transaction() as opened:
        yield opened


@pytest.fixture
def sqlite(sqlite_address: str) -> Iterator[Database]:
    """Return an empty SQLite database."""
    with Database(sqlite_address) as opened:
        yield opened
