"""Settings: declared once, checked at start-up, and documented."""

import os
import runpy
from pathlib import Path

import pytest

from hilum.errors import SettingInvalid
from hilum.settings import SETTINGS_FILE_VARIABLE, Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings_file(tmp_path, monkeypatch):
    """Return the path of a settings file of this test's own."""
    path = tmp_path / "hilum.toml"
    monkeypatch.setenv(SETTINGS_FILE_VARIABLE, str(path))
    return path


def test_environment_is_stronger_than_file(settings_file, monkeypatch):
    """A value in the environment replaces the file's; the file's replaces the default."""
    settings_file.write_text('[pacs]\naet = "FILE"\nhttp_port = 9000\n')
    monkeypatch.setenv("HILUM_PACS__AET", "ENVIRONMENT")
    settings = Settings.load()

    assert ("ENVIRONMENT", 9000, 4242) == (
        settings.pacs.aet,
        settings.pacs.http_port,
        settings.pacs.dicom_port,
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[pacs]\nhttp_prot = 1\n", "pacs.http_prot"),
        ("[pacs]\nhttp_port = 99999\n", "pacs.http_port"),
        ('[pixels]\npipeline = "guess"\n', "pixels.pipeline"),
        ("[nothing]\n", "nothing"),
        ("[pacs\n", "not valid TOML"),
    ],
)
def test_mistake_in_file_is_one_clear_line(settings_file, text, named):
    """A misspelt name, a value out of range and broken TOML each name their place."""
    settings_file.write_text(text)

    with pytest.raises(SettingInvalid, match=named):
        Settings.load()


def test_password_does_not_print(settings_file):
    """Settings in a log or a traceback do not show the password."""
    settings_file.write_text('[pacs]\npassword = "correct horse"\n')

    assert "correct horse" not in repr(Settings.load())


def test_changed_values_are_validated(monkeypatch):
    """A value from the command line passes the same checks as one from the file."""
    monkeypatch.setenv(SETTINGS_FILE_VARIABLE, os.devnull)
    settings = Settings.load()

    assert 8043 == settings.changed("pacs", http_port=8043).pacs.http_port
    with pytest.raises(SettingInvalid, match=r"pacs\.http_port"):
        settings.changed("pacs", http_port=0)


def test_settings_page_is_what_the_code_says():
    """docs/settings.md is the output of scripts/settings_page.py."""
    page = runpy.run_path(str(ROOT / "scripts" / "settings_page.py"))["page"]()

    assert page == (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "x = " + "{a=" * 100_000])
def test_settings_file_that_is_nested_without_end_is_said(settings_file, text: str):
    """In one line, as any other mistake."""
    settings_file.write_text(text)

    with pytest.raises(SettingInvalid, match="nested too deeply"):
        Settings.load()


@pytest.mark.usefixtures("settings_file")
def test_settings_file_that_is_named_must_be_there():
    """A misspelt path is said, not passed over."""
    with pytest.raises(SettingInvalid, match="which is not a file"):
        Settings.load()


def test_variable_of_an_unknown_section_is_told(monkeypatch):
    """HILUM_PACKS__URL would else leave hilum without the PACS that was meant."""
    monkeypatch.setenv("HILUM_PACKS__URL", "http://192.0.2.1:8042")

    with pytest.raises(SettingInvalid, match="HILUM_PACKS__URL names no setting"):
        Settings.load()


def test_misspelt_name_is_told_in_plain_words(settings_file):
    """The person reads that there is no such setting, not what the library calls it."""
    settings_file.write_text("[pacs]\nhttp_prot = 1\n")

    with pytest.raises(SettingInvalid, match="there is no such setting"):
        Settings.load()
