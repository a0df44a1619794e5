"""The archive of the settings, with retried requests, and its name in the records."""

import socket
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar, cast

from hilum.errors import FileTooLarge, NotInPacs, PacsError, SettingInvalid
from hilum.jobs.pause import Pause
from hilum.pacs.archive import Archive
from hilum.records import Database, feed
from hilum.runtime.waits import STUMBLES, WHILE_AWAY
from hilum.settings import Settings
from hilum.telemetry.logs import get_log

OWN_PACS: Final = "own"
"""Name in the records of the Orthanc that hilum starts, whatever its port."""

log = get_log(__name__)

T = TypeVar("T")


def archive_name(settings: Settings) -> str:
    """Return what the records call the PACS of the settings.

    In a database that machines share, "own" would be the name of several.
    """
    if settings.pacs.url is not None:
        return settings.pacs.url.rstrip("/")
    if settings.node.database is None:
        return OWN_PACS
    return f"{OWN_PACS}@{socket.gethostname()}:{settings.pacs.http_port}"


def require_this_archive(database: Database, archive: str) -> None:
    """Return when the jobs of a shared database are about this archive.

    Raises
    ------
    SettingInvalid
        They are about another one, which this process could not reach.
    """
    if database.is_sqlite:
        return
    with database.look() as connection:
        others = feed.archives(connection) - {archive}
    if others:
        raise SettingInvalid(
            "The database of node.database has the jobs of {others}, not of {archive}.",
            "Set pacs.url to that address, written in the same way, or give each PACS a "
            "database of its own.",
            others=", ".join(sorted(others)),
            archive=archive,
        )


class RetryingArchive:
    """An archive whose methods wait while it is away, so that no image fails because of it."""

    def __init__(self, archive: Archive, pause: Pause) -> None:
        self._archive = archive
        self._pause = pause

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._archive, name)
        return partial(self._ask, found) if callable(found) else found

    def _ask(self, question: Callable[..., T], *values: Any, **named: Any) -> T:
        waits = islice(WHILE_AWAY, STUMBLES)
        while True:
            try:
                return question(*values, **named)
            except (NotInPacs, FileTooLarge):
                raise
            except PacsError as exc:
                if self._was_away():
                    continue
                wait_s = next(waits, None)
                if not exc.retryable or wait_s is None:
                    raise
                self._pause(wait_s)

    def _was_away(self) -> bool:
        """Return False when the archive answers; else wait until it does and return True."""
        waits, away = iter(WHILE_AWAY), False
        while True:
            try:
                self._archive.capabilities()
            except PacsError as exc:
                if not away:
                    log.warning("pacs.away", why=str(exc))
                away = True
            else:
                if away:
                    log.info("pacs.back")
                return away
            self._pause(next(waits))


def retrying(archive: Archive, pause: Pause) -> Archive:
    """Return an archive as `RetryingArchive`: it has every method that the given one has."""
    return cast("Archive", RetryingArchive(archive, pause))
