"""The node: what arrives in the PACS is read, and the results are stored beside it.

One image at a time, in the order of arrival. Nothing is skipped: the feed's position
moves on only with what became of an image, an outage of the PACS stops the node where
it is, and everything that is done twice has the same UIDs.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from hilum import PRODUCT
from hilum.arrive.changes import Arrival, Position, follow
from hilum.errors import HilumError, NodeError, NotInPacs, PacsError, SettingInvalid
from hilum.jobs.ledger import Ledger, Mark, Settlement
from hilum.jobs.states import State
from hilum.logs import EventLog
from hilum.orthanc import InstanceFacts, Orthanc
from hilum.outcome import Status
from hilum.settings import NodeSettings
from hilum.verdict import Reason

MODEL_NAME_TAG: Final = "0008-1090"
"""Manufacturer's Model Name (PS3.3 C.7.5.1): every result of ours has our name there."""

MAX_ATTEMPTS: Final = 5
"""An image at which the node stopped so often, or the PACS stumbled so often, has failed."""

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
"""While the PACS is away the node asks again, each time after twice as long, up to this."""

STATE_OF: Final = {
    Status.READ: State.STORED,
    Status.REFUSED: State.REFUSED,
    Status.FAILED: State.FAILED,
}
"""What an outcome becomes once its results are in the PACS."""

log = EventLog(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One object that is to be stored beside the image.

    Attributes
    ----------
    sop_instance_uid
        Its derived UID: the same on every attempt.
    file
        The DICOM file.
    """

    sop_instance_uid: str
    file: bytes


@dataclass(frozen=True, slots=True, eq=False)
class InstanceOutcome:
    """What became of one image, before anything is stored.

    Attributes
    ----------
    status
        Read, refused or failed.
    reasons
        Why it was refused or failed; warnings when it was read.
    results
        What to store, in the order in which it must be stored: reports refer to pictures.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    results: tuple[Result, ...] = ()


Handler = Callable[[bytes], InstanceOutcome]
"""Reads the file of one instance; raises `HilumError` when that is impossible."""


def nothing_else() -> None:
    """Look after nothing else: the PACS is somebody else's process."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Node:
    """Follows one PACS. For one thread at a time.

    Parameters
    ----------
    orthanc
        The PACS, logged in.
    ledger
        What became of its instances so far.
    find_handler
        Returns what reads an image, or None while there is no usable model: then images
        are kept where they are, and read once there is one.
    settings
        How the node works.
    tend
        Called between images: looks after the PACS process.
    now
        The clock.
    """

    def __init__(
        self,
        orthanc: Orthanc,
        ledger: Ledger,
        *,
        find_handler: Callable[[], Handler | None],
        settings: NodeSettings,
        tend: Callable[[], None] = nothing_else,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._orthanc = orthanc
        self._ledger = ledger
        self._find_handler = find_handler
        self._settings = settings
        self._tend = tend
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Follow the PACS until `stop` is set; the image in work is finished first."""
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            try:
                self._tend()
                busy = self.step(stop)
            except (PacsError, NodeError, SettingInvalid) as exc:
                log.warning("node.waiting", why=str(exc), again_in_s=wait_s)
                stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            if not busy:
                stop.wait(self._settings.poll_s)

    def step(self, stop: threading.Event) -> bool:
        """Do what there is to do now; return whether there may be more at once.

        Raises
        ------
        PacsUnavailable
            No answer, or not now. What was done is written down, nothing is skipped.
        PacsRefused
            The PACS lets nobody in any more.
        LedgerUnavailable
            Nothing can be written down now.
        """
        handler = self._find_handler()
        if handler is None:
            return False
        for entry in self._ledger.entries((State.READING, State.WAITING)):
            if stop.is_set():
                return False
            self._do(entry.instance_id, entry.sequence, handler, mark=None)
        before = self._ledger.position()
        page = follow(self._orthanc, Position(before.sequence, before.anchor))
        if page.restarted:
            log.warning("feed.restarted", was=before.sequence)
            self._ledger.restart()
        for arrival in page.arrivals:
            if stop.is_set():
                return False
            if self._is_done(arrival):
                self._ledger.advance(_mark(arrival.position))
            else:
                sequence = arrival.position.sequence
                self._do(arrival.instance_id, sequence, handler, mark=_mark(arrival.position))
        if _mark(page.position) != before:
            self._ledger.advance(_mark(page.position))
        return page.more

    def _is_done(self, arrival: Arrival) -> bool:
        """Whether this very arrival was dealt with, or its results are in the PACS already."""
        entry = self._ledger.entry(arrival.instance_id)
        if entry is None or entry.settled is None:
            return False
        if entry.sequence == arrival.position.sequence:
            return True  # between its attempt and its position the PACS went away
        return bool(entry.results) and all(
            self._orthanc.find_instance(uid) is not None for uid in entry.results
        )

    def _do(self, instance_id: str, sequence: int, handler: Handler, *, mark: Mark | None) -> None:
        """Do the work of one instance and write down how it ended."""
        start = perf_counter()
        attempt = self._ledger.begin(instance_id, sequence, now=self._now())
        end = self._attempt(instance_id, attempt, handler)
        self._ledger.settle(instance_id, end, now=self._now(), mark=mark)
        if end.state is not State.OWN:
            log.info(
                "instance.settled",
                state=end.state,
                instance=instance_id,
                sop_instance_uid=end.sop_instance_uid or "unknown",
                reasons=",".join(reason.code for reason in end.reasons) or "none",
                attempt=attempt,
                seconds=perf_counter() - start,
            )

    def _attempt(self, instance_id: str, attempt: int, handler: Handler) -> Settlement:
        """Work on one instance. The one place where every error has an end.

        Raises
        ------
        PacsError
            The PACS is away, or stumbled over this instance and may not the next time.
        """
        if attempt > MAX_ATTEMPTS:
            return _failed("stopped_the_node", f"the node stopped at it {MAX_ATTEMPTS} times")
        facts: InstanceFacts | None = None
        try:
            facts = self._orthanc.describe(instance_id)
            end = self._read(instance_id, facts, handler)
        except NotInPacs:
            end = Settlement(State.GONE)
        except PacsError as exc:
            self._require_pacs(instance_id)
            if exc.retryable and attempt < MAX_ATTEMPTS:
                raise
            end = _failed("pacs", str(exc))
        except HilumError as exc:
            end = _failed("unreadable", str(exc))
        except Exception as exc:  # noqa: BLE001  a fault of ours must not stop the others
            log.bug("instance.bug", exc, instance=instance_id)
            end = _failed("bug", f"hilum has a fault that this image shows ({type(exc).__name__})")
        uid = None if facts is None else facts.sop_instance_uid
        return Settlement(end.state, uid, end.reasons, end.results)

    def _require_pacs(self, instance_id: str) -> None:
        """Return when the PACS answers; else the attempt does not count.

        Raises
        ------
        PacsError
            It does not.
        """
        try:
            self._orthanc.system()
        except PacsError:
            self._ledger.release(instance_id)
            raise

    def _read(self, instance_id: str, facts: InstanceFacts, handler: Handler) -> Settlement:
        if self._orthanc.text(instance_id, MODEL_NAME_TAG) == PRODUCT:
            return Settlement(State.OWN)
        if facts.file_bytes > self._settings.max_file_bytes:
            limit = f"{facts.file_bytes} bytes, {self._settings.max_file_bytes} are allowed"
            return Settlement(State.REFUSED, reasons=(Reason("too_large", limit),))
        outcome = handler(self._orthanc.file(instance_id))
        self._orthanc.describe(instance_id)  # deleted meanwhile: results would stand alone
        for result in outcome.results:
            self._orthanc.upload(result.file)
        uids = tuple(result.sop_instance_uid for result in outcome.results)
        missing = [uid for uid in uids if self._orthanc.find_instance(uid) is None]
        if missing:
            return _failed("not_shown", f"the PACS took but does not show {', '.join(missing)}")
        return Settlement(STATE_OF[outcome.status], reasons=outcome.reasons, results=uids)


def _failed(code: str, text: str) -> Settlement:
    return Settlement(State.FAILED, reasons=(Reason(code, text),))


def _mark(position: Position) -> Mark:
    return Mark(position.sequence, position.anchor)
