"""Where a setting's value comes from, and the file of those that the page sets."""

import json
import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hilum.files.private import write_file

PREFIX: Final = "HILUM_"
"""What the environment variables of hilum begin with."""

PAGE_FILE: Final = "page-settings.json"
"""In the data folder: what operators set on the page. The settings file and the environment are
stronger."""


class SettingSource(StrEnum):
    """Where a value comes from, the strongest first."""

    ENVIRONMENT = "environment"
    FILE = "file"
    PAGE = "page"
    DEFAULT = "default"


def page_values(data_folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the page set, section → name → value.

    Raises
    ------
    ValueError
        The file is no JSON.
    """
    try:
        found: dict[str, dict[str, Any]] = json.loads((data_folder / PAGE_FILE).read_text("utf-8"))
    except OSError:
        return {}
    return found


def write_page_values(data_folder: Path, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down what the page set, so that every process of this data folder sees it.

    Raises
    ------
    SettingInvalid
        The file cannot be written.
    """
    write_file(data_folder / PAGE_FILE, json.dumps(values, indent=1))


def stamp_of(data_folder: Path) -> tuple[int, int] | None:
    """Return what changes whenever the page sets something; None where it never did."""
    try:
        found = (data_folder / PAGE_FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def source_of(section: str, name: str, *, file: Path, data_folder: Path) -> SettingSource:
    """Return where a setting's value comes from at the next start."""
    variable = f"{PREFIX}{section}__{name}".upper()
    if any(each.upper() == variable for each in os.environ):
        return SettingSource.ENVIRONMENT
    if name in _file_values(file).get(section, {}):
        return SettingSource.FILE
    if name in page_values(data_folder).get(section, {}):
        return SettingSource.PAGE
    return SettingSource.DEFAULT


def _file_values(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
