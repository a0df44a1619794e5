"""One database for jobs and records: an SQLite file, or PostgreSQL for several workers.

Sources
-------
SQLite, "Write-Ahead Logging": readers do not wait for the writer, nor it for them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import copy
from pathlib import Path
from typing import Any, Final, Self

from pydantic import SecretStr
from sqlalchemy import Connection, Engine, Pool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from hilum.errors import DatabaseUnavailable, SettingInvalid
from hilum.files.private import OWNER_FILE, make_folder
from hilum.records import indexed
from hilum.records.limits import OPTION, UNSILENT, StudyLimits, enforce
from hilum.records.migrations import migrate
from hilum.settings import Settings
from hilum.settings.secret_files import secret_text

FILE: Final = "hilum.sqlite"
"""Name of the SQLite file in the data folder."""

POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+psycopg")
"""How addresses of PostgreSQL begin; the last is SQLAlchemy's with its driver."""

FILE_PARAMETER: Final = "hilum_password_file"
"""In the address: the file that is read at every connection, so that a password may change."""

BUSY_S: Final = 30.0
"""Seconds to wait while another process writes."""

COUNTED: Final = {"preserve_rowcount": True}
"""SQLAlchemy forgets, for PostgreSQL, how many rows an INSERT wrote unless it is told not to."""


class Database:
    """The database, brought up to date. Safe for several threads and processes.

    Parameters
    ----------
    url
        SQLAlchemy's address, e.g. ``sqlite:////data/hilum.sqlite`` or
        ``postgresql+psycopg://hilum@db/hilum``. Use `open_database` for the settings' one.

    Raises
    ------
    SettingInvalid
        It can't be opened, holds something else, or tables that can't be brought up to date.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self.is_sqlite: Final = url.startswith("sqlite")
        self._seen: dict[str, Any] = {}
        try:
            self.engine: Final = _engine(url)
            enforce(self.engine)
            with ExitStack() as on_failure:
                on_failure.callback(self.close)
                with self.transaction() as connection:
                    require_utf8(connection)
                    migrate(connection)
                on_failure.pop_all()
        except (DatabaseUnavailable, ArgumentError, DBAPIError, OSError) as exc:
            raise SettingInvalid(
                "The database {engine_name} cannot be used: {first_line}.",
                "Check node.database, its permissions and the space on its disk.",
                engine_name=self.engine_name,
                # the driver's words alone: only a running node resumes by itself
                first_line=_first_line(exc.__cause__ or exc),
            ) from exc

    @property
    def engine_name(self) -> str:
        """Which database, without its password and options."""
        if self.is_sqlite:
            return self.url.removeprefix("sqlite:///")
        return self.url.rpartition("@")[2].partition("?")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def limited_to(self, limits: StudyLimits | None, *, unsilent: bool = False) -> Self:
        """Return the same database, in which only these studies are seen and changed.

        Parameters
        ----------
        limits
            Which; None: all.
        unsilent
            Whether what the node found in silent mode is not.
        """
        limited = copy(self)
        limited._seen = {OPTION: limits, UNSILENT: unsilent}  # noqa: SLF001  it is of this class
        return limited

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Begin with the right to write, so that two processes never deadlock.

        Raises
        ------
        DatabaseUnavailable
            The disk is full, the server is away, or another process holds it for long.
        """
        with _unavailable(), self.engine.begin() as connection:
            yield connection.execution_options(**self._seen)

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """Read only, each statement by itself: waits for no writer and holds up none.

        Raises
        ------
        DatabaseUnavailable
            It cannot be read now.
        """
        with _unavailable(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT", **self._seen)


def open_database(settings: Settings) -> Database:
    """Open the database of the settings: PostgreSQL, or a file in the data folder.

    Raises
    ------
    SettingInvalid
        It can't be opened, is of a kind that hilum does not know, or holds something else.
    """
    named = settings.node.database
    if named is None:
        return Database(sqlite_url(settings.data_folder / FILE))
    return Database(postgresql_url(named, settings.node.database_password_file))


def postgresql_url(named: SecretStr, password_file: Path | None) -> str:
    """Return SQLAlchemy's address of the PostgreSQL of the settings, with its password.

    Raises
    ------
    SettingInvalid
        It is the address of something else, or the password can't be read.
    """
    try:
        url = make_url(named.get_secret_value())
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in POSTGRESQL:
        raise SettingInvalid(  # without its cause, whose text has the password in it
            "The setting node.database is not the address of a PostgreSQL database.",
            "Write it as postgresql://user:password@host/name, or unset it.",
        )
    # whatever the server, the database or the environment says: else names may come as bytes
    url = url.set(drivername=POSTGRESQL[-1]).update_query_dict({"client_encoding": "utf8"})
    if password_file is not None:
        _password(password_file)  # so that one that is not there is told of at the start
        url = url.update_query_dict({FILE_PARAMETER: str(password_file.absolute())})
    return url.render_as_string(hide_password=False)


def require_utf8(connection: Connection) -> None:
    """Return when the database can hold every name.

    Raises
    ------
    SettingInvalid
        It is a PostgreSQL in SQL_ASCII, LATIN1 or the like.
    """
    if connection.dialect.name == "sqlite":
        return
    encoding = connection.scalar(text("SELECT getdatabaseencoding()"))
    if encoding != "UTF8":
        raise SettingInvalid(
            "The database of node.database has the encoding {encoding}; hilum needs UTF8.",
            "Create one: CREATE DATABASE hilum ENCODING 'UTF8' TEMPLATE template0, and set "
            "node.database to it.",
            encoding=encoding,
        )


def sqlite_url(path: Path) -> str:
    """Return the address of an SQLite file, made here so that only its owner reads it."""
    make_folder(path.parent)
    path.touch(OWNER_FILE)
    return f"sqlite:///{path}"


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OperationalError as exc:
        raise DatabaseUnavailable(
            "The database cannot be used now: {first_line}.",
            "Free space on its disk, or start it; hilum resumes by itself.",
            first_line=_first_line(exc),
        ) from exc


def _first_line(error: BaseException) -> str:
    """Return what the driver said, without SQLAlchemy's statement and values."""
    said = getattr(error, "orig", None) or error
    return str(said).partition("\n")[0].strip().rstrip(".")


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url, pool_pre_ping=True, pool_size=5, max_overflow=20, execution_options=COUNTED
        )
    engine = create_engine(
        url, connect_args={"timeout": BUSY_S, "check_same_thread": False}, execution_options=COUNTED
    )
    indexed.obey(engine)
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _password(file: Path) -> str:
    return secret_text(None, file, "node.database_password_file")


@event.listens_for(Engine, "do_connect")
def _before_connect(_dialect: Any, _record: Any, _given: Any, named: dict[str, Any]) -> None:
    """Take the password from its file as it is now; the job engine's connections do, too."""
    if (file := named.pop(FILE_PARAMETER, None)) is not None:
        with suppress(SettingInvalid):  # without it the server says no, and is asked again
            named["password"] = _password(Path(file))


@event.listens_for(Pool, "connect")
def _on_connect(connection: Any, _record: Any) -> None:
    """Prepare no statements behind a pooler, where the next transaction has another session.

    A pooler such as PgBouncer tells its clients a number of its own for the server's process.
    """
    if hasattr(connection, "prepare_threshold"):  # psycopg's
        (process,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        connection.rollback()
        if process != connection.info.backend_pid:
            connection.prepare_threshold = None


def _on_sqlite_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event begins, not the driver
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _on_sqlite_begin(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
