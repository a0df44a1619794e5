"""The state of the node, for the operations page and the API."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import Final

from fastapi import Request

from hilum.errors import HilumError
from hilum.records import agreement_watch, alerts, constancy, forwards, images, throughput, workers
from hilum.records.agreement_watch import LeftAgreement
from hilum.records.alerts import AlertRecord
from hilum.records.constancy import SelfTestRun
from hilum.records.drift_watch import DriftComparison, watched
from hilum.records.forwards import ForwardEntry, ForwardState
from hilum.records.images import ImageRecord, QueueDepth
from hilum.records.states import State
from hilum.records.throughput import Hour, Refusals
from hilum.records.workers import WorkerRecord
from hilum.runtime.caches import TtlCache
from hilum.web.context import WebContext

HOURS: Final = 24
"""Shown of the past."""

REFUSALS_OF: Final = timedelta(days=7)
NEWEST: Final = 20
"""Failures and forwards that are listed."""

ALERTS: Final = 8
"""Alerts that are listed."""

HEALTH_KEEP_S: Final = 3.0
STORAGE_KEEP_S: Final = 15.0
"""An archive adds up its disk for each answer."""
DRIFT_KEEP_S: Final = 60.0
"""A month does not move within a minute."""

BEATS_WITHIN: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """Free space on the disk, and what the PACS holds."""

    total: int
    free: int
    """Bytes of the disk of the data folder."""
    pacs_bytes: int | None = None
    studies: int | None = None
    instances: int | None = None
    """What the PACS holds; None when it does not answer."""


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """The state of the node at one moment."""

    at: datetime
    """The moment."""
    counts: dict[State, int]
    """State → images, of all that are written down."""
    depth: QueueDepth
    """What waits."""
    hours: list[Hour]
    """What was done in each of the last `HOURS`."""
    failures: list[ImageRecord]
    """The newest images that failed."""
    refusals: list[Refusals]
    """Why images were refused in the last week."""
    median_s: float | None
    """Seconds from an image's arrival to its results; None when nothing was stored lately."""
    forwards: dict[ForwardState, int]
    """How many results wait, were sent, failed; and the newest failures."""
    failed_forwards: list[ForwardEntry]
    workers: list[WorkerRecord]
    """Workers, the last heard of first."""
    storage: StorageUse
    """Room."""
    self_test: SelfTestRun | None
    """The last one that ended; None when there was none."""
    self_test_overdue: bool
    """Whether the node should have done another since."""
    alerts: list[AlertRecord]
    """The newest."""
    drift: list[DriftComparison]
    """What the models that read lately say, against their references."""

    def lives(self, worker: WorkerRecord) -> bool:
        """Return whether a process was heard of lately."""
        return worker.beat > self.at - BEATS_WITHIN


class StatusSource:
    """Collects the state; caches what is expensive."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self.health = TtlCache(context.health, HEALTH_KEEP_S)
        self.models = TtlCache(context.models, HEALTH_KEEP_S)
        self.storage: TtlCache[StorageUse] = TtlCache(self._storage, STORAGE_KEEP_S)
        self.drift: TtlCache[list[DriftComparison]] = TtlCache(self._drift, DRIFT_KEEP_S)
        self.agreement: TtlCache[list[LeftAgreement]] = TtlCache(self._agreement, DRIFT_KEEP_S)

    def look(self) -> StatusSnapshot:
        """Return the current state."""
        now = datetime.now(UTC)
        archive = self._context.archive
        storage, drift = self.storage(), self.drift()
        every = timedelta(hours=self._context.settings.current().constancy.every_hours)
        with self._context.database.look() as connection:
            seconds = throughput.seconds_to_result(
                connection, archive, since=now - timedelta(hours=HOURS)
            )
            self_test = constancy.latest(connection, archive)
            return StatusSnapshot(
                at=now,
                counts=images.counts(connection, archive),
                depth=images.depth(connection, archive),
                hours=throughput.per_hour(connection, archive, hours=HOURS, now=now),
                failures=images.entries(connection, archive, (State.FAILED,), limit=NEWEST),
                refusals=throughput.refusals(connection, archive, since=now - REFUSALS_OF),
                median_s=median_low(seconds) if seconds else None,
                forwards=forwards.counts(connection, archive),
                failed_forwards=forwards.entries(
                    connection, archive, (ForwardState.FAILED,), limit=NEWEST
                ),
                workers=workers.seen(connection),
                storage=storage,
                self_test=self_test,
                self_test_overdue=constancy.overdue(self_test, every, now),
                alerts=alerts.newest(connection, limit=ALERTS),
                drift=drift,
            )

    def _drift(self) -> list[DriftComparison]:
        with self._context.database.look() as connection:
            settings = self._context.settings.current().constancy
            return watched(connection, self._context.archive, settings, datetime.now(UTC))

    def _agreement(self) -> list[LeftAgreement]:
        with self._context.database.look() as connection:
            settings = self._context.settings.current().constancy
            archive = self._context.archive
            return agreement_watch.watched(connection, archive, settings, datetime.now(UTC))

    def _storage(self) -> StorageUse:
        folder = self._context.settings.data_folder
        disk = shutil.disk_usage(folder if folder.exists() else folder.anchor)
        try:
            held = self._context.pacs.size()
        except HilumError:
            held = None
        if held is None:
            return StorageUse(disk.total, disk.free)
        return StorageUse(disk.total, disk.free, held.file_bytes, held.studies, held.objects)


def status_of(request: Request) -> StatusSource:
    """Return what looks at the node."""
    status: StatusSource = request.app.state.status
    return status
