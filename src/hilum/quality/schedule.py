"""Self-tests that the node does by itself, each in a process of its own.

Light to import: the node's own process loads neither a network nor a decoder.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from hilum.errors import DatabaseUnavailable
from hilum.records import Database, constancy
from hilum.records.constancy import SelfTestState
from hilum.runtime.own_command import SILENT, OwnCommand
from hilum.settings import PacsKind, Settings
from hilum.telemetry.logs import get_log

END_S: Final = 20.0
"""Seconds that a self-test gets at the stop of the node to take its phantom away."""

REST: Final = timedelta(minutes=10)
"""After a self-test that could not even begin."""

log = get_log(__name__)


class SelfTests:
    """Begins self-tests every ``constancy.every_hours``. For one thread."""

    def __init__(self, settings: Settings, database: Database, archive: str) -> None:
        # what cannot be deleted is not sent every night
        how = ("--offline",) if settings.pacs.kind is PacsKind.DICOMWEB else ()
        self.command = OwnCommand("selftest", *how)
        self._settings = settings
        self._database = database
        self._archive = archive
        self._rest_until: datetime | None = None

    def tend(self) -> None:
        """Begin one that is due, or say how the last one ended; returns at once."""
        every = timedelta(hours=self._settings.current().constancy.every_hours)
        try:
            if (ended := self.command.ended()) is not None:
                self._tell(ended[1])
            elif not self.command.runs and every:
                self._begin(every, datetime.now(UTC))
        except DatabaseUnavailable as exc:
            log.warning("selftest.waits", why=str(exc))

    def close(self) -> None:
        """End the one that is under way, which takes its phantom away first."""
        self.command.end(END_S)

    def _begin(self, every: timedelta, now: datetime) -> None:
        if self._rest_until is not None and now < self._rest_until:
            return
        with self._database.look() as connection:
            if not constancy.due(connection, self._archive, every, now):
                return
        self._rest_until = now + REST
        self.command.begin()

    def _tell(self, why: str) -> None:
        with self._database.look() as connection:
            last = constancy.latest(connection, self._archive)
        if why or last is None:
            log.warning("selftest.failed", why=why or SILENT)
            return
        tell = log.warning if last.ended.state is SelfTestState.ALARM else log.info
        found = "; ".join(last.ended.lines) or "nothing moved"
        tell("selftest.ended", state=last.ended.state, found=found)
