"""The anatomy of images that were read: a job of its own, later, one at a time, never in the way.

It is asked for when an image is settled or by a click, and measured in a process of its own
with its own memory. What it stores has derived UIDs and tells the time at which it was asked
for: done again after a crash, it changes nothing that is there.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from typing import Final, Self

from hilum.errors import (
    DatabaseUnavailable,
    HilumError,
    InferenceTimeout,
    InferenceWorkerDied,
    NotInPacs,
    PacsRefused,
    RadiographRefused,
)
from hilum.jobs.pause import Pause
from hilum.jobs.workflow import END, Step, StepState
from hilum.language import Message
from hilum.node import inference_process
from hilum.node.file_buffer import buffer_folder
from hilum.node.inference_pool import InferenceWorker
from hilum.node.processed import MeasuredAnatomy, Result
from hilum.node.retrying_archive import retrying
from hilum.node.steps import STORE_ROUNDS, NodeContext
from hilum.records import anatomies, audit, constancy, images, readings
from hilum.records.anatomies import AnatomyState
from hilum.records.forwards import ENDED, Forward
from hilum.records.job import Job
from hilum.records.states import State
from hilum.records.stored_reading import StoredReading
from hilum.runtime.cores import core_count
from hilum.settings import AnatomyMode, NodeMode, Settings
from hilum.telemetry.logs import get_log

NICE: Final = 19
"""The process takes what no other wants: at 10 the findings of other images came 15 % slower."""

LOOK_S: Final = 0.5
"""Seconds between two looks whether the node stops."""

LARGE_HEART: Final = frozenset({"Cardiomegaly", "Enlarged Cardiomediastinum"})
"""Findings after which anatomy.mode = "cardiomegaly" measures."""


log = get_log(__name__)


class AnatomyWorker:
    """The process with the segmentation network; started when the first image comes.

    Parameters
    ----------
    pause
        Raises `Stopped` once the node stops, which then does not wait for an anatomy: it is
        measured anew after the next start.
    """

    def __init__(self, settings: Settings, pause: Pause, *, in_demonstration: bool) -> None:
        self._pause = pause
        self._timeout_s = settings.node.inference_timeout_s
        own = settings.changed("node", inference_memory_bytes=settings.anatomy.memory_bytes)
        own = own.changed("model", threads=max(1, core_count() // 2))
        self._worker = InferenceWorker(
            own,
            buffer_folder(settings.data_folder),
            in_demonstration=in_demonstration,
            niceness=NICE,
        )
        self._waiting = ThreadPoolExecutor(1, "anatomy")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()
        self._waiting.shutdown(cancel_futures=True)

    def __call__(
        self, file: bytes, when: datetime, reading: StoredReading | None
    ) -> MeasuredAnatomy:
        """Measure one image; one job at a time calls this.

        Raises
        ------
        HilumError
            See `hilum.node.anatomy_file.measured`; or the process ended, or took too long.
        Stopped
            The node stops.
        """
        work = inference_process.anatomy
        future = self._waiting.submit(
            self._worker.hand_over, file, self._timeout_s, work, when, reading
        )
        while not wait([future], timeout=LOOK_S).done:
            self._pause(0)
        return future.result()


Work = Callable[[bytes, datetime, StoredReading | None], MeasuredAnatomy]
"""File, time that the results tell, what was found → anatomy."""


def ask(context: NodeContext, job: Job) -> bool:
    """Write down that the anatomy of an image is wanted, and queue it; False when it is already."""
    now = context.now()
    with context.database.transaction() as connection:
        attempt = anatomies.ask(connection, job, now)
        if attempt is None:
            return False
        context.queue.enqueue_anatomy(connection, job, attempt, now)
    return True


def asking_after(context: NodeContext, settle: Step) -> Step:
    """Return the last step of an image's work that then asks for its anatomy, where it is wanted.

    Were the process to die in between, the step would be done again as a whole.
    """
    mode = context.settings.anatomy.mode

    def settled(job: Job, done: StepState) -> StepState:
        ended = settle(job, done)
        if ended.get(END) == State.STORED and _wanted(context, job, mode):
            ask(context, job)
        return ended

    return settled


def _wanted(context: NodeContext, job: Job, mode: AnatomyMode) -> bool:
    if mode not in {AnatomyMode.CARDIOMEGALY, AnatomyMode.ALWAYS}:
        return False
    with context.database.look() as connection:
        if constancy.is_self_test(connection, job.archive, job.uids):
            return False
        document = readings.documents(connection, job.archive, [job.uids]).get(job.uids)
    if document is None:
        return False
    found = document["readings"][0]["findings"]
    return mode is AnatomyMode.ALWAYS or any(
        each["positive"] and each["label"] in LARGE_HEART for each in found
    )


class AnatomyMeasurer:
    """Measures the anatomy of one image and stores it beside the image; one at a time."""

    def __init__(self, context: NodeContext, work: Work) -> None:
        self._context = context
        self._archive = retrying(context.pacs, context.pause)
        self._work = work

    def __call__(self, job: Job, attempt: int) -> None:
        """Do what was asked for, and write down how it went."""
        database = self._context.database
        with database.look() as connection:
            wanted = anatomies.entry(connection, job.archive, job.uids)
            reading = readings.get(connection, job.archive, job.uids)
            image = images.entry(connection, job.archive, job.uids)
        if wanted is None or (wanted.run, wanted.attempt) != (job.run, attempt):
            return  # a newer run has an anatomy of its own
        if wanted.state is not AnatomyState.WAITING:
            return
        try:
            found = self._measure(job, wanted.asked.astimezone(), reading)
            live = image is not None and image.mode is NodeMode.LIVE
            stored = self._store(job, found.results) if live else []
        except DatabaseUnavailable:
            raise
        except RadiographRefused as exc:
            self._fail(job, Message.joined("; ", [each.text for each in exc.reasons]))
        except HilumError as exc:
            self._fail(job, exc.message)
        else:
            self._succeed(job, found, stored)

    def _succeed(self, job: Job, found: MeasuredAnatomy, stored: Sequence[tuple[str, str]]) -> None:
        context, now = self._context, self._context.now()
        targets = context.settings.current().node.forward_to if stored else ()
        with context.database.transaction() as connection:
            if anatomies.measured(connection, job, found.document, found.said, stored):
                details = {"run": job.run, "results": len(stored)}
                line = context.line("anatomy.measured", now, job.archive, job.uids, details)
                audit.write(connection, line)
                # an attempt that waits still takes the anatomy along
                done = (Forward(job.archive, job.uids, each, job.run) for each in targets)
                context.queue.retry_forwards(connection, done, now, ENDED)
        log.info("anatomy.measured", instance=job.reference, results=len(stored))

    def _measure(self, job: Job, when: datetime, reading: StoredReading | None) -> MeasuredAnatomy:
        """Return what was found.

        Raises
        ------
        HilumError
            It could not be measured, or the image is gone.
        """
        most = self._context.settings.node.max_file_bytes
        file = self._archive.fetch(job.reference, max_bytes=most)
        try:
            return self._work(file, when, reading)
        except (InferenceWorkerDied, InferenceTimeout) as exc:
            log.warning("anatomy.lost", why=exc.problem, instance=job.reference)
            return self._work(file, when, reading)

    def _store(self, job: Job, results: Sequence[Result]) -> list[tuple[str, str]]:
        """Store what was found; return UID and name of each once the archive shows it.

        Raises
        ------
        PacsError
            It could not be stored, or the image is gone.
        """
        for _ in range(STORE_ROUNDS):
            names = []
            for result in results:
                self._context.stored.add(result.sop_instance_uid)
                names.append(self._archive.store(result.file).reference)
                self._context.stored.add(names[-1])
            there = self._archive.present((job.reference, *names))
            if job.uids.sop_instance_uid not in there:  # the image was deleted meanwhile
                for name in names:
                    self._discard(name)
                raise NotInPacs("The image is not in the PACS any more.", "Send it again.")
            uids = [each.sop_instance_uid for each in results]
            if there.issuperset(uids):
                return list(zip(uids, names, strict=True))
        raise PacsRefused(
            "The PACS accepted the anatomy but does not show it.", "Look at its log and its disk."
        )

    def _discard(self, name: str) -> None:
        try:
            self._archive.delete(name)
        except PacsRefused as exc:
            log.warning("result.left", instance=name, why=str(exc))

    def _fail(self, job: Job, why: str) -> None:
        with self._context.database.transaction() as connection:
            anatomies.failed(connection, job, why)
        log.warning("anatomy.failed", instance=job.reference, why=str(why))
