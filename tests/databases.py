"""New databases for a test: of both kinds, one test for each, or SQLite alone.

Those that are opened here are copies of one whose tables were made once: the steps to today's
tables are more work than most tests.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import Connection

from hilum.records import Database
from hilum.records.database import sqlite_url
from postgresql_server import PostgresqlServer


@cache
def sqlite_with_tables() -> bytes:
    """Return an SQLite file with today's tables and nothing in them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hilum.sqlite"
        Database(sqlite_url(path)).close()
        return path.read_bytes()


def sqlite_at(path: Path) -> str:
    """Return SQLAlchemy's address of an SQLite database with its tables, new if none is there."""
    address = sqlite_url(path)
    if not path.stat().st_size:
        path.write_bytes(sqlite_with_tables())
    return address


@pytest.fixture
def sqlite_address(tmp_path: Path) -> str:
    """Return SQLAlchemy's address of a SQLite database, which is not there yet."""
    return sqlite_url(tmp_path / "database" / "hilum.sqlite")


@pytest.fixture(params=["sqlite_address", "postgresql"], ids=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest) -> str:
    """Return SQLAlchemy's address of an empty database, once of each kind."""
    address: str = request.getfixturevalue(request.param)
    return address


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: PostgresqlServer) -> str:
    """Return the name of a PostgreSQL database with today's tables, which nobody is to use."""
    address = postgresql_server.new_database()
    Database(address).close()
    return address.rpartition("/")[2]


@pytest.fixture
def postgresql_copy(postgresql_server: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    """Return SQLAlchemy's address of a new PostgreSQL database with its tables."""
    address = postgresql_server.new_database(postgresql_template)
    yield address
    postgresql_server.drop_database(address)


@pytest.fixture
def sqlite_copy(tmp_path: Path) -> str:
    """Return SQLAlchemy's address of a new SQLite database with its tables."""
    return sqlite_at(tmp_path / "database" / "hilum.sqlite")


@pytest.fixture(params=["sqlite_copy", "postgresql_copy"], ids=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Return a database with nothing in its tables, once of each kind."""
    with Database(request.getfixturevalue(request.param)) as opened:
        yield opened


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Return an open transaction in such a database, once of each kind."""
    with database.transaction() as opened:
        yield opened


@pytest.fixture
def sqlite(sqlite_copy: str) -> Iterator[Database]:
    """Return an SQLite database with nothing in its tables."""
    with Database(sqlite_copy) as opened:
        yield opened
