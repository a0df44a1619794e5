"""The data folder: its permissions, its disk, the file with the first password."""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hilum.doctor.check import CheckResult, ok, problem, warning
from hilum.language import Message
from hilum.pacs.credentials import credentials_file
from hilum.settings import Settings

GIBIBYTE: Final = 1024**3

PLENTY: Final = 2
"""Times node.min_free_bytes below which free space is worth a warning."""


def data_folder(settings: Settings) -> Iterator[CheckResult]:
    """Say whose it is, who may enter, and whether writable."""
    folder = settings.data_folder
    if not folder.exists():
        parent = nearest(folder)
        why = writing_fails(parent)
        if why:
            yield problem(
                "{folder} does not exist, and {parent} cannot be written: {why}",
                "Set data_folder to a folder of your own.",
                folder=folder,
                parent=parent,
                why=why,
            )
        else:
            yield ok("{folder} does not exist yet; the first start creates it", folder=folder)
        return
    if not folder.is_dir():
        yield problem("{folder} is not a folder", "Set data_folder to a folder.", folder=folder)
        return
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        yield problem(
            "{folder} belongs to {user}, and this is {process_user}",
            "Run hilum as {user}, or set data_folder to a folder of your own.",
            folder=folder,
            user=user(facts.st_uid),
            process_user=user(os.geteuid()),
        )
        return
    why = writing_fails(folder)
    if why:
        yield problem(
            "{folder} cannot be written: {why}",
            "Run chmod 700 {folder}, or mount its disk for writing.",
            folder=folder,
            why=why,
        )
        return
    mode = stat.S_IMODE(facts.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield warning(
            "{folder} is open to other users (mode {mode:o})",
            "Run chmod 700 {folder}.",
            folder=folder,
            mode=mode,
        )
    else:
        yield ok(
            "{folder} is private to {user} and writable", folder=folder, user=user(facts.st_uid)
        )


def disk(settings: Settings) -> Iterator[CheckResult]:
    """Report the free disk space."""
    free = shutil.disk_usage(nearest(settings.data_folder)).free
    least = settings.node.min_free_bytes
    said = Message(
        "{free:.1f} GiB free for {folder}", free=free / GIBIBYTE, folder=settings.data_folder
    )
    if free < least:
        yield problem(
            "{said}; the node pauses below {least:.1f} GiB",
            "Free space there, or set node.min_free_bytes.",
            said=said,
            least=least / GIBIBYTE,
        )
    elif free < PLENTY * least:
        yield warning(
            "{said}; the node pauses below {least:.1f} GiB",
            "Free space there soon.",
            said=said,
            least=least / GIBIBYTE,
        )
    else:
        yield ok(said)


def password_file(settings: Settings) -> Iterator[CheckResult]:
    """Say whether the generated password is its owner's alone."""
    file = credentials_file(settings.data_folder)
    if settings.pacs.url is not None:
        yield ok("not used: the PACS of the settings has a password of its own")
    elif not file.exists():
        yield ok("{file} does not exist yet; the first start creates it", file=file)
    else:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield problem(
                "{file} can be read by other users (mode {mode:o})",
                "Run chmod 600 {file}.",
                file=file,
                mode=mode,
            )
        elif not os.access(file, os.R_OK):
            yield problem(
                "{file} cannot be read", "Use the account that started hilum up first.", file=file
            )
        else:
            yield ok("{file} has mode {mode:o}", file=file, mode=mode)


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
