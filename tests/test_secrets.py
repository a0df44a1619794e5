"""No secret is printed, logged or put on a command line, whatever goes wrong."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from hilum.errors import HilumError, SettingInvalid
from hilum.pacs.credentials import credentials_file, load_or_generate
from hilum.pacs.orthanc.process import OrthancProcess
from hilum.records.database import open_database
from hilum.settings import Settings
from orthanc_server import free_ports, require

MARK = "s3cr3t-mark"
"""In every secret of these tests, and nowhere else."""


def secret_settings() -> Iterator[tuple[str, str]]:
    """Yield section and name of every setting that is a secret, also of those to come."""
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for name, inner in kind.model_fields.items():
                if inner.annotation == SecretStr | None:
                    yield section, name


SECRETS = list(secret_settings())


@pytest.fixture
def _told(monkeypatch, tmp_path: Path) -> None:
    """Give hilum every secret, a PACS and a database that are not there."""
    http_port, database_port = free_ports(2)
    for section, name in SECRETS:
        monkeypatch.setenv(f"HILUM_{section}__{name}".upper(), f"{MARK}-{name}")
    address = f"postgresql://hilum:{MARK}@127.0.0.1:{database_port}/hilum"
    monkeypatch.setenv("HILUM_NODE__DATABASE", address)
    monkeypatch.setenv("HILUM_PACS__URL", f"http://127.0.0.1:{http_port}")
    monkeypatch.setenv("HILUM_PACS__USERNAME", "hilum")
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)


def test_there_are_secrets():
    """The tests below are about something."""
    assert {("pacs", "password"), ("node", "database")} <= set(SECRETS)


@pytest.mark.usefixtures("_told")
def test_settings_do_not_show_their_secrets():
    """Neither as text nor as JSON."""
    settings = Settings.load()

    assert settings.pacs.password is not None
    assert MARK in settings.pacs.password.get_secret_value()
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert MARK not in shown


COMMANDS = (
    ["doctor"],
    ["doctor", "--json"],
    ["jobs"],
    ["audit"],
    ["audit", "verify"],
    ["worker"],
    ["up"],
    ["send", "."],
    ["backfill"],
    ["users", "list"],
)


@pytest.mark.usefixtures("_told")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_command_that_finds_nothing_there_names_no_secret(command):
    """PACS and database are away, which is when people copy what they see into a ticket."""
    done = subprocess.run(
        [sys.executable, "-m", "hilum", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert 0 != done.returncode
    assert done.stdout + done.stderr
    assert MARK not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://hilum:{MARK}@127.0.0.1:1/hilum",
        f"mysql://hilum:{MARK}@host/hilum",
        f"postgresql://hilum:{MARK}@host:port/hilum",
        f"{MARK}",
    ],
)
def test_database_that_cannot_be_opened_names_no_password(tmp_path, address):
    """Away, of another kind, or misspelt: the line says where, not with what."""
    settings = Settings.load(data_folder=tmp_path).changed("node", database=address)

    with pytest.raises(HilumError) as caught:
        open_database(settings)
    assert MARK not in str(caught.value)


@pytest.mark.parametrize("content", ["", "x"])
def test_password_file_of_the_database_takes_its_place(tmp_path, content):
    """It is read at the start; what is missing is one clear line."""
    path = tmp_path / "password"
    if content:
        path.write_text(f"{MARK}\n")
    changes = {"database": "postgresql://hilum@127.0.0.1:1/hilum", "database_password_file": path}
    settings = Settings.load(data_folder=tmp_path).changed("node", **changes)

    with pytest.raises(SettingInvalid, match="cannot be") as caught:
        open_database(settings)
    assert MARK not in str(caught.value)


def test_address_of_the_pacs_holds_no_password(monkeypatch):
    """It would be in every error and in the database: the settings have places for both."""
    monkeypatch.setenv("HILUM_PACS__URL", f"http://ana:{MARK}@127.0.0.1:8042")

    with pytest.raises(SettingInvalid, match=r"pacs\.url") as caught:
        Settings.load()
    assert MARK not in str(caught.value)


@pytest.mark.orthanc
def test_generated_password_is_in_its_file_only(tmp_path):
    """Not on a command line, which anybody can list, not in an environment, not in the log."""
    require("Orthanc")
    http_port, dicom_port = free_ports(2)
    settings = Settings.load(data_folder=tmp_path / "data")
    settings = settings.changed("pacs", http_port=http_port, dicom_port=dicom_port)
    address = load_or_generate(settings)
    password = json.loads(credentials_file(settings.data_folder).read_text())["password"]
    assert password not in repr(address)
    with OrthancProcess(settings, address) as process:
        process.start(threading.Event())
        listed = b"".join(
            (Path("/proc") / str(process.pid) / part).read_bytes()
            for part in ("cmdline", "environ")
        )
        log = process.log.read_bytes()

    assert password.encode() not in listed
    assert password.encode() not in log
    holders = [
        path.relative_to(settings.data_folder).as_posix()
        for path in settings.data_folder.rglob("*")
        if path.is_file() and password.encode() in path.read_bytes()
    ]
    assert ["credentials.json", "orthanc/orthanc.json"] == sorted(holders)
