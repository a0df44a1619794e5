"""Private files and folders (modes 0600 and 0700): passwords, images, jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Final

from hilum.errors import SettingInvalid
from hilum.files.atomic import replacing
from hilum.language.system import system_error

OWNER_FILE: Final = 0o600
"""Mode of a file that nobody but its owner reads or writes."""

OWNER_FOLDER: Final = 0o700
"""Mode of a folder that nobody but its owner enters."""


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn what the file system says while `folder` is written to into our error.

    Raises
    ------
    SettingInvalid
        The folder cannot be made or written to.
    """
    try:
        yield
    except OSError as exc:
        raise SettingInvalid(
            "The data folder {folder} cannot be written: {strerror}.",
            "Set data_folder to a folder of your own with space on its disk.",
            folder=folder,
            strerror=system_error(exc),
        ) from exc


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents if need be, readable by the owner alone.

    Raises
    ------
    SettingInvalid
        It cannot be made.
    """
    with writing_to(folder):
        make_private(folder)


def make_private(folder: Path) -> None:
    """Do the same.

    Raises
    ------
    OSError
        It cannot be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):  # Path.mkdir makes parents for everybody
        each.mkdir(mode=OWNER_FOLDER, exist_ok=True)
    folder.mkdir(mode=OWNER_FOLDER, exist_ok=True)


def write_file(path: Path, text: str) -> None:
    """Write `text` aside, into a file created with mode 0600, then move it into place.

    Raises
    ------
    SettingInvalid
        The file cannot be written.
    """
    make_folder(path.parent)
    aside = path.with_name(f".{path.name}.{token_hex(8)}")  # two processes may write at once
    with writing_to(path.parent), replacing(path, aside, mode=OWNER_FILE) as file:
        file.write(text.encode())
