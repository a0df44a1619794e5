"""Files that are whole or not there: written aside, moved into place at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from hilum.errors import SourceUnreadable
from hilum.language.system import system_error

ANYBODY: Final = 0o666
"""Mode of a file that is nobody's secret; the process withholds some of it (umask)."""


def not_written(path: Path, exc: OSError) -> SourceUnreadable:
    """Return the one line for what the file system says while `path` is written."""
    return SourceUnreadable(
        "{path} cannot be written: {why}.",
        "Name a file in a folder that you may write to, with space on its disk.",
        path=path,
        why=system_error(exc),
    )


def interrupted(path: Path, exc: OSError) -> SourceUnreadable:
    """Return the same for work that goes on where it stopped."""
    return SourceUnreadable(
        "{partial} cannot be written: {strerror}.",
        "Free space on its disk, then give the same command: it goes on from here.",
        partial=path,
        strerror=system_error(exc),
    )


def ordinary(path: Path) -> Path:
    """Return the file that `path` means, links followed.

    Raises
    ------
    SourceUnreadable
        It is a device or a pipe, which a file moved into place would replace.
    """
    meant = path.resolve()
    if path.name == "-" or (meant.exists() and not meant.is_file()):
        raise SourceUnreadable(
            "{path} is not an ordinary file.", "Name a file to be written.", path=path
        )
    return meant


@contextmanager
def replacing(path: Path, aside: Path, *, mode: int = ANYBODY) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of another one if the block ends without an error.

    Parameters
    ----------
    path
        The file to be.
    aside
        Where it is until then, in the same folder. It is removed after an error.
    mode
        Who may read and write it, less what the process withholds from everybody.

    Raises
    ------
    OSError
        It cannot be written.
    """
    file = os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb")
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        aside.replace(path)
    finally:
        with suppress(OSError):  # what was buffered found no room either
            file.close()
        aside.unlink(missing_ok=True)


class AtomicFile:
    """A file that gets its name only when the ``with`` block ends without an error.

    Parameters
    ----------
    path
        The file to be; its folder is there.

    Raises
    ------
    SourceUnreadable
        It cannot be written, at any step.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        meant = ordinary(path)
        self._writing = replacing(meant, meant.with_name(meant.name + ".part"))

    def __enter__(self) -> Self:
        try:
            self._file = self._writing.__enter__()
        except OSError as exc:
            raise not_written(self.path, exc) from exc
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            self._writing.__exit__(kind, exc, tb)
        except OSError as error:
            raise not_written(self.path, error) from error

    def write(self, content: str | bytes) -> int:
        """Write text as UTF-8, or bytes as they are."""
        data = content.encode() if isinstance(content, str) else content
        try:
            return self._file.write(data)
        except OSError as exc:
            raise not_written(self.path, exc) from exc
