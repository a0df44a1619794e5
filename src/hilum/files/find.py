"""From paths on the command line to the files behind them."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from hilum.errors import SourceUnreadable
from hilum.files.candidate import Candidate, FileKind, printable, unreadable
from hilum.files.dicomdir import is_dicomdir, referenced_paths
from hilum.files.errors import read_errors
from hilum.files.zip_files import members


def find_candidates(paths: Iterable[Path | str]) -> Iterator[Candidate]:
    """Yield every file behind `paths`, one at a time, in a stable order.

    Folders are walked in the order of names, links to folders followed; ZIP archives are
    opened, also within each other; of a DICOMDIR come the files that it names. A DICOMDIR
    inside a folder only adds what it names and is not there. Nothing is skipped in
    silence: what cannot be read is a candidate whose reading raises `SourceUnreadable`.

    Parameters
    ----------
    paths
        Files, folders, ZIP archives, DICOMDIRs.
    """
    for path in map(Path, paths):
        if _is_folder(path):
            yield from _folder(path)
        else:
            yield from _expanded(file_candidate(path, named=True), path)


def file_candidate(path: Path, *, named: bool = False) -> Candidate:
    """Return the candidate for one file on disk.

    Parameters
    ----------
    named
        Whether the user gave this very path.
    """
    name = printable(str(path))
    return Candidate(name, partial(_open_file, name, path), path=path, named=named)


def _open_file(name: str, path: Path) -> BinaryIO:
    with read_errors(name):
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise SourceUnreadable(
                "{name} is not an ordinary file.", "Give a file or folder.", name=name
            )
        return path.open("rb")


def _is_folder(path: Path) -> bool:
    """Return whether `path` is a folder; what cannot be looked at is opened, and says why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _folder(folder: Path) -> Iterator[Candidate]:
    """Yield the files of a folder, or one candidate that says why there are none."""
    found = False
    for candidate in _walk(folder, ancestors=frozenset()):
        found = True
        yield candidate
    if not found:
        name = printable(str(folder))
        empty = SourceUnreadable(
            "{name} is an empty folder.", "Give a folder with DICOM files.", name=name
        )
        yield unreadable(empty, name=name, named=True)


def _walk(folder: Path, *, ancestors: frozenset[tuple[int, int]]) -> Iterator[Candidate]:
    try:
        with read_errors(printable(str(folder))):
            status = folder.stat()
            entries = sorted(folder.iterdir())
    except SourceUnreadable as exc:
        yield unreadable(exc, name=printable(str(folder)))
        return
    identity = (status.st_dev, status.st_ino)
    if identity in ancestors:  # a link to a folder around it
        return
    for path in entries:
        if _is_folder(path):
            yield from _walk(path, ancestors=ancestors | {identity})
        else:
            yield from _expanded(file_candidate(path), path)


def _expanded(candidate: Candidate, path: Path) -> Iterator[Candidate]:
    """Yield the candidate itself, or the files that it stands for."""
    try:
        if candidate.kind() is FileKind.ZIP:
            yield from members(candidate)
        elif is_dicomdir(candidate):
            yield from _referenced(candidate, path)
        else:
            yield candidate
    except SourceUnreadable as exc:
        yield unreadable(exc, name=candidate.name, named=candidate.named)


def _referenced(index: Candidate, path: Path) -> Iterator[Candidate]:
    """Yield the files that a DICOMDIR names; in a walk, those that the walk cannot meet."""
    for referenced in referenced_paths(path, index):
        if isinstance(referenced, SourceUnreadable):
            yield unreadable(referenced, name=index.name)
        elif not referenced.exists():
            name = printable(str(referenced))
            gone = SourceUnreadable(
                "{name} does not exist, but {index} names it.",
                "Copy the whole medium.",
                name=name,
                index=index.name,
            )
            yield unreadable(gone, name=name)
        elif index.named:
            yield file_candidate(referenced)
