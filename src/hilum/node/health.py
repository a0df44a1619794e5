"""What the node says of itself to probes, to Prometheus and to the page."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from hilum.errors import HilumError, PacsError
from hilum.language import Message
from hilum.node.model_watch import ModelWatch
from hilum.node.steps import NodeContext
from hilum.pacs.credentials import PacsAddress
from hilum.records.counts import observe
from hilum.records.drift_watch import watched
from hilum.telemetry import metrics
from hilum.telemetry.metrics import MetricsSnapshot
from hilum.web.context import HealthSource, NodeCheck

HEARTBEAT: Final = "heartbeat"
"""File of the data folder that is touched on every turn of the node's main thread."""

PROBE_S: Final = 2.0
"""Seconds that the PACS gets to answer a probe; probes themselves do not wait for long."""

GIGABYTE: Final = 10**9


@dataclass(frozen=True, slots=True, eq=False)
class NodeHealth:
    """Answers health probes and the metrics scrape."""

    address: PacsAddress
    """How the PACS is called."""
    context: NodeContext
    """Database, disk and settings."""
    watch: ModelWatch
    """The model, or why there is none."""
    follows: bool = True
    """Whether this process follows the PACS; a worker does not."""

    def vitals(self) -> HealthSource:
        """Return what probes ask; from now on a scrape asks as well."""
        metrics.watch(self.snapshot)
        return HealthSource(self.beat_age_s, self.checks, metrics.exposition)

    def beat_age_s(self) -> float | None:
        """Return the seconds since the last heartbeat, None when there was none."""
        try:
            beat = (self.context.settings.data_folder / HEARTBEAT).stat().st_mtime
        except OSError:
            return None
        return max(0.0, time.time() - beat)

    def checks(self) -> list[NodeCheck]:
        """Return whether images are read now, and if not, why not."""
        own = self.context.settings.pacs.url is None  # who sends to another's is not our concern
        return [
            self._model(),
            _check("PACS", self._pacs),
            *([_check("DICOM port", self._dicom)] if own else []),
            _check("database", self._database),
            self._disk(),
        ]

    def snapshot(self) -> MetricsSnapshot:
        """Return what a scrape shows.

        Raises
        ------
        DatabaseUnavailable
            The database does not answer.
        """
        model = self.watch.model
        with self.context.database.look() as connection:
            now = self.context.now()
            observed = observe(connection, self.context.archive, now)
            constancy = self.context.settings.current().constancy
            drift = watched(connection, self.context.archive, constancy, now)
        return MetricsSnapshot(
            observed,
            free_bytes=self.context.disk.free_bytes,
            paused=self.context.disk.low,
            behind=self._behind(observed.position),
            model=None if model is None else (model.name, model.version),
            drift=drift,
        )

    def _model(self) -> NodeCheck:
        model = self.watch.model
        if model is None:
            why = self.watch.missing or Message("It is being loaded.")
            return NodeCheck("model", ok=False, text=Message("none"), remedy=why)
        return NodeCheck(
            "model",
            ok=True,
            text=Message("{name} {version}", name=model.name, version=model.version),
        )

    def _dicom(self) -> Message:
        return Message("{target} answers C-ECHO", target=self.address.echo(timeout_s=PROBE_S))

    def _pacs(self) -> str:
        with closing(self.address.connect(timeout_s=PROBE_S)) as pacs:
            return pacs.capabilities().software

    def _database(self) -> str:
        with self.context.database.transaction() as connection:
            return Message("{database} can be written", database=connection.dialect.name)

    def _disk(self) -> NodeCheck:
        free = self.context.disk.free_bytes / GIGABYTE
        if self.context.disk.low:
            remedy = Message("Free space on the disk of data_folder; the node resumes by itself.")
            return NodeCheck(
                "disk",
                ok=False,
                text=Message("{free:.1f} GB free: the node pauses", free=free),
                remedy=remedy,
            )
        return NodeCheck("disk", ok=True, text=Message("{free:.1f} GB free", free=free))

    def _behind(self, position: str | None) -> int | None:
        if not self.follows or position is None:
            return None
        try:
            with closing(self.address.connect(timeout_s=PROBE_S)) as pacs:
                return pacs.behind(position)
        except PacsError:
            return None


def _check(name: str, ask: Callable[[], str]) -> NodeCheck:
    try:
        return NodeCheck(name, ok=True, text=ask())
    except HilumError as exc:
        return NodeCheck(name, ok=False, text=exc.problem, remedy=exc.remedy)
