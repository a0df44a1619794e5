"""A node, or a worker, once all of it is loaded: what `hilum up` and `hilum worker` run."""

import gc
import importlib
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hilum.errors import DatabaseUnavailable, NodeError, SettingInvalid
from hilum.files.private import OWNER_FILE, writing_to
from hilum.jobs.engine import Engine, Retention, Slots
from hilum.jobs.pause import Pause
from hilum.jobs.queue import Queue
from hilum.jobs.workflow import Remembering
from hilum.node.alerting import Alerts
from hilum.node.anatomy import AnatomyMeasurer, AnatomyWorker, asking_after
from hilum.node.audit_trail import audit_sent
from hilum.node.begun import FRONT, NODE, Begun
from hilum.node.disk import DiskWatch
from hilum.node.follower import Follower
from hilum.node.forward import Forwarder
from hilum.node.health import HEARTBEAT
from hilum.node.inference_pool import InferencePool
from hilum.node.model_watch import ModelWatch
from hilum.node.processed import ProcessedImage
from hilum.node.retrying_archive import archive_name, require_this_archive
from hilum.node.shared_settings import SharedSettings
from hilum.node.steps import JOINED, REPEATED, NodeContext, Read, Steps
from hilum.pacs import credentials
from hilum.pacs.archive import Archive
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.orthanc.process import OrthancProcess
from hilum.quality.reference_fits import ReferenceFits
from hilum.quality.schedule import SelfTests
from hilum.records import Database, forwards, images, studies
from hilum.records.database import open_database
from hilum.settings import AnatomyMode, Settings
from hilum.telemetry.logs import get_log

if TYPE_CHECKING:
    from hilum.node.priors import Priors

TURN_S: Final = 0.5
"""Seconds between two turns of the main thread."""

WAITING_SLOTS: Final = 4
"""Images in work beyond the number of inference workers: they are fetched and stored meanwhile."""

DRAIN_MARGIN_S: Final = 30.0
"""Seconds for storing, beyond the longest reading, that images in work get at the stop."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """What runs: a PACS that answers, the inference pool, and an engine that hands it jobs."""

    address: PacsAddress
    """How the PACS is called."""
    context: NodeContext
    """Database, queue, settings and all else that the steps work with."""
    watch: ModelWatch
    """The model, or why there is none."""
    pool: InferencePool
    """The inference pool."""
    engine: Engine
    """Hands out the jobs once a model is there."""
    shared: SharedSettings
    """Brings what was set on the page."""
    follower: Follower | None
    """Follows the PACS; None in a worker."""
    process: OrthancProcess | None
    """The Orthanc that was started; None when the settings name one."""
    alerts: Alerts | None = None
    """Sends alerts; None in a worker."""
    self_tests: SelfTests | None = None
    """Those that the node does by itself; None in a worker."""
    priors: "Priors | None" = None
    """Fetches priors; None in a worker, and where no PACS is asked for any."""
    fits: ReferenceFits | None = None
    """Fits statistics of the reference images, in this host's data folder."""

    @property
    def settings(self) -> Settings:
        """All settings."""
        return self.context.settings

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then let the images in work finish; from the main thread."""
        following = None
        if self.follower is not None:
            following = threading.Thread(target=self.follower.run, args=(stop,), name="follower")
            following.start()
        try:
            while not stop.is_set():
                self.turn()
                stop.wait(TURN_S)
        finally:
            stop.set()
            log.info(
                "node.stopping",
                in_work=len(self.engine.active),
                remedy="images in work are finished first; a second Ctrl-C ends it at once",
            )
            for at_work in (self.self_tests, self.fits):
                if at_work is not None:
                    at_work.close()
            if self.alerts is not None:
                self.alerts.close()
            if self.priors is not None:
                self.priors.close()
            if following is not None:
                following.join()
            self.engine.drain(self.settings.node.inference_timeout_s + DRAIN_MARGIN_S)

    def turn(self) -> None:
        """Update the heartbeat; check the PACS, the model and the jobs."""
        try:
            self.beat()
        except SettingInvalid as exc:  # a full disk; the node pauses, and goes on by itself
            log.warning("heartbeat.failed", why=str(exc))
        self.shared.tend()
        if self.process is not None:
            self._look_after(self.process)
        self.launch_with_model()
        self.engine.tend()
        if self.self_tests is not None and self.engine.launched:
            self.self_tests.tend()
        if self.fits is not None:
            self.fits.tend(self.watch.model)
        if self.alerts is not None:
            self.alerts.tend()
        if self.priors is not None:
            self.priors.tend()

    def launch_with_model(self) -> None:
        """Let jobs be worked on as soon as there is a model that may read."""
        if self.engine.launched:
            return
        model = self.watch()
        if model is None:
            return
        try:
            if self.follower is not None:
                self.follower.intake.held = False
            with self.context.database.transaction() as connection:
                released = images.release_held(connection, self.context.archive)
                studies.released(connection, self.context.archive, datetime.now(UTC))
            self.engine.launch(f"{model.name} {model.version}")
        except DatabaseUnavailable as exc:
            log.warning("database.away", why=str(exc))
            return
        if released:
            log.info("images.released", count=released)

    def beat(self) -> None:
        """Update the heartbeat file.

        Raises
        ------
        SettingInvalid
            The data folder can't be written to.
        """
        folder = self.settings.data_folder
        with writing_to(folder):
            (folder / HEARTBEAT).touch(OWNER_FILE)

    def _look_after(self, process: OrthancProcess) -> None:
        try:
            if process.revive():
                log.warning("pacs.restarted", log=process.log)
        except (NodeError, SettingInvalid) as exc:  # tried again, less and less often
            log.warning("pacs.not_restarted", why=str(exc))
        if ended := process.end_silent_connections():
            log.warning("dicom.silent", connections=ended)
        for refused in process.refused_associations():
            log.warning(
                "association.refused",
                aet=refused.aet,
                host=refused.host,
                remedy=f"add {refused.aet}@{refused.host} to pacs.allowed_aets, restart hilum up",
            )


@contextmanager
def joined(begun: Begun, stop: threading.Event) -> Iterator[Service]:
    """Join what has begun to a node or a worker; see `hilum.node.start.started`."""
    settings, role = begun.settings, begun.role
    with ExitStack() as stack:
        loading = stack.enter_context(ThreadPoolExecutor(1, "page"))
        if role == NODE and settings.page.enabled:
            loading.submit(importlib.import_module, FRONT)  # while the PACS is waited for
        if begun.process is not None:
            begun.process.wait(stop)
        pacs = stack.enter_context(
            closing(begun.address.connect(timeout_s=settings.pacs.timeout_s))
        )
        if not stop.is_set():
            pacs.capabilities()
        database = stack.enter_context(open_database(settings))
        require_this_archive(database, archive_name(settings))
        shared = SharedSettings(settings, database)
        shared.tend()
        context = _node_context(settings, pacs, database, begun.pool.read, actor=role)
        if role == NODE:
            stack.enter_context(audit_sent(context))
            with database.transaction() as connection:
                kept = settings.deliveries.by_target
                forwards.abandon(connection, context.archive, kept, context.now())
        anatomy = None
        if settings.anatomy.mode is not AnatomyMode.OFF:
            anatomy = AnatomyWorker(
                settings, context.pause, in_demonstration=begun.in_demonstration
            )
            stack.enter_context(anatomy)
        engine = stack.enter_context(_engine(context, begun.pool.count, role, anatomy))
        follower = Follower(context) if role == NODE else None
        service = Service(
            begun.address,
            context,
            ModelWatch(begun.pool.hello, in_demonstration=begun.in_demonstration),
            begun.pool,
            engine,
            shared,
            follower,
            begun.process,
            Alerts(context) if role == NODE else None,
            SelfTests(settings, database, context.archive) if role == NODE else None,
            priors=_priors(context) if role == NODE else None,
            fits=ReferenceFits(settings, database, context.archive),
        )
        if follower is not None and not stop.is_set():
            follower.begin()
        begun.warmed.result()
        if not stop.is_set():
            service.launch_with_model()
        service.beat()
        gc.freeze()  # what is there now stays for good: the collector need not look at it again
        gc.enable()
        yield service


@contextmanager
def open_node_context(settings: Settings) -> Iterator[NodeContext]:
    """Open what registers images, beside a running node or without one; no image is analyzed here.

    Raises
    ------
    NodeError
        There is no password of the PACS yet: the node was never started.
    PacsError
        The PACS does not answer, or lets nobody in.
    SettingInvalid
        The database can't be opened, or belongs to another PACS.
    """
    with ExitStack() as stack:
        address = credentials.load(settings)
        pacs = stack.enter_context(closing(address.connect(timeout_s=settings.pacs.timeout_s)))
        pacs.capabilities()
        database = stack.enter_context(open_database(settings))
        require_this_archive(database, archive_name(settings))
        yield _node_context(settings, pacs, database, _nobody_reads, actor="backfill")


def _node_context(
    settings: Settings, pacs: Archive, database: Database, read: Read, *, actor: str
) -> NodeContext:
    return NodeContext(
        database,
        Queue(database),
        archive_name(settings),
        pacs,
        read,
        settings,
        DiskWatch(settings.data_folder, settings.node.min_free_bytes),
        Pause(),
        actor=f"{actor}@{socket.gethostname()}",
    )


def _nobody_reads(_file: bytes, _earlier: Sequence[bytes], _when: datetime) -> ProcessedImage:
    raise NotImplementedError("a backfill only queues")


def _priors(context: NodeContext) -> "Priors | None":
    if not any(each.priors for each in context.settings.pacs.query):
        return None
    # pynetdicom takes half a second to import: only who needs it waits
    from hilum.node.priors import Priors  # noqa: PLC0415

    return Priors(context)


def _engine(
    context: NodeContext, pool: int, role: str, anatomy: AnatomyWorker | None = None
) -> Engine:
    node = context.settings.node
    steps = dict(Steps(context).by_name())
    if anatomy is not None:
        steps["settle"] = asking_after(context, steps["settle"])
    return Engine(
        context.database,
        steps,
        forward=Forwarder(context),
        # the node alone delivers: no receiver gets two messages at once, in any order
        slots=Slots(
            pool + WAITING_SLOTS,
            receivers=tuple(context.settings.deliveries.by_target) if role == NODE else (),
            measure=None if anatomy is None else AnatomyMeasurer(context, anatomy),
        ),
        role=role,
        pause=context.pause,
        pace=Retention(
            keep_jobs=timedelta(hours=node.keep_workflows_hours),
            keep_images=lambda: timedelta(days=context.settings.current().node.keep_days),
        ),
        remembering=Remembering(REPEATED, JOINED),
    )
