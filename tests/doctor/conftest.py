"""Settings of a data folder and ports of a test's own."""

import os
from pathlib import Path

import pytest

from doctor_tools import Make
from hilum.settings import SETTINGS_FILE_VARIABLE, Settings
from orthanc_server import free_ports


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no settings of whoever runs the tests play a part."""
    for name in [name for name in os.environ if name.startswith("HILUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(SETTINGS_FILE_VARIABLE, os.devnull)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a data folder as hilum makes it."""
    made = tmp_path / "data"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def make(folder: Path) -> Make:
    """Return a function that makes settings: section=dict(name=value)."""
    http, dicom, page = free_ports(3)
    own = {"pacs": {"http_port": http, "dicom_port": dicom}, "page": {"port": page}}

    def settings(**sections: dict[str, object]) -> Settings:
        made = Settings.load(data_folder=folder)
        for name in own.keys() | sections.keys():
            made = made.changed(name, **{**own.get(name, {}), **sections.get(name, {})})
        return made

    return settings
