"""ZIP files, also within each other, read in place: nothing is unpacked to disk by name.

Limits
------
A ZIP file may not be made to exhaust time, memory or disk: not too many members, not too
deep, and not larger unpacked than DEFLATE can honestly make it. Members that overlap,
which is how a small file becomes petabytes, break that last rule.

Sources
-------
D. Fifield, "A better zip bomb" (2019): overlapping members; DEFLATE's limit of 1032:1.
"""

import tempfile
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePosixPath
from typing import IO, BinaryIO, Final

from hilum.errors import SourceUnreadable
from hilum.files.candidate import (
    MAX_FILE_BYTES,
    Candidate,
    FileKind,
    kind_of,
    printable,
    unreadable,
)
from hilum.files.dicomdir import is_dicomdir
from hilum.files.errors import read_errors
from hilum.runtime.caches import LruCache

MAX_MEMBERS: Final = 200_000
"""Members of one archive."""

MAX_DEPTH: Final = 3
"""Archives within archives."""

MAX_RATIO: Final = 1032
"""DEFLATE cannot make data larger than this many times its compressed size."""

KEPT_IN_MEMORY_BYTES: Final = 32 << 20
"""A larger archive within an archive goes to a temporary file without a name."""

COPIED_AT_ONCE_BYTES: Final = 1 << 20

REOPENED: Final[LruCache[str, zipfile.ZipFile]] = LruCache(4)
"""Archives whose members came here from another process; as many as may lie in each other."""


def members(container: Candidate, *, depth: int = 1) -> Iterator[Candidate]:
    """Yield what a ZIP archive holds, in the order of names, archives within it opened.

    An archive that cannot be read, or breaks a limit, is one candidate that says so.
    """
    try:
        archive = _open(container)
        infos = sorted(
            (info for info in archive.infolist() if not info.is_dir()),
            key=lambda info: PurePosixPath(info.filename).parts,
        )
        _check_limits(container.name, infos, depth=depth)
    except SourceUnreadable as exc:
        yield unreadable(exc, name=container.name, named=container.named)
        return
    for info in infos:
        member = Candidate(
            f"{container.name}!{printable(info.filename)}", ZipMember(container, info, archive)
        )
        try:
            head = member.head()
        except SourceUnreadable as exc:
            yield unreadable(exc, name=member.name)
            continue
        if kind_of(head) is FileKind.ZIP:
            yield from members(member, depth=depth + 1)
        elif not is_dicomdir(member):
            yield member


class ZipMember:
    """Opens one member; it keeps its archive open as long as it lives.

    In another process, to which it was sent, it opens the archive again.
    """

    def __init__(
        self,
        container: Candidate,
        info: zipfile.ZipInfo,
        archive: zipfile.ZipFile | None = None,
    ) -> None:
        self._container, self._info, self._archive = container, info, archive

    def __call__(self) -> BinaryIO:
        """Return a stream of its bytes."""
        archive = self._archive or REOPENED.get(self._container.name)
        if archive is None:
            archive = _open(self._container)
            REOPENED.put(self._container.name, archive)
        with read_errors(f"{self._container.name}!{printable(self._info.filename)}"):
            return archive.open(self._info)  # type: ignore[return-value]  # IO[bytes] is one

    def __reduce__(self) -> tuple[type["ZipMember"], tuple[Candidate, zipfile.ZipInfo]]:
        return ZipMember, (self._container, self._info)


def _open(container: Candidate) -> zipfile.ZipFile:
    """Open an archive by random access.

    Raises
    ------
    SourceUnreadable
        It cannot be read, or is not an archive.
    """
    with read_errors(container.name):
        if container.path is not None:
            return zipfile.ZipFile(container.path)
        with ExitStack() as until_closed:
            # a compressed member cannot be sought in: copy it once
            spool = until_closed.enter_context(
                tempfile.SpooledTemporaryFile(max_size=KEPT_IN_MEMORY_BYTES)
            )
            with container.opener() as stream:
                _copy(stream, spool, name=container.name)
            archive = zipfile.ZipFile(spool)
            weakref.finalize(archive, until_closed.pop_all().close)
            return archive


def _copy(source: BinaryIO, target: IO[bytes], *, name: str) -> None:
    """Copy an archive within an archive, up to the limit for one file."""
    copied = 0
    while chunk := source.read(COPIED_AT_ONCE_BYTES):
        copied += target.write(chunk)
        if copied > MAX_FILE_BYTES:
            raise _too_much(name)


def _check_limits(name: str, infos: list[zipfile.ZipInfo], *, depth: int) -> None:
    """Raise `SourceUnreadable` for an archive that is made to exhaust the machine."""
    if not infos:
        raise SourceUnreadable(
            "{name} is an empty archive.", "Create the archive again.", name=name
        )
    if depth > MAX_DEPTH:
        raise SourceUnreadable(
            "{name} is nested in more than {max_depth} archives.",
            "Unpack the outer ones first.",
            name=name,
            max_depth=MAX_DEPTH,
        )
    # overlapping members count the same bytes many times: take what lies before the last one's end
    packed = max(info.header_offset + info.compress_size for info in infos)
    unpacked = sum(info.file_size for info in infos)
    if len(infos) > MAX_MEMBERS or unpacked > MAX_RATIO * packed:
        raise _too_much(name)


def _too_much(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{name} holds more than an archive of its size can.",
        "Ask where it comes from; unpack it with care if you trust it.",
        name=name,
    )
