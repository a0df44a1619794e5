"""A real PostgreSQL for the tests: own folder, free port, loopback, thrown away at the end."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
import pytest

from orthanc_server import free_ports, lacking

DEBIAN: Final = Path("/usr/lib/postgresql")
USER: Final = "hilum"
START_S: Final = 60.0
"""Longer than a start takes on a loaded machine; reached only when it failed."""
ATTEMPTS: Final = 5
"""Another program may take a port between its choice and PostgreSQL's start."""


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """How to reach one running PostgreSQL, whose only user needs no password.

    Attributes
    ----------
    port
        On 127.0.0.1.
    folder
        Its data and log.
    """

    port: int
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def address(self, database: str) -> str:
        """Return libpq's address of a database."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str = "template1") -> str:
        """Make a database, a copy of `template`; return SQLAlchemy's address of it."""
        name = f"test_{os.getpid()}_{next(self.numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[call-overload]
        return self.address(name).replace("postgresql://", "postgresql+psycopg://")

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]

    def let_in(self, url: str, *, yes: bool) -> None:
        """Let connections to a database in, or nobody."""
        name = url.rpartition("/")[2]
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {yes}')  # type: ignore[call-overload]

    def cut_connections(self) -> int:
        """End every connection but this one; return how many."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            return len(
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname LIKE 'test_%'"
                ).fetchall()
            )


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, the newest that is installed."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    if elsewhere is None:
        lacking("PostgreSQL is not installed: see the set-up script for the Debian package")
    return Path(elsewhere).parent


def as_another_user() -> list[str]:
    """Return the command that starts a program as somebody else: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        lacking("setpriv is not installed, and PostgreSQL does not run as root")
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]


def answers(server: PostgresqlServer, process: subprocess.Popen[bytes]) -> bool:
    """Return whether `server` answers; False when its process ended first."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(server.address("postgres"), connect_timeout=1) as connection,
        ):
            return process.poll() is None and connection.info.server_version > 0
        time.sleep(0.05)
    return False


def command(server: PostgresqlServer) -> list[str]:
    """Return how to start it: nothing outlives a test, so none waiting for the disk."""
    settings = {
        "port": server.port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": 200,
        "shared_buffers": "32MB",
    }
    given = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return [str(programs() / "postgres"), "-D", str(server.folder / "data"), *given]


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Start a PostgreSQL in a folder of its own; stop it and remove the folder at the end."""
    privileges = as_another_user()
    # not below pytest's folder: only its owner enters that
    folder = Path(tempfile.mkdtemp(prefix="hilum-postgresql-"))
    try:
        if privileges:
            shutil.chown(folder, "nobody", "nogroup")
        data = folder / "data"
        settings = ["-U", USER, "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [*privileges, str(programs() / "initdb"), "-D", str(data), *settings],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        # the kernel ends it with the tests even when they are killed
        with_parent = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        for _ in range(ATTEMPTS):
            server = PostgresqlServer(free_ports(1)[0], folder)
            with (
                (folder / "log").open("wb") as log,
                subprocess.Popen(
                    [*privileges, *with_parent, *command(server)],
                    cwd=folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                ) as process,
            ):
                try:
                    if answers(server, process):
                        yield server
                        return
                finally:
                    process.send_signal(signal.SIGQUIT)  # its own immediate stop
                    process.wait()
        pytest.fail(f"PostgreSQL did not start:\n{(folder / 'log').read_text()[-2000:]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Return a real PostgreSQL, one for all tests of this run."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def postgresql(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """Return SQLAlchemy's address of a new, empty PostgreSQL database."""
    url = postgresql_server.new_database()
    yield url
    postgresql_server.drop_database(url)
