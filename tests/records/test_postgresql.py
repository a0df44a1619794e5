"""PostgreSQL as sites have it: other encodings, passwords in files."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from certificates import Authority
from hilum.doctor import records
from hilum.doctor.check import Level
from hilum.errors import DatabaseUnavailable, SettingInvalid
from hilum.records import Database
from hilum.records.database import open_database
from hilum.runtime.waits import wait_until
from hilum.settings import Settings
from job_tools import NOW, Steps, all_settled, arrive, engine_of, entry, until
from orthanc_server import free_ports, lacking
from postgresql_server import USER, PostgresqlServer, as_another_user


def settings_with(address: str, folder: Path, **names: object) -> Settings:
    """Return settings with a database, as a person writes its address."""
    return Settings.load(data_folder=folder).changed("node", database=address, **names)


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def old_encoding(
    request: pytest.FixtureRequest, postgresql_server: PostgresqlServer
) -> Iterator[str]:
    """Return the name of an encoding; there is a database of that name."""
    with psycopg.connect(postgresql_server.address("postgres"), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE old ENCODING '{request.param}' LOCALE 'C' TEMPLATE template0"
        )
        yield request.param
        connection.execute("DROP DATABASE old WITH (FORCE)")


def test_database_that_cannot_hold_every_name_is_refused(old_encoding, postgresql_server, tmp_path):
    """Node and doctor say which encoding it has and how to make another."""
    settings = settings_with(postgresql_server.address("old"), tmp_path)
    for use in (lambda: open_database(settings), lambda: list(records.database(settings))):
        with pytest.raises(SettingInvalid, match=f"has the encoding {old_encoding}") as caught:
            use()
        assert "TEMPLATE template0" in caught.value.remedy


def test_text_is_text_whatever_the_environment_says(postgresql, tmp_path, monkeypatch):
    """An encoding in the environment does not turn names into bytes."""
    monkeypatch.setenv("PGCLIENTENCODING", "SQL_ASCII")
    address = postgresql.replace("+psycopg", "")
    with open_database(settings_with(address, tmp_path)) as database, database.look() as connection:
        assert "Müller" == connection.exec_driver_sql("SELECT 'Müller'::text").scalar()


def test_doctor_takes_the_password_of_the_file(tmp_path):
    """Node and doctor have one address: a file that is not there stops both, with its name."""
    settings = settings_with(
        "postgresql://hilum@127.0.0.1/hilum",
        tmp_path,
        database_password_file=tmp_path / "password",
    )
    with pytest.raises(SettingInvalid, match="password"):
        list(records.database(settings))


def settles_a_job(database: Database, between: Callable[[], object] = lambda: None) -> bool:
    """Return whether an image that arrives after `between` goes through the job engine once."""
    steps = Steps(database)
    with engine_of(database, steps.named()) as engine:
        engine.launch()
        between()
        arrive(database, engine.queue, "1.1")
        until(lambda: all_settled(database), engine)
        until(lambda: not engine.active)
    return {1} == set(steps.done.values())


def test_odd_locale_changes_nothing(postgresql_server, tmp_path):
    """Turkish letters, German dates, a quarter of an hour's zone, strings of before 9.1."""
    with psycopg.connect(postgresql_server.address("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS odd")
        connection.execute(
            "CREATE DATABASE odd ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu"
            " ICU_LOCALE 'tr-TR' TEMPLATE template0"
        )
        for name, value in {
            "datestyle": "German, DMY",
            "timezone": "Asia/Kathmandu",
            "intervalstyle": "sql_standard",
            "bytea_output": "escape",
            "standard_conforming_strings": "off",
        }.items():
            connection.execute(f"ALTER DATABASE odd SET {name} = '{value}'")
    try:
        settings = settings_with(postgresql_server.address("odd"), tmp_path)
        with open_database(settings) as database:
            assert settles_a_job(database)
            assert NOW == entry(database, "1.1").arrived
        assert all(result.level is Level.OK for result in records.database(settings))
    finally:
        postgresql_server.drop_database("/odd")


@pytest.fixture
def pooler(postgresql_server: PostgresqlServer) -> Iterator[int]:
    """Return the port of a PgBouncer in transaction mode before that PostgreSQL."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if program is None:
        lacking("PgBouncer is not installed: see the set-up script for the Debian package")
    (port,) = free_ports(1)
    folder = postgresql_server.folder  # not below pytest's: only its owner enters that
    (folder / "users").write_text(f'"{USER}" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={postgresql_server.port}\n"
        f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\n"
        f"auth_type=trust\nauth_file={folder}/users\n"
        "pool_mode=transaction\ndefault_pool_size=3\nserver_round_robin=1\n"
    )
    command = [*as_another_user(), program, "--quiet", folder / "pgbouncer.ini"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until(lambda: answers_at(port), bool, timeout_s=30, every_s=0.02)
            yield port
        finally:
            process.kill()


def answers_at(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_pooler_that_changes_the_session_is_no_trouble(postgresql, pooler, tmp_path):
    """PgBouncer in transaction mode: nothing is prepared, and the doctor finds it writable."""
    address = make_url(postgresql).set(drivername="postgresql", port=pooler)
    settings = settings_with(address.render_as_string(), tmp_path)
    with open_database(settings) as database:
        assert settles_a_job(database)
        for _ in range(20):  # psycopg prepares what it is given for the sixth time
            assert entry(database, "1.1")
    assert "writable" in str([result.what for result in records.database(settings)])


@pytest.fixture
def guarded(postgresql: str, postgresql_server: PostgresqlServer, tmp_path: Path) -> Iterator[str]:
    """Return the address of a database whose own user needs TLS and a password."""
    signed = Authority(tmp_path, "own").sign("127.0.0.1")
    data = postgresql_server.folder / "data"
    access = data / "pg_hba.conf"
    before = access.read_text()
    for source, name in ((signed.certificate, "server.crt"), (signed.key, "server.key")):
        shutil.copy(source, data / name)
        (data / name).chmod(0o600)
        shutil.chown(data / name, data.owner(), data.group())
    access.write_text(
        "hostssl all guarded 127.0.0.1/32 scram-sha-256\nhost all guarded all reject\n" + before
    )
    url = make_url(postgresql)
    with psycopg.connect(postgresql_server.address("postgres"), autocommit=True) as connection:
        for statement in (
            "ALTER SYSTEM SET ssl = on",
            "SELECT pg_reload_conf()",
            "CREATE ROLE guarded LOGIN PASSWORD 'first'",
            f'ALTER DATABASE "{url.database}" OWNER TO guarded',
        ):
            connection.execute(statement)
        yield url.set(drivername="postgresql", username="guarded").render_as_string()
        access.write_text(before)
        for statement in (
            f'ALTER DATABASE "{url.database}" OWNER TO {USER}',
            f"REASSIGN OWNED BY guarded TO {USER}",
            "ALTER SYSTEM RESET ssl",
            "SELECT pg_reload_conf()",
        ):
            connection.execute(statement)
    with psycopg.connect(postgresql_server.address(str(url.database)), autocommit=True) as own:
        own.execute(f"REASSIGN OWNED BY guarded TO {USER}")
        own.execute("DROP OWNED BY guarded")
        own.execute("DROP ROLE guarded")


def test_server_of_another_authority_is_not_told_the_password(guarded, tmp_path):
    """`sslmode=verify-full`: its certificate must be of the authority that is named."""
    other = Authority(tmp_path, "other").file
    encrypted = guarded.replace("guarded@", "guarded:first@") + "?sslmode=verify-full&sslrootcert="
    asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

    with (
        open_database(settings_with(f"{encrypted}{tmp_path}/own.crt", tmp_path)) as database,
        database.look() as connection,
    ):
        assert connection.exec_driver_sql(asked).scalar()
    with pytest.raises(SettingInvalid, match="certificate verify failed") as caught:
        open_database(settings_with(f"{encrypted}{other}", tmp_path))
    assert "first" not in str(caught.value)


def test_password_may_change_while_hilum_runs(guarded, postgresql_server, tmp_path):
    """Written into its file, it is taken at the next connection: the job engine's, too."""
    password = tmp_path / "password"
    password.write_text("first\n")
    settings = settings_with(guarded, tmp_path, database_password_file=password)

    def change() -> None:
        with psycopg.connect(postgresql_server.address("postgres"), autocommit=True) as connection:
            connection.execute("ALTER ROLE guarded PASSWORD 'second'")
        postgresql_server.cut_connections()
        with pytest.raises(DatabaseUnavailable, match="password"), database.transaction():
            pass
        password.write_text("second\n")

    with open_database(settings) as database:
        assert "first" not in database.url
        assert settles_a_job(database, between=change)
