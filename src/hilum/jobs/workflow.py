"""The workflow of one image: its steps, one after the other, remembered once they are done.

After a crash a job goes on with the first step that is not remembered; a step may therefore
be done twice and has to lead to the same end. A step that fails on purpose says so by its value;
an exception is a fault of ours, and ends as that instead of taking the image with it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from dbos import DBOS

from hilum.eligibility import Reason
from hilum.errors import DatabaseUnavailable
from hilum.jobs.pause import Pause
from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records import Database, images, studies
from hilum.records.forwards import Forward
from hilum.records.images import Settlement
from hilum.records.job import Job
from hilum.records.states import State
from hilum.records.studies import DueTimes
from hilum.runtime.waits import WHILE_AWAY
from hilum.telemetry.logs import get_log

StepState = dict[str, Any]
"""What the steps of a job know so far; small, and JSON alone."""

Step = Callable[[Job, StepState], StepState]
"""One step: gets the job and its step state, returns what is added to the step state."""

Send = Callable[[Forward, int], None]
"""Tries to send results on; gets which attempt it is and writes down how it went."""

Measure = Callable[[Job, int], None]
"""Measures the anatomy of an image that was read; gets which attempt it is."""

Result = TypeVar("Result")

END: Final = "end"
"""Key of a step state: the job goes to its last step, which settles it in the state named here."""

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Remembering:
    """Which steps are not remembered each by itself, once they are done; the last one never is."""

    repeated: Collection[str] = ()
    """Those that are not at all: to do them again costs less."""
    joined: Collection[str] = ()
    """Those that are together with the one before: to remember costs, too."""


EACH: Final = Remembering()
"""Each by itself."""


class ImageWorkflow:
    """The steps of every job. For any number of threads.

    Parameters
    ----------
    database
        Where an image is settled whose last step has a fault.
    steps
        Name → step, in order; the last one settles the image.
    send
        Tries to send results on; None where no such job is taken.
    measure
        Measures the anatomy; None where no such job is taken.
    remembering
        Which steps are remembered, and how.
    """

    def __init__(
        self,
        database: Database,
        steps: Mapping[str, Step],
        send: Send | None,
        pause: Pause,
        *,
        measure: Measure | None = None,
        remembering: Remembering = EACH,
    ) -> None:
        if not steps:
            raise ValueError("a job needs at least the step that settles it")
        self._database = database
        *before, (_, self._last) = steps.items()
        self._rows: list[tuple[str, list[Step]]] = []
        for name, step in before:
            if name in remembering.joined:
                self._rows[-1][1].append(step)
            else:
                self._rows.append((name, [step]))
        self._send = send
        self._measure = measure
        self._pause = pause
        self._repeated = frozenset(remembering.repeated)

    def read_image(
        self, archive: str, uids: Sequence[str], reference: str, run: int, done: StepState
    ) -> str:
        """Work on one image; return how it ended. Deterministic but for its steps and its end."""
        job = Job(archive, ImageUIDs(*uids), reference, run)
        done = dict(done)
        for name, steps in self._rows:
            if END in done:
                break
            if name in self._repeated:
                done |= self._in_a_row(steps, job, done)
            else:
                done |= DBOS.run_step({"name": name}, self._in_a_row, steps, job, done)
        # not remembered: the end of the job is, and to settle once more changes nothing
        done |= self._careful(self._last, job, done, self._give_up)
        return str(done.get(END, ""))

    def send_forward(
        self, archive: str, uids: Sequence[str], target: str, run: int, attempt: int
    ) -> None:
        """Try once to send results on."""
        forward = Forward(archive, ImageUIDs(*uids), target, run)
        DBOS.run_step({"name": "send"}, self._send_once, forward, attempt)

    def measure_anatomy(
        self, archive: str, uids: Sequence[str], reference: str, run: int, attempt: int
    ) -> None:
        """Measure the anatomy of one image; done again where the process died in it."""
        job = Job(archive, ImageUIDs(*uids), reference, run)
        DBOS.run_step({"name": "measure"}, self._measure_once, job, attempt)

    def _measure_once(self, job: Job, attempt: int) -> None:
        measure = self._measure
        if measure is not None:
            self.patient(lambda: measure(job, attempt))

    def _send_once(self, forward: Forward, attempt: int) -> None:
        send = self._send
        if send is not None:
            self.patient(lambda: send(forward, attempt))

    def _in_a_row(self, steps: Sequence[Step], job: Job, done: StepState) -> StepState:
        """Run steps that are remembered as one; return what they add."""
        added: StepState = {}
        for step in steps:
            if END not in added:
                added |= self._careful(step, job, done | added, _as_bug)
        return added

    def _careful(
        self, step: Step, job: Job, done: StepState, fault: Callable[[Job, Exception], StepState]
    ) -> StepState:
        """Run a step; wait while the database is away, and return a bug of ours as a value."""
        try:
            return self.patient(lambda: step(job, dict(done)))
        except Exception as exc:  # noqa: BLE001  a fault of ours must not lose the image
            log.bug("job.bug", exc, instance=job.reference, run=job.run)
            found = exc  # the name of an error that is handled ends with its handler
        return self.patient(lambda: fault(job, found))

    def patient(self, work: Callable[[], Result]) -> Result:
        """Run `work`, and retry it while the database is away.

        Raises
        ------
        Stopped
            The process stops.
        """
        waits = iter(WHILE_AWAY)
        while True:
            try:
                return work()
            except DatabaseUnavailable as exc:
                wait_s = next(waits)
                log.warning("database.away", why=str(exc), again_in_s=wait_s)
            self._pause(wait_s)

    def _give_up(self, job: Job, exc: Exception) -> StepState:
        """Settle an image whose last step has a fault."""
        now = datetime.now(UTC)
        end = Settlement(State.FAILED, (_bug(exc),))
        with self._database.transaction() as connection:
            if images.settle(connection, job, end, now):
                study = job.uids.study_instance_uid
                studies.refresh(connection, job.archive, study, now=now, waits=DueTimes())
        return {END: State.FAILED.value}


def _as_bug(_job: Job, exc: Exception) -> StepState:
    return {END: State.FAILED.value, "reasons": [_bug(exc).stored]}


def _bug(exc: Exception) -> Reason:
    kind = type(exc).__name__  # its text may quote the data set
    return Reason("bug", Message("hilum failed on this image because of a bug ({kind})", kind=kind))
