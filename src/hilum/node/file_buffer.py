"""The memory in which an inference worker is handed a file; the next file reuses it.

To make a file of a radiograph in ``/dev/shm``, and to take it away, costs the kernel 4 ms; to
write over the last one 1.2. Besides, it has no name in any folder and ends with the process
that made it, so a node that is killed leaves nobody's image behind, and it needs no room in
``/dev/shm``, which is small in containers.

Sources
-------
memfd_create(2); proc_pid_fd(5).
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final

from hilum.files.private import make_folder

MOST_KEPT: Final = 1 << 26
"""Bytes that a buffer keeps for the next file; an uncompressed radiograph has 5 to 40 MB."""


class FileBuffer:
    """Holds one file at a time for another process of this machine. Not thread-safe.

    Parameters
    ----------
    spare
        Folder for files where the system has no such memory, or no more of it, and after
        `close`.
    """

    def __init__(self, spare: Path) -> None:
        self._spare = spare
        self._memory = _memory()

    @contextmanager
    def holding(self, file: bytes) -> Iterator[str]:
        """Yield the path under which the file can be read meanwhile, by its owner alone."""
        memory = self._memory
        if memory is None or not _written_over(memory, file):
            with _put(file, self._spare) as path:
                yield path
            return
        try:
            yield _path_of(memory)
        finally:
            if len(file) > MOST_KEPT and not memory.closed:
                memory.truncate(0)

    def close(self) -> None:
        """Give the memory back."""
        if self._memory is not None:
            self._memory.close()


def buffer_folder(data_folder: Path) -> Path:
    """Return the (empty) folder for files that do not fit into memory."""
    folder = data_folder / "reading"
    make_folder(folder)
    for left in folder.iterdir():  # of a node that was killed
        left.unlink(missing_ok=True)
    return folder


def _memory() -> FileIO | None:
    try:
        return FileIO(os.memfd_create("hilum-image"), "r+")
    except (AttributeError, OSError):  # not Linux, or not allowed in this container
        return None


def _path_of(memory: FileIO) -> str:
    """Return where other processes of the same user find it."""
    return f"/proc/{os.getpid()}/fd/{memory.fileno()}"


def _written_over(memory: FileIO, file: bytes) -> bool:
    """Overwrite the buffer with a file; return whether it fit."""
    rest = memoryview(file)
    try:
        memory.seek(0)
        while rest:
            rest = rest[memory.write(rest) :]
        memory.truncate(len(file))
    except (OSError, ValueError):  # no room; given back already
        with suppress(OSError, ValueError):
            memory.truncate(0)
        return False
    return True


@contextmanager
def _put(file: bytes, folder: Path) -> Iterator[str]:
    """Write a file that only its owner reads; take it away afterwards."""
    descriptor, path = tempfile.mkstemp(prefix="hilum-", suffix=".dcm", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file)
        yield path
    finally:
        Path(path).unlink()
