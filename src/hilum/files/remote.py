"""Object stores: what lies below an address such as ``s3://bucket/folder``, by pyarrow.

Whatever a store asks for (keys, region, endpoint) pyarrow finds where the store's own tools do.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from io import BytesIO
from itertools import islice
from time import sleep
from typing import Any, BinaryIO, Final, TypeVar

from hilum.errors import ProgramNotInstalled, SourceUnreadable, StoreUnavailable
from hilum.files.candidate import MAX_FILE_BYTES, Candidate, printable, too_large, unreadable
from hilum.files.errors import read_errors
from hilum.files.zip_files import members
from hilum.language import Message
from hilum.runtime.waits import STUMBLES, BackOff

ADDRESS: Final = re.compile(
    r"([a-z][a-z0-9+.-]*)://(?:([^/?]*)@)?([^/?]*)/?([^?]*)(\?.*)?", re.IGNORECASE
)
"""Kind, user and password, bucket or account, name of the object, options."""

DENIED: Final = re.compile(
    r"ACCESS_DENIED|PERMISSION.?DENIED|INVALID_ACCESS_KEY|SIGNATURE_DOES_NOT_MATCH|"
    r"Authori[sz]ation|Authentication|credentials|\b40[13]\b",
    re.IGNORECASE,
)
"""What a store says to whom it does not know, in the words of any."""

BETWEEN: Final = BackOff(0.5, 8.0)
"""Waits for a store that is busy or away, after those of its own library."""

T = TypeVar("T")


def is_address(source: str) -> bool:
    """Whether a source is an address in an object store, not a path."""
    return ADDRESS.fullmatch(source) is not None


def find_objects(address: str) -> Iterator[Candidate]:
    """Yield every object below an address, in the order of names; ZIP archives are opened.

    Raises
    ------
    ProgramNotInstalled
        pyarrow is not installed.
    SourceUnreadable
        There is nothing, or the store does not let us list it.
    StoreUnavailable
        It does not answer, or not now.
    """
    store, path = _store(address)
    path = path.rstrip("/")
    (there,) = asked(address, partial(store.get_file_info, [path]))
    if there.is_file:
        yield from _expanded(object_candidate(address))
        return
    found = False
    for candidate in _below(store, path, address.partition("?")[0].rstrip("/")):
        found = True
        yield candidate
    if not found:
        raise SourceUnreadable(
            "{name} is an empty folder.", "Give a folder with DICOM files.", name=_name(address)
        )


def _below(store: Any, folder: str, address: str) -> Iterator[Candidate]:
    """Yield the objects of a folder, one request a folder: a store may have millions."""
    from pyarrow.fs import FileSelector  # noqa: PLC0415  there, since there is a store

    found = asked(address, partial(store.get_file_info, FileSelector(folder)))
    for info in sorted(found, key=lambda each: str(each.path)):
        below = f"{address}/{info.base_name}"
        if not info.is_file:
            yield from _below(store, info.path, below)
        elif info.size > MAX_FILE_BYTES:
            yield unreadable(too_large(_name(below)), name=_name(below))
        else:
            yield from _expanded(object_candidate(below))


def _expanded(candidate: Candidate) -> Iterator[Candidate]:
    """Yield what a ZIP archive holds, by its name: nothing is opened to be listed."""
    if candidate.name.casefold().endswith(".zip"):
        yield from members(candidate)
    else:
        yield candidate


def object_candidate(address: str) -> Candidate:
    """Return the candidate for one object; it is asked for when it is read."""
    return Candidate(_name(address), RemoteObject(address))


class RemoteObject:
    """Opens one object."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self) -> BinaryIO:
        """Return its bytes."""
        return BytesIO(asked(self.address, self._content))

    def _content(self) -> bytes:
        store, path = _store(self.address)
        with store.open_input_file(path) as file:
            size = file.size()
            if size > MAX_FILE_BYTES:
                raise too_large(_name(self.address))
            return bytes(file.read(size))


def asked(address: str, ask: Callable[[], T]) -> T:
    """Return what a store answers; one that is busy or away is asked again.

    Raises
    ------
    SourceUnreadable
        There is no such object, or it is not for us.
    StoreUnavailable
        The store does not answer, or not now.
    """
    name = _name(address)
    for wait_s in (*islice(BETWEEN, STUMBLES), None):
        try:
            return ask()
        except ValueError as exc:
            raise _no_address(address) from exc
        except OSError as exc:
            failed = exc
        if isinstance(failed, FileNotFoundError | PermissionError) or DENIED.search(str(failed)):
            with read_errors(name):
                raise failed if failed.errno else PermissionError(str(failed)) from failed
        if wait_s is not None:
            sleep(wait_s)
    raise StoreUnavailable(
        "{name} cannot be read now: {why}.",
        "Check the store, then give the same command: it goes on from here.",
        name=name,
        why=Message.clause(" ".join(str(failed).split())),
    ) from failed


def _no_address(address: str) -> SourceUnreadable:
    return SourceUnreadable(
        "{name} is no address that can be read.",
        "Give a path, or an address that begins with {kinds}.",
        name=_name(address),
        kinds="s3://, gs://, abfss://",
    )


def _name(address: str) -> str:
    """Return what an object is called: its address without password and options."""
    found = ADDRESS.fullmatch(address)
    assert found is not None, "whoever calls has looked"  # noqa: S101
    kind, _, place, path, _ = found.groups()
    return printable(f"{kind}://{place}/{path}".rstrip("/"))


def _store(address: str) -> tuple[Any, str]:
    """Return pyarrow's file system for an address, and the path in it."""
    found = ADDRESS.fullmatch(address)
    assert found is not None, "whoever calls has looked"  # noqa: S101
    kind, user, place, path, options = found.groups()
    root = f"{kind}://{f'{user}@' if user else ''}{place or '/'}{options or ''}"
    try:
        store, base = asked(address, partial(_opened, root))
    except ImportError as exc:
        raise ProgramNotInstalled(
            "To read {kind}:// addresses, pyarrow is needed.",
            "Install it: pip install 'hilum[dataset]'.",
            kind=kind,
        ) from exc
    return store, f"{base.rstrip('/')}/{path}" if base == "/" else f"{base}/{path}".lstrip("/")


@cache
def _opened(root: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem  # noqa: PLC0415  an extra

    store, base = FileSystem.from_uri(root)
    return store, str(base)
