"""Self-tests that the node does by itself, each in a process of its own.

Light to import: the node's own process loads neither a network nor a decoder.
"""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Final

from hilum.errors import DatabaseUnavailable
from hilum.records import Database, constancy
from hilum.records.constancy import SelfTestState
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
        self._how = ["--offline"] if settings.pacs.kind is PacsKind.DICOMWEB else []
        self._settings = settings
        self._database = database
        self._archive = archive
        self._process: subprocess.Popen[str] | None = None
        self._rest_until: datetime | None = None

    def tend(self) -> None:
        """Begin one that is due, or say how the last one ended; returns at once."""
        every = timedelta(hours=self._settings.current().constancy.every_hours)
        try:
            if self._process is None and every:
                self._begin(every, datetime.now(UTC))
            elif self._process is not None and self._process.poll() is not None:
                self._tell(self._process)
                self._process = None
        except DatabaseUnavailable as exc:
            log.warning("selftest.waits", why=str(exc))

    def close(self) -> None:
        """End the one that is under way, which takes its phantom away first."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _begin(self, every: timedelta, now: datetime) -> None:
        if self._rest_until is not None and now < self._rest_until:
            return
        with self._database.look() as connection:
            if not constancy.due(connection, self._archive, every, now):
                return
        self._rest_until = now + REST
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hilum", "selftest", *self._how],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _tell(self, process: "subprocess.Popen[str]") -> None:
        _, why = process.communicate()
        with self._database.look() as connection:
            last = constancy.latest(connection, self._archive)
        if why or last is None:
            lines = why.strip().splitlines() or ["it ended without a word"]
            log.warning("selftest.failed", why=lines[-1])
            return
        tell = log.warning if last.ended.state is SelfTestState.ALARM else log.info
        found = "; ".join(last.ended.lines) or "nothing moved"
        tell("selftest.ended", state=last.ended.state, found=found)
