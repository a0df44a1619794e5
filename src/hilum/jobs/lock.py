"""One node for each data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from hilum.errors import AlreadyRunning
from hilum.files.private import OWNER_FILE, make_folder, writing_to
from hilum.language import Message

FILE: Final = "hilum.lock"
"""Held by the node of a data folder."""


@contextmanager
def locked(data_folder: Path, name: str = FILE) -> Iterator[None]:
    """Hold the data folder; the kernel lets go when the process ends, however it ends.

    Parameters
    ----------
    data_folder
        What is held; made if need be.
    name
        File in it that is locked: whoever locks another one is in nobody's way.

    Raises
    ------
    AlreadyRunning
        Another node holds it.
    SettingInvalid
        The data folder can't be written to.
    """
    make_folder(data_folder)
    path = data_folder / name
    with writing_to(data_folder):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, OWNER_FILE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise AlreadyRunning(
                "Another hilum ({holder}) uses the data folder {data_folder}.",
                "Stop it first, or set data_folder to another folder for this one.",
                holder=_holder(descriptor),
                data_folder=data_folder,
            ) from exc
        with writing_to(data_folder):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)  # the file stays: removing it would open a race


def _holder(descriptor: int) -> Message:
    """Return "process 123" as the holder wrote it down."""
    with suppress(OSError, ValueError):
        return Message("process {number}", number=int(os.pread(descriptor, 32, 0)))
    return Message("process unknown")
