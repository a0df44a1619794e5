"""PostgreSQL as sites have it: other encodings, passwords in files."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from hilum.doctor import records
from hilum.errors import SettingInvalid
from hilum.records.database import open_database, postgresql_url
from hilum.settings import Settings
from postgresql_server import PostgresqlServer


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

    (tmp_path / "password").write_text("from-the-file\n")
    named = SecretStr("postgresql://hilum@127.0.0.1/hilum")
    assert "hilum:from-the-file@" in postgresql_url(named, tmp_path / "password")
