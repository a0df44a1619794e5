"""Looks at the database of the settings without changing anything in it, not even its version."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from hilum.errors import DatabaseUnavailable
from hilum.language import Message
from hilum.records.clock import seconds_of
from hilum.records.database import FILE, _first_line, postgresql_url, require_utf8
from hilum.records.migrations import SchemaState, schema_state
from hilum.records.tables import IMAGE
from hilum.settings import Settings

ANSWER_S: Final = 5
"""Seconds to wait for a connection, or for another process that writes."""

REMEDY: Final = Message(
    "Check node.database, that it runs, its permissions and the space on its disk."
)


DAMAGED: Final = re.compile("not a database|malformed")
"""What SQLite says of a file that is no database, or no longer a sound one."""

RESTORE: Final = Message("Stop the node, keep a copy of the file, and restore it from a backup.")


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What was found."""

    kind: str
    """``"SQLite 3.40.1"`` or ``"PostgreSQL 15.8"``."""
    journal: str
    """SQLite's journal mode; ``"wal"`` is right, and PostgreSQL always has its own."""
    damage: tuple[str, ...]
    """Errors found by SQLite's own check; empty when there are none."""
    clock_s: float
    """The database's time, seconds since 1970 UTC."""
    schema: SchemaState
    """Whether its tables are those of this hilum."""
    has_images: bool
    """Whether there is a table of images to be asked."""


def database_file(settings: Settings) -> Path | None:
    """Return the SQLite file of the settings, None when they name a PostgreSQL."""
    return None if settings.node.database is not None else settings.data_folder / FILE


@contextmanager
def examining(settings: Settings) -> Iterator[Connection]:
    """Open the database as it is; for SQLite its file must be there.

    Raises
    ------
    DatabaseUnavailable
        It can't be opened, read or written, or is none.
    SettingInvalid
        It is the address of something else, can't hold every name, or its password can't be read.
    """
    named, password_file = settings.node.database, settings.node.database_password_file
    file = database_file(settings)
    try:
        if named is None:
            url, wait = f"sqlite:///file:{file}?mode=rw&uri=true", {"timeout": ANSWER_S}
        else:
            url, wait = postgresql_url(named, password_file), {"connect_timeout": ANSWER_S}
        engine = create_engine(url, poolclass=NullPool, connect_args=wait)
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            require_utf8(connection)
            yield connection
    except (ArgumentError, DBAPIError) as exc:
        said = _first_line(exc)
        remedy = RESTORE if file is not None and DAMAGED.search(said) else REMEDY
        raise DatabaseUnavailable(
            "The database cannot be used: {said}.", remedy, said=said
        ) from exc


def database_state(connection: Connection) -> DatabaseState:
    """Check everything that goes wrong with databases, and whether writable."""
    sqlite = connection.dialect.name == "sqlite"
    return DatabaseState(
        kind=_kind(connection),
        journal=str(connection.scalar(text("PRAGMA journal_mode"))) if sqlite else "wal",
        damage=_damage(connection) if sqlite else (),
        clock_s=seconds_of(connection),
        schema=schema_state(connection),
        has_images=inspect(connection).has_table(IMAGE.name),
    )


def require_writable(connection: Connection) -> None:
    """Return when the database can be written now.

    Raises
    ------
    DatabaseUnavailable
        It can't: read-only, a full disk, or another process holds it.
    """
    try:
        sqlite = connection.dialect.name == "sqlite"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if sqlite else "BEGIN")
        try:
            kind = "TABLE" if sqlite else "TEMPORARY TABLE"
            connection.exec_driver_sql(f"CREATE {kind} hilum_doctor (x integer)")
        finally:
            connection.exec_driver_sql("ROLLBACK")
    except DBAPIError as exc:
        raise DatabaseUnavailable(
            "The database cannot be written: {first_line}.", REMEDY, first_line=_first_line(exc)
        ) from exc


def _kind(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"
    return f"PostgreSQL {str(connection.scalar(text('SHOW server_version'))).split()[0]}"


def _damage(connection: Connection) -> tuple[str, ...]:
    said = [str(line) for line in connection.scalars(text("PRAGMA quick_check(3)"))]
    return () if said == ["ok"] else tuple(said)
