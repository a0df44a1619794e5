"""The steps of the work on one image: read, store, verify, settle.

Each is done again when the process died in it, and then changes nothing that is there:
results have derived UIDs, and an end is written down once. What goes wrong on purpose is
a value in the step state; anything else is a fault of ours, which the job engine ends as such.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

from hilum.eligibility import Reason
from hilum.errors import (
    FileTooLarge,
    HilumError,
    InferenceTimeout,
    InferenceWorkerDied,
    ModelError,
    NotInPacs,
    PacsError,
    PacsRefused,
)
from hilum.ingest.earlier_reports import EarlierReports
from hilum.jobs.pause import Pause
from hilum.jobs.queue import Queue
from hilum.jobs.workflow import END, Step, StepState
from hilum.language import Message
from hilum.node.alert_events import of_outcome
from hilum.node.disk import DiskWatch
from hilum.node.processed import ProcessedImage, withheld
from hilum.node.retrying_archive import retrying
from hilum.node.step_state import (
    answer_state,
    drift_sample,
    feature_sample,
    job_end,
    settlement,
    unpacked,
)
from hilum.outcome import Status
from hilum.pacs.archive import Archive
from hilum.radiograph import ImageUIDs
from hilum.records import (
    Connection,
    Database,
    alerts,
    audit,
    constancy,
    drift,
    feature_samples,
    forwards,
    images,
    readings,
    studies,
)
from hilum.records.images import Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency
from hilum.records.studies import DueTimes
from hilum.runtime.caches import LruCache, LruSet
from hilum.settings import Settings
from hilum.settings.deliveries import Receiver
from hilum.settings.node import NodeMode
from hilum.telemetry import metrics, tracing
from hilum.telemetry.logs import get_log
from hilum.telemetry.tracing import ImageTrace

STORE_ROUNDS: Final = 3
"""Results that the PACS takes but does not show are stored so often."""

MOST_KEPT: Final = 64
"""Answers kept in memory between steps; one that was dropped is made again."""

MOST_REMEMBERED: Final = 20_000
"""Results of ours that are remembered: an archive takes long to tell what one contains."""

DISK_LOOK_S: Final = 2.0
"""Seconds between two checks whether there is space again."""

REPEATED: Final = frozenset({"verify"})
"""Steps that only ask: to ask again takes less than to remember the answer."""

JOINED: Final = frozenset({"store"})
"""Steps that are remembered with the one before: what is to be stored is in memory alone, so one
that was broken off needs that done again anyway."""

NOTHING: Final = "nothing"
"""End of a job whose run is over already: there is nothing to settle."""

FAILURES: Final[Mapping[type[HilumError], str]] = {
    PacsError: "pacs",
    InferenceWorkerDied: "worker_died",
    InferenceTimeout: "too_slow",
    ModelError: "model",
}
"""What a step may raise → code of the reason why the job failed."""

Read = Callable[..., ProcessedImage]
"""File, earlier reports of its study, time of the analysis → answer.

For the phantom of a self-test also ``self_test``, the digest of its pixels; for what has to
be read before others ``urgent``.
"""

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class NodeContext:
    """What is wired once at start and used by all steps."""

    database: Database
    queue: Queue
    """Records, and where results to be sent on are queued."""
    archive: str
    pacs: Archive
    """The PACS: its name in the records, and the archive itself, logged in."""
    read: Read
    """Reads one file in a process of its own."""
    settings: Settings
    """All settings."""
    disk: DiskWatch
    """Says when to pause."""
    pause: Pause
    """Waits, and ends the wait when the process stops."""
    actor: str
    """Who reads, for the audit trail."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The clock."""
    stored: LruSet[str] = field(default_factory=lambda: LruSet(MOST_REMEMBERED))
    """Results that this process stored lately."""

    @property
    def waits(self) -> DueTimes:
        """How long studies may wait, as operators have set it."""
        return DueTimes.of(self.settings.current().worklist)

    def line(
        self, action: str, now: datetime, archive: str, uids: ImageUIDs, details: Mapping[str, Any]
    ) -> audit.AuditEntry:
        """Return the audit trail's line of what was done with an image."""
        study, series, image = uids
        details = {"series": series, **details}
        return audit.AuditEntry(now, self.actor, action, archive, study, image, details)


class Steps:
    """The steps, for any number of threads."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._archive = retrying(context.pacs, context.pause)
        self._earlier = EarlierReports(self._archive)
        self._answers: LruCache[str, ProcessedImage] = LruCache(MOST_KEPT)

    def by_name(self) -> Mapping[str, Step]:
        """Return the steps in order; the names are for good (jobs may be in work)."""
        return {
            "read": self._ending(self.read),
            "store": self._ending(self.store),
            "verify": self._ending(self.verify),
            "settle": self.settle,
        }

    def read(self, job: Job, done: StepState) -> StepState:
        """Fetch the file and read it; what is to be stored stays in memory."""
        begun = self._begin(job)
        if END in begun:
            return begun
        answer = self._make(job, {**done, **begun})
        return {**begun, **answer_state(answer), "seconds": dict(answer.seconds)}

    def _begin(self, job: Job) -> StepState:
        """Mark the image as in work, and fix the time that its results will tell.

        It is that of the first attempt: one that was broken off may have stored some of them.
        """
        while self._context.disk.low:
            self._context.pause(DISK_LOOK_S)
        if job.archive != self._context.archive:  # the settings named another PACS before
            return job_end(
                State.FAILED,
                Reason("other_pacs", Message("it is in the PACS {archive}", archive=job.archive)),
            )
        now = self._context.now()
        with self._context.database.transaction() as connection:
            known = images.begin(connection, job, now)
            if known is None:
                return {END: NOTHING}
            mode = self._mode(connection, known, now)
        return {
            "when": (known.started or now).astimezone().isoformat(),
            "urgent": known.urgency is Urgency.URGENT,
            "mode": mode.value,
            "attempt": known.attempts,
        }

    def _mode(self, connection: Connection, known: images.ImageRecord, now: datetime) -> NodeMode:
        """Return how far the results of an image get; settled once, when work on it begins.

        That is as far as when it arrived, or less far where the node has become quieter since.
        """
        mode = self._context.settings.current().node.mode
        if known.attempts > 1 or not mode.is_quieter_than(known.mode):
            return known.mode
        if constancy.is_self_test(connection, known.archive, known.uids):
            return known.mode
        images.change_mode(connection, known.job, mode)
        study = known.study_instance_uid
        studies.refresh(connection, known.archive, study, now, self._context.waits)
        return mode

    def store(self, job: Job, done: StepState) -> StepState:
        """Store the results beside the image, pictures before the reports that name them."""
        start = perf_counter()
        if self._is_taken_over(job, done):
            return {END: NOTHING}
        self._archive.describe(job.reference)  # else they stand alone
        answer = self._answer(job, done)
        names: list[str] = []
        for result in answer.results if answer is not None else ():
            self._context.stored.add(result.sop_instance_uid)
            stored = self._archive.store(result.file).reference
            names.append(stored)
            self._context.stored.add(stored)
            self._earlier.remember(stored, job.uids)
        kept: StepState = {"stored_as": names}
        uids = [] if answer is None else [result.sop_instance_uid for result in answer.results]
        if answer is not None and uids != done["results"]:  # restarted with another model
            kept |= answer_state(answer)
        return {**kept, "seconds": {**done["seconds"], "store": round(perf_counter() - start, 4)}}

    def _is_taken_over(self, job: Job, done: StepState) -> bool:
        """Whether another process began this work after us, because we were silent for long."""
        if "attempt" not in done:  # of an earlier release
            return False
        with self._context.database.look() as connection:
            known = images.entry(connection, job.archive, job.uids)
        return known is None or (known.run, known.attempts) != (job.run, done["attempt"])

    def verify(self, job: Job, done: StepState) -> StepState:
        """Ask the archive for the results; store again what it does not show."""
        start, again = perf_counter(), StepState()
        if "stored_as" not in done:  # of an earlier release, which remembered what was read alone
            again = self.store(job, done)
            done = {**done, **again}
            if END in done:
                return again
        for left in reversed(range(STORE_ROUNDS)):
            there = self._archive.present((job.reference, *done["stored_as"]))
            missing = [uid for uid in done["results"] if uid not in there]
            if not missing:
                if job.uids.sop_instance_uid not in there:
                    for stored in done["stored_as"]:  # the image was deleted meanwhile
                        try:
                            self._archive.delete(stored)
                        except PacsRefused as exc:
                            log.warning("result.left", instance=stored, why=str(exc))
                    return job_end(State.GONE)
                spent = round(perf_counter() - start, 4)
                return {**again, "seconds": {**done["seconds"], "verify": spent}}
            if left:
                log.warning("result.missing", count=len(missing), rounds_left=left)
                again = {**again, **self.store(job, done)}
                if END in again:
                    return again
                done = {**done, **again}
        named = ", ".join(missing)
        problem = Message("the PACS accepted but does not show {names}", names=named)
        return job_end(State.FAILED, Reason("not_shown", problem))

    def settle(self, job: Job, done: StepState) -> StepState:
        """Record the outcome and all that belongs to it in one transaction."""
        if done.get(END) == NOTHING:
            return {}
        self._answers.forget(job.id)
        packet = done.get("reading") if END not in done else None
        reading = None if packet is None else unpacked(packet)
        end = settlement(done, reading)
        now, settings = self._context.now(), self._context.settings.current()
        with self._context.database.transaction() as connection:
            known = images.settle(connection, job, end, now)
            if known is None:
                return {END: end.state.value}
            if reading is not None:
                readings.put(connection, job, reading, known.mode)
            else:
                readings.forget_foreign(connection, job.archive, job.uids)
            study = job.uids.study_instance_uid
            studies.refresh(connection, job.archive, study, now, self._context.waits)
            phantom = constancy.is_self_test(connection, job.archive, job.uids)
            if not phantom and (seen := drift_sample(done, end, reading, now)) is not None:
                most = settings.constancy.drift_reference_images
                drift.count(connection, job.archive, seen, reference_images=most)
                if (sample := feature_sample(done)) is not None:
                    image = job.uids.sop_instance_uid
                    feature_samples.keep(connection, job.archive, sample[0], image, sample[1])
            if not phantom and known.mode is NodeMode.LIVE:
                self._send_on(connection, known, end, done)
                read = None if reading is None else reading.document
                if (event := of_outcome(known, end, read, settings.alerts, now)) is not None:
                    alerts.raise_alert(connection, event, settings.alerts, now)
            details = {
                "state": end.state.value,
                "run": job.run,
                "model": end.model,
                "reasons": [reason.code for reason in end.reasons],
                "results": len(end.results),
                "mode": known.mode.value,
            }
            line = self._context.line(
                f"image.{end.state.value}", now, job.archive, job.uids, details
            )
            audit.write(connection, line)
        self._tell(known, end)
        return {END: end.state.value}

    def _send_on(
        self, connection: Connection, entry: images.ImageRecord, end: Settlement, done: StepState
    ) -> None:
        """Write down and queue to whom the results go."""
        now, job = self._context.now(), entry.job
        to: dict[str, dict[str, Any]] = {}
        if end.results:
            to = {each: {} for each in self._context.settings.current().node.forward_to}
        if done.get("about") and end.state in {State.STORED, State.REFUSED}:
            about = {**done["about"], "when": done["when"]}
            for target, each in self._context.settings.deliveries.by_target.items():
                told = forwards.was_told(connection, job.archive, job.uids, target)
                if told or wanted(each, end.state, entry.urgency):
                    to[target] = {"about": about, "corrects": told}
        for target, details in to.items():
            forward = forwards.add(connection, job, target, now, **details)
            self._context.queue.enqueue_forward(connection, forward, now)

    def _ending(self, step: Step) -> Step:
        """Return the step with its expected failures turned into ends of the job."""

        def careful(job: Job, done: StepState) -> StepState:
            try:
                return step(job, done)
            except NotInPacs:
                return job_end(State.GONE)
            except FileTooLarge as exc:
                return job_end(State.REFUSED, Reason("too_large", exc.sizes))
            except tuple(FAILURES) as exc:
                code = next(code for kind, code in FAILURES.items() if isinstance(exc, kind))
                return job_end(State.FAILED, Reason(code, exc.message))

        return careful

    def _make(self, job: Job, done: StepState) -> ProcessedImage:
        """Fetch and read; keep the answer for the steps that follow."""
        start = perf_counter()
        most = self._context.settings.node.max_file_bytes
        file = self._archive.fetch(job.reference, max_bytes=most)
        with self._context.database.look() as connection:
            now = self._context.now()
            announced = constancy.expected(connection, job.archive, job.uids, now)
        only: dict[str, Any] = {} if announced is None else {"self_test": announced}
        if done.get("urgent"):  # not there in a job that began under an earlier release
            only["urgent"] = True
        earlier = self._earlier_files(job)
        fetched = round(perf_counter() - start, 4)
        when = datetime.fromisoformat(done["when"])

        def read(file: bytes) -> ProcessedImage:
            try:
                return self._context.read(file, earlier, when, **only)
            except (InferenceWorkerDied, InferenceTimeout) as exc:
                log.warning("inference.lost", why=exc.problem, instance=job.reference)
                return self._context.read(file, earlier, when, **only)

        answer = read(file)
        if answer.status is not Status.READ:  # or is it the way to the PACS that is broken?
            kept = self._archive.fetch(job.reference, verified=True)
            answer = answer if kept == file else read(kept)
        answer = replace(answer, seconds={"fetch": fetched, **answer.seconds})
        if done.get("mode", NodeMode.LIVE) != NodeMode.LIVE:
            answer = withheld(answer)
        self._answers.put(job.id, answer)
        return answer

    def _earlier_files(self, job: Job) -> Sequence[bytes]:
        """Return the reports that a new one may replace, none when the PACS lost one of them.

        The new report then names no predecessor; the image is not to wait for that.
        """
        try:
            return self._earlier.files(job.reference, job.uids)
        except NotInPacs:  # the image itself
            raise
        except PacsError as exc:
            log.warning("earlier.unknown", why=str(exc), instance=job.reference)
            return ()

    def _answer(self, job: Job, done: StepState) -> ProcessedImage | None:
        """Return what is to be stored; made again, with the same bytes, after a crash."""
        if not done["results"]:
            return None
        return self._answers.get(job.id) or self._make(job, done)

    def _tell(self, entry: images.ImageRecord, end: Settlement) -> None:
        """Report how it ended to the log, Prometheus and traces."""
        now = self._context.now()
        log.info(
            "instance.settled",
            state=end.state,
            instance=entry.reference,
            sop_instance_uid=entry.sop_instance_uid,
            reasons=",".join(reason.code for reason in end.reasons) or "none",
            run=entry.run,
            attempt=entry.attempts,
            seconds=sum(end.seconds.values()),
        )
        metrics.settled(
            end.state,
            urgency=entry.urgency,
            seconds=(now - entry.arrived).total_seconds(),
            reasons=[reason.code for reason in end.reasons],
        )
        metrics.stage_seconds(end.seconds)
        metrics.results_stored(len(end.results))
        parts = tracing.parts_of(entry.arrived, entry.started, end.seconds)
        model = end.model or ""
        tracing.settled(
            ImageTrace(self._context.archive, end.state, model, entry.arrived, now, parts)
        )


def wanted(receiver: Receiver, state: State, urgency: Urgency) -> bool:
    """Return whether a system is told of an image of which it was told nothing yet."""
    if urgency is Urgency.BACKFILL and not receiver.backfill:
        return False
    return state is State.STORED or (state is State.REFUSED and receiver.refusals)
