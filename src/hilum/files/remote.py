"""Object stores: what lies below an address such as ``s3://bucket/folder``, by fsspec.

fsspec and its package for each kind of store are optional: s3fs for ``s3://``, gcsfs for
``gs://``, adlfs for ``az://``. Whatever a store asks for (keys, regions, endpoints) they find
where its own tools do.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from itertools import islice
from operator import itemgetter
from time import sleep
from typing import Any, BinaryIO, Final, TypeVar

from hilum.errors import ProgramNotInstalled, SourceUnreadable, StoreUnavailable
from hilum.files.candidate import MAX_FILE_BYTES, Candidate, printable, too_large, unreadable
from hilum.files.errors import read_errors
from hilum.files.zip_files import members
from hilum.language import Message
from hilum.runtime.waits import STUMBLES, BackOff

SEPARATOR: Final = "://"

PACKAGES: Final = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}
"""Beginning of an address → the package that fsspec needs for it."""

FINAL: Final = (FileNotFoundError, PermissionError, IsADirectoryError)
"""What asking again does not mend."""

LIBRARY_ERRORS: Final = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "aiohttp": ("ClientError",),
    "gcsfs.retry": ("HttpError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "azure.core.exceptions": ("AzureError",),
}
"""Module → its errors that fsspec lets through."""

BETWEEN: Final = BackOff(0.5, 8.0)
"""Waits for a store that is busy or away, beside those of its own package."""

T = TypeVar("T")


def is_address(source: str) -> bool:
    """Whether a source is an address in an object store, not a path."""
    return SEPARATOR in source


def find_objects(address: str) -> Iterator[Candidate]:
    """Yield every object below an address, in the order of names; ZIP archives are opened.

    Raises
    ------
    ProgramNotInstalled
        The package for this kind of store is not installed.
    SourceUnreadable
        The store does not let us list it.
    StoreUnavailable
        It does not answer, or not now.
    """
    store, path = _store(address)
    path = path.rstrip("/")
    if asked(address, partial(store.isfile, path)):
        yield from _expanded(object_candidate(address))
        return
    found = False
    for candidate in _below(store, path):
        found = True
        yield candidate
    if not found:
        raise SourceUnreadable(
            "{name} is an empty folder.", "Give a folder with DICOM files.", name=printable(address)
        )


def _below(store: Any, folder: str) -> Iterator[Candidate]:
    """Yield the objects of a folder, one request a folder: a store may have millions."""
    entries = asked(store.unstrip_protocol(folder), partial(store.ls, folder, detail=True))
    for entry in sorted(entries, key=itemgetter("name")):
        path = entry["name"].rstrip("/")
        if path == folder:  # some programs store an empty object for the folder itself
            continue
        if entry["type"] == "directory":
            yield from _below(store, path)
            continue
        address = store.unstrip_protocol(path)
        if (entry.get("size") or 0) > MAX_FILE_BYTES:
            name = printable(address)
            yield unreadable(too_large(name), name=name)
        else:
            yield from _expanded(object_candidate(address))


def _expanded(candidate: Candidate) -> Iterator[Candidate]:
    """Yield what a ZIP archive holds, by its name: nothing is opened to be listed."""
    if candidate.name.casefold().endswith(".zip"):
        yield from members(candidate)
    else:
        yield candidate


def object_candidate(address: str) -> Candidate:
    """Return the candidate for one object; it is asked for when it is read."""
    return Candidate(printable(address), RemoteObject(address))


class RemoteObject:
    """Opens one object."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self) -> BinaryIO:
        """Return its bytes."""
        store, path = _store(self.address)
        # in one request: what is read ahead of a file in parts is not needed
        return BytesIO(asked(self.address, partial(store.cat_file, path)))


def asked(address: str, ask: Callable[[], T]) -> T:
    """Return what a store answers; one that is busy or away is asked again.

    Raises
    ------
    SourceUnreadable
        There is no such object, or it is not for us.
    StoreUnavailable
        The store does not answer, or not now.
    """
    name = printable(address)
    failed: BaseException = Exception()
    for wait_s in (*islice(BETWEEN, STUMBLES), None):
        try:
            with read_errors(name):
                return ask()
        except SourceUnreadable as exc:
            if isinstance(exc.__cause__, FINAL):
                raise
            failed = exc.__cause__ or exc
        except _library_errors() as exc:
            failed = exc
        if wait_s is not None:
            sleep(wait_s)
    raise StoreUnavailable(
        "{name} cannot be read now: {why}.",
        "Check the store and the keys to it, then give the same command: it goes on from here.",
        name=name,
        why=Message.clause(" ".join(str(failed).split()) or type(failed).__name__),
    ) from failed


def _store(address: str) -> tuple[Any, str]:
    """Return fsspec's file system for an address, and the path in it."""
    kind = address.partition(SEPARATOR)[0]
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415  an extra

        store, path = url_to_fs(address, use_listings_cache=False)  # of millions of names
    except ImportError as exc:
        raise ProgramNotInstalled(
            "To read {kind}:// addresses, {package} is needed.",
            "Install it: pip install {package}.",
            kind=kind,
            package=PACKAGES.get(kind, "fsspec"),
        ) from exc
    except ValueError as exc:
        raise SourceUnreadable(
            "{name} is no address that can be read.",
            "Give a path, or an address that begins with {kinds}.",
            name=printable(address),
            kinds=", ".join(f"{each}{SEPARATOR}" for each in ("s3", "gs", "az")),
        ) from exc
    return store, path


def _library_errors() -> tuple[type[Exception], ...]:
    """Return the errors of those packages that are in use."""
    loaded = ((sys.modules.get(module), names) for module, names in LIBRARY_ERRORS.items())
    return tuple(
        getattr(module, name) for module, names in loaded for name in names if hasattr(module, name)
    )
