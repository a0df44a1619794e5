"""The address of the PACS and its password."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from hilum.errors import NodeError, SettingInvalid
from hilum.pacs import credentials
from hilum.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(data_folder=tmp_path / "data").changed("pacs", http_port=18042)


def test_there_is_no_pacs_before_the_first_start(settings):
    """Without a PACS in the settings and without a start here, one line says what to do."""
    with pytest.raises(
        NodeError, match=r"No PACS is configured, and none was started here\. Run hilum up"
    ):
        credentials.load(settings)


def test_generated_password_is_for_the_owner_alone(settings):
    """The password file has mode 0600, in a folder that only its owner enters."""
    credentials.load_or_generate(settings)
    path = credentials.credentials_file(settings.data_folder)

    assert 0o600 == path.stat().st_mode & 0o777
    assert 0o700 == path.parent.stat().st_mode & 0o777


def test_password_is_generated_once(settings):
    """A later start uses the password of the first."""
    first = credentials.load_or_generate(settings)

    assert first == credentials.load_or_generate(settings)
    assert first == credentials.load(settings)


def test_two_folders_have_two_passwords(settings, tmp_path):
    """No password is in the program: each data folder has its own, of 256 bits."""
    other = Settings.load(data_folder=tmp_path / "other")
    secrets = {credentials.load_or_generate(each).secret for each in (settings, other)}

    assert 2 == len(secrets)
    assert all(len(secret) == 43 for secret in secrets)


def test_password_prints_nowhere(settings):
    """Neither repr nor str of the address shows the password."""
    address = credentials.load_or_generate(settings)

    assert address.secret is not None
    assert address.secret not in f"{address} {address!r} {address.password}"


def test_own_pacs_is_on_loopback(settings):
    """The Orthanc that hilum starts is called on this machine's loopback address."""
    address = credentials.load_or_generate(settings)

    assert "http://127.0.0.1:18042" == address.url
    assert ("127.0.0.1", 4242, "HILUM") == (address.dicom_host, address.dicom_port, address.aet)


def test_configured_pacs_needs_no_password_file(settings):
    """A PACS of the settings is used as it is there."""
    url = "https://pacs.example:8443/orthanc"
    configured = settings.changed("pacs", url=url, username="alice", password="sesame")  # noqa: S106
    address = credentials.load(configured)

    assert (url, "alice", "sesame") == (address.url, address.username, address.secret)
    assert "pacs.example" == address.dicom_host
    assert not credentials.credentials_file(settings.data_folder).exists()


def test_password_of_a_configured_pacs_may_be_in_a_file(settings, tmp_path):
    """A Docker or Kubernetes secret is read, without the line end that editors add."""
    (tmp_path / "secret").write_text("sesame\n")
    address = credentials.load(
        settings.changed("pacs", url="http://pacs", password_file=tmp_path / "secret")
    )

    assert SecretStr("sesame") == address.password


def test_missing_password_file_is_named(settings, tmp_path):
    """A password file that is not there is one clear line."""
    with pytest.raises(
        SettingInvalid, match=r"of pacs\.password_file cannot be read: No such file"
    ):
        credentials.load(
            settings.changed("pacs", url="http://pacs", password_file=tmp_path / "none")
        )


def test_address_that_is_none_is_named(settings):
    """An address that can't be parsed is one clear line."""
    with pytest.raises(SettingInvalid, match=r"pacs\.url is not an address"):
        credentials.load(settings.changed("pacs", url="http://[pacs"))


def test_password_that_others_can_read_is_refused(settings):
    """A password file that lost its mode is not used, and the line says how to mend it."""
    credentials.load_or_generate(settings)
    path = credentials.credentials_file(settings.data_folder)
    path.chmod(0o644)

    with pytest.raises(SettingInvalid, match=f"can be read by others. Run chmod 600 {path}"):
        credentials.load(settings)


@pytest.mark.parametrize("content", ["", "{}", "[]", json.dumps({"user": "x"})])
def test_damaged_password_file_is_named(settings, content):
    """A password file that holds something else is one clear line."""
    credentials.load_or_generate(settings)
    credentials.credentials_file(settings.data_folder).write_text(content)

    with pytest.raises(SettingInvalid, match=r"is damaged\. Delete it"):
        credentials.load(settings)


def test_data_folder_that_cannot_be_made_is_named(tmp_path):
    """A data folder below a file is one clear line."""
    (tmp_path / "file").touch()
    settings = Settings.load(data_folder=tmp_path / "file" / "data")

    with pytest.raises(SettingInvalid, match="cannot be written"):
        credentials.load_or_generate(settings)


def test_dicomweb_archive_is_reached_as_the_settings_say(settings, tmp_path):
    """With its plan of sweeps, and a token in the place of a password."""
    (tmp_path / "token").write_text("a-token")
    web = {"token_file": tmp_path / "token", "sweep_days": 9}
    there = settings.changed("pacs", kind="dicomweb", url="https://pacs/web/")
    address = credentials.load(there.changed("dicomweb", **web))

    assert "https://pacs/web" == address.dicomweb
    assert 9 == address.plan.days
    assert {"SR", *settings.gate.modalities} == address.plan.modalities
    assert "a-token" == address.auth.token()
    assert address.target().dicomweb


def test_dicomweb_archive_needs_an_address():
    """Hilum starts none."""
    with pytest.raises(SettingInvalid, match="needs the archive's url"):
        Settings.load(pacs={"kind": "dicomweb"})
