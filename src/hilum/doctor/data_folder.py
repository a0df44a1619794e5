"""Where everything lies: the data folder, its disk, the file with the password."""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.pacs.credentials import credentials_file
from hilum.settings import Settings

GIBIBYTE: Final = 1024**3

PLENTY: Final = 2
"""Times node.min_free_bytes below which free space is worth a warning."""


def data_folder(settings: Settings) -> Iterator[CheckResult]:
    """Say whose it is, who may enter, and whether it can be written."""
    folder = settings.data_folder
    if not folder.exists():
        parent = nearest(folder)
        why = writing_fails(parent)
        if why:
            yield problem(
                f"{folder} is not there, and {parent} cannot be written: {why}",
                "Set data_folder to a folder of your own.",
            )
        else:
            yield ok(f"{folder} is not there yet; the first start makes it")
        return
    if not folder.is_dir():
        yield problem(f"{folder} is no folder", "Set data_folder to a folder.")
        return
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        yield problem(
            f"{folder} belongs to {user(facts.st_uid)}, and this is {user(os.geteuid())}",
            f"Run hilum as {user(facts.st_uid)}, or set data_folder to a folder of your own.",
        )
        return
    why = writing_fails(folder)
    if why:
        yield problem(
            f"{folder} cannot be written: {why}",
            f"Run chmod 700 {folder}, or mount its disk for writing.",
        )
        return
    mode = stat.S_IMODE(facts.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield warning(
            f"{folder} can be entered by others (mode {mode:o})", f"Run chmod 700 {folder}."
        )
    else:
        yield ok(f"{folder} is {user(facts.st_uid)}'s alone and can be written")


def disk(settings: Settings) -> Iterator[CheckResult]:
    """Report the free disk space."""
    free = shutil.disk_usage(nearest(settings.data_folder)).free
    least = settings.node.min_free_bytes
    said = f"{free / GIBIBYTE:.1f} GiB free for {settings.data_folder}"
    if free < least:
        yield problem(
            f"{said}; the node pauses below {least / GIBIBYTE:.1f} GiB",
            "Free space there, or set node.min_free_bytes.",
        )
    elif free < PLENTY * least:
        yield warning(
            f"{said}; the node pauses below {least / GIBIBYTE:.1f} GiB", "Free space there soon."
        )
    else:
        yield ok(said)


def password_file(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the generated password is its owner's alone."""
    file = credentials_file(settings.data_folder)
    if settings.pacs.url is not None:
        yield ok("not used: the PACS of the settings has a password of its own")
    elif not file.exists():
        yield ok(f"{file} is not there yet; the first start makes it")
    else:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield problem(f"{file} can be read by others (mode {mode:o})", f"Run chmod 600 {file}.")
        elif not os.access(file, os.R_OK):
            yield problem(f"{file} cannot be read", "Use the account that started hilum up first.")
        else:
            yield ok(f"{file} has mode {mode:o}")


def writing_fails(folder: Path) -> str:
    """Return why no file can be made in a folder, empty when one can."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as exc:
        return exc.strerror or type(exc).__name__


def nearest(path: Path) -> Path:
    """Return the path, or the nearest folder above it that is there."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def user(number: int) -> str:
    """Return the name of a user."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user, who has a number only
        return f"user {number}"
