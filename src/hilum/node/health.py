"""What the node says of itself to probes, to Prometheus and to the page."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hilum.errors import HilumError, PacsError
from hilum.node.model_watch import ModelWatch
from hilum.node.steps import Means
from hilum.pacs.credentials import PacsAddress
from hilum.records.counts import observe
from hilum.records.drift_watch import watched
from hilum.telemetry import metrics
from hilum.telemetry.metrics import Snapshot
from hilum.web.context import Check
from hilum.web.health import Vitals

HEARTBEAT: Final = "heartbeat"
"""File of the data folder that is touched on every turn of the node's main thread."""

PROBE_S: Final = 2.0
"""Seconds that the PACS gets to answer a probe; probes themselves do not wait for long."""

GIBIBYTE: Final = 1024**3


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """What there is to be asked.

    Attributes
    ----------
    address
        How the PACS is called.
    means
        Database, disk and settings.
    watch
        The model, or why there is none.
    follows
        Whether this process follows the PACS; a worker does not.
    """

    address: PacsAddress
    means: Means
    watch: ModelWatch
    follows: bool = True

    def vitals(self) -> Vitals:
        """Return what probes ask; from now on a scrape asks as well."""
        metrics.watch(self.snapshot)
        return Vitals(self.beat_age_s, self.checks, metrics.exposition)

    def beat_age_s(self) -> float | None:
        """Return the seconds since the last heartbeat, None when there was none."""
        try:
            beat = (self.means.settings.data_folder / HEARTBEAT).stat().st_mtime
        except OSError:
            return None
        return max(0.0, time.time() - beat)

    def checks(self) -> list[Check]:
        """Return whether images are read now, and if not, why not."""
        return [
            self._model(),
            _check("PACS", self._pacs),
            _check("database", self._database),
            self._disk(),
        ]

    def snapshot(self) -> Snapshot:
        """Return what a scrape shows.

        Raises
        ------
        LedgerUnavailable
            The database does not answer.
        """
        model = self.watch.model
        with self.means.database.look() as connection:
            now = self.means.now()
            observed = observe(connection, self.means.archive, now)
            constancy = self.means.settings.constancy
            drift = watched(connection, self.means.archive, constancy, now)
        return Snapshot(
            observed,
            free_bytes=self.means.disk.free_bytes,
            paused=self.means.disk.low,
            last_change=self._last_change() if self.follows else None,
            model=None if model is None else (model.name, model.version),
            drift=drift,
        )

    def _model(self) -> Check:
        model = self.watch.model
        if model is None:
            why = self.watch.missing or "It is being loaded."
            return Check("model", ok=False, text="none", remedy=why)
        return Check("model", ok=True, text=f"{model.name} {model.version}")

    def _pacs(self) -> str:
        with self.address.connect(timeout_s=PROBE_S) as orthanc:
            return f"Orthanc {orthanc.system()['Version']}"

    def _database(self) -> str:
        with self.means.database.transaction() as connection:
            return f"{connection.dialect.name} can be written"

    def _disk(self) -> Check:
        free = f"{self.means.disk.free_bytes / GIBIBYTE:.1f} GiB free"
        if self.means.disk.low:
            remedy = "Make room on the disk of data_folder; the node goes on by itself."
            return Check("disk", ok=False, text=f"{free}: the node pauses", remedy=remedy)
        return Check("disk", ok=True, text=free)

    def _last_change(self) -> int | None:
        try:
            with self.address.connect(timeout_s=PROBE_S) as orthanc:
                return orthanc.last_change()
        except PacsError:
            return None


def _check(name: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, text=ask())
    except HilumError as exc:
        return Check(name, ok=False, text=exc.problem, remedy=exc.remedy)
