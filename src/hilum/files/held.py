"""Folders that one process at a time writes into."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hilum.errors import AlreadyRunning
from hilum.files.atomic import not_written
from hilum.files.candidate import printable
from hilum.files.private import make_private


@contextmanager
def held(folder: Path, *, private: bool = False) -> Iterator[None]:
    """Make a folder for results, and hold it; the kernel lets go however the process ends.

    Parameters
    ----------
    private
        Whether nobody but its owner may enter a folder that is made.

    Raises
    ------
    AlreadyRunning
        Another process writes into it.
    SourceUnreadable
        It cannot be made.
    """
    try:
        if private:
            make_private(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as exc:
        raise not_written(folder, exc) from exc
    try:
        try:
            with suppress(ImportError):  # Windows has none
                import fcntl  # noqa: PLC0415

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise AlreadyRunning(
                "Another hilum writes results into {folder}.",
                "Wait for it, or choose another folder.",
                folder=printable(str(folder)),
            ) from exc
        except OSError:  # a file system that holds no folders
            pass
        yield
    finally:
        os.close(descriptor)
