"""A file of a person's that is whole or not there: written aside, moved into place at the end."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from hilum.errors import SourceUnreadable


def not_written(path: Path, exc: OSError) -> SourceUnreadable:
    """Return the one line for what the file system says while `path` is written."""
    return SourceUnreadable(
        f"{path} cannot be written: {exc.strerror or exc}.",
        "Name a file in a folder that you may write to, with space on its disk.",
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
        raise SourceUnreadable(f"{path} is not an ordinary file.", "Name a file to be written.")
    return meant


class AtomicFile:
    """A file that gets its name only when the ``with`` block ends without an error.

    Parameters
    ----------
    path
        The file to be; its folder is there.

    Raises
    ------
    SourceUnreadable
        It cannot be written, now or at any later step.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._meant = ordinary(path)
        self._aside = self._meant.with_name(self._meant.name + ".part")
        try:
            self._file = self._aside.open("wb")
        except OSError as exc:
            raise not_written(path, exc) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._aside.replace(self._meant)
        except OSError as error:
            raise not_written(self.path, error) from error
        finally:
            self._discard()

    def write(self, content: str | bytes) -> int:
        """Write text as UTF-8, or bytes as they are."""
        data = content.encode() if isinstance(content, str) else content
        try:
            return self._file.write(data)
        except OSError as exc:
            raise not_written(self.path, exc) from exc

    def _discard(self) -> None:
        """Close and remove what is aside; nothing once it was moved into place."""
        try:
            self._file.close()
        except OSError:  # what was buffered found no room either
            pass
        finally:
            self._aside.unlink(missing_ok=True)
