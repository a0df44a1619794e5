"""Images: one row for each, from its arrival to its outcome.

A row has a run number. Work on an image writes down its end only while its run is the
newest one and has not ended, so whatever is done twice is written down once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import sleep
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from hilum.eligibility import Reason
from hilum.radiograph import ImageUIDs
from hilum.records import readings
from hilum.records.database import Database
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image
from hilum.records.rows import as_record
from hilum.records.states import RETRIED, SETTLED, UNSETTLED, WAITED_FOR, State, Urgency
from hilum.records.tables import IMAGE
from hilum.records.upsert import unless_there
from hilum.runtime.waits import wait_until
from hilum.settings.node import NodeMode

LOOK_S: Final = 0.1
"""Seconds between two looks whether an image is settled."""

Within = tuple[str | None, str | None]
"""Study and series in which images are looked for; None: in any."""

THIS: Final = of_image(IMAGE)
OPEN: Final = (*THIS, IMAGE.c.run == bindparam("of_run"), IMAGE.c.state.in_(sorted(UNSETTLED)))
"""The condition that a job is the newest run and has not ended."""

KNOWN: Final = (
    select(IMAGE.c.state, IMAGE.c.file_digest, IMAGE.c.reference, IMAGE.c.run, IMAGE.c.mode)
    .where(*THIS)
    .with_for_update()
)
CHANGE: Final = update(IMAGE).where(*THIS)
CHANGE_OPEN: Final = update(IMAGE).where(*OPEN)
BEGIN: Final = CHANGE_OPEN.values(
    state=State.READING,
    attempts=IMAGE.c.attempts + 1,
    started=func.coalesce(IMAGE.c.started, bindparam("now", type_=IMAGE.c.started.type)),
).returning(IMAGE)
SETTLE: Final = CHANGE_OPEN.returning(IMAGE)
RETRY: Final = (
    CHANGE.where(IMAGE.c.state.in_(sorted(RETRIED)))
    .values(arrived=bindparam("now"))
    .returning(IMAGE.c.reference, IMAGE.c.run)
)
ENTRY: Final = select(IMAGE).where(*THIS)
"""Asked for each image, hence put together once."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An image that was announced."""

    archive: str
    uids: ImageUIDs
    reference: str
    """As in `Job`."""
    file_digest: str | None
    """What distinguishes the file from another one; None when nothing does."""
    urgency: Urgency
    """How soon it has to be read."""
    at: datetime
    """When it was seen here."""
    mode: NodeMode = NodeMode.LIVE
    """How far its results get."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the work on one image ended."""

    state: State
    """One of the settled states."""
    reasons: tuple[Reason, ...] = ()
    """Why it was refused or failed; warnings when it was stored."""
    results: tuple[str, ...] = ()
    result_references: tuple[str, ...] = ()
    """SOP Instance UIDs of what was stored for it, and the archive's references to these."""
    model: str | None = None
    """Which model read it, with its version; None when none did."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Stage → seconds that it took there."""

    def __post_init__(self) -> None:
        if self.state not in SETTLED:
            raise ValueError(f"{self.state} is not the end of anything")
        if self.state in {State.REFUSED, State.FAILED} and not self.reasons:
            raise ValueError(f"{self.state} needs a reason")


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """The line of one image."""

    archive: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    reference: str
    file_digest: str | None
    urgency: Urgency
    state: State
    reasons: tuple[Reason, ...]
    results: tuple[str, ...]
    result_references: tuple[str, ...]
    run: int
    attempts: int
    """How often this run was begun."""
    lost: int
    """How often its work vanished and was asked for again by itself."""
    arrived: datetime
    started: datetime | None
    settled: datetime | None
    """When it was seen, when the work of this run first began and ended, UTC; None while not."""
    model: str | None
    seconds: Mapping[str, float]
    mode: NodeMode = NodeMode.LIVE
    """How far its results get."""

    @property
    def uids(self) -> ImageUIDs:
        """What names it in its archive."""
        return ImageUIDs(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)

    @property
    def job(self) -> Job:
        """The newest run of the work on it."""
        return Job(self.archive, self.uids, self.reference, self.run)

    def reference_to(self, result: str) -> str | None:
        """Return the reference to a result by its UID, None for what is none of it."""
        return dict(zip(self.results, self.result_references, strict=False)).get(result)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much waits."""

    counts: Mapping[tuple[Urgency, State], int]
    """Urgency and state → images that wait for their result."""
    oldest: datetime | None
    """Arrival of the image that is in the queue for longest; None when none is."""

    @property
    def waiting(self) -> dict[Urgency, int]:
        """Urgency → images in the queue; those that wait for a model are not among them."""
        return {each: self.counts.get((each, State.QUEUED), 0) for each in Urgency}

    @property
    def reading(self) -> int:
        """Images in work."""
        return sum(self.counts.get((each, State.READING), 0) for each in Urgency)


def arrived(
    connection: Connection,
    new: Arrived,
    *,
    held: bool = False,
    again: bool = False,
    louder: bool = False,
) -> Job | None:
    """Write an image down; return the work that there is to do, None when there is none.

    An image that is known and did not change makes no work. One that changed (another
    `file_digest`) is read again; while it only waits, its turn will read the new file.

    Parameters
    ----------
    connection
        In the transaction that also enqueues the job.
    held
        Whether it has to wait for a model; `release_held` ends that.
    again
        Whether an image that ended is read again though it did not change; never to get less far.
    louder
        Whether one that ended is read again in order to get farther than its mode let it.
    """
    state = State.HELD if held else State.QUEUED
    moved = {"reference": new.reference, "file_digest": new.file_digest, "arrived": new.at}
    mode = {"mode": new.mode}
    named = {"archive": new.archive, **new.uids._asdict()}
    line = {**named, **moved, **mode, "urgency": new.urgency, "lost": 0, **_anew(0, state)}
    if connection.execute(unless_there(connection, IMAGE), line).rowcount == 1:
        return Job(new.archive, new.uids, new.reference, 1)
    this = image_values(new.archive, new.uids)
    known = connection.execute(KNOWN, this).one()
    same = new.file_digest == known.file_digest and new.reference == known.reference
    if same and not _is_wanted(known, new.mode, again=again, louder=louder):
        return None
    only_waits = known.state in {State.HELD, State.QUEUED}
    if only_waits and new.reference == known.reference:
        connection.execute(CHANGE, {**this, **moved})
        return None
    anew = {**mode, "urgency": new.urgency, "lost": 0, **_anew(known.run, state)}
    connection.execute(CHANGE, {**this, **moved, **anew})
    readings.forget_foreign(connection, new.archive, new.uids)
    return Job(new.archive, new.uids, new.reference, known.run + 1)


def _is_wanted(known: Any, mode: NodeMode, *, again: bool, louder: bool) -> bool:
    """Return whether an image that did not change is read once more, in this mode."""
    before = NodeMode(known.mode)
    if known.state not in SETTLED:
        return False
    if known.state == State.STORED and mode.is_quieter_than(before):
        return False
    return again or (louder and before.is_quieter_than(mode))


def begin(connection: Connection, job: Job, now: datetime) -> ImageRecord | None:
    """Write down that work begins.

    Returns
    -------
    ImageRecord or None
        The line as it is now; None when there is nothing to do: the run ended, or a newer one
        was asked for.
    """
    row = connection.execute(BEGIN, {**_run_of(job), "now": now}).one_or_none()
    return None if row is None else _entry(row)


def change_mode(connection: Connection, job: Job, mode: NodeMode) -> None:
    """Let what work on an image finds get only so far; before anything was made of it."""
    connection.execute(CHANGE_OPEN, {**_run_of(job), "mode": mode})


def settle(connection: Connection, job: Job, end: Settlement, now: datetime) -> ImageRecord | None:
    """Write down how the work ended.

    Returns
    -------
    ImageRecord or None
        The line as it is now; None when it was written down before or a newer run was asked
        for: then nothing that belongs to the end may be written either.
    """
    ended = {
        "state": end.state,
        "reasons": [reason.stored for reason in end.reasons],
        "results": list(end.results),
        "result_references": list(end.result_references),
        "model": end.model,
        "seconds": dict(end.seconds),
        "settled": now,
    }
    row = connection.execute(SETTLE, {**_run_of(job), **ended}).one_or_none()
    return None if row is None else _entry(row)


def entry(connection: Connection, archive: str, uids: ImageUIDs) -> ImageRecord | None:
    """Return the line of an image."""
    row = connection.execute(ENTRY, image_values(archive, uids)).first()
    return None if row is None else _entry(row)


def wait_for(
    database: Database,
    archive: str,
    uids: ImageUIDs,
    *,
    timeout_s: float,
    pause: Callable[[float], object] = sleep,
) -> ImageRecord | None:
    """Return the line of an image once it is settled, or as it is when the time is over."""

    def look() -> ImageRecord | None:
        with database.look() as connection:
            return entry(connection, archive, uids)

    return wait_until(
        look,
        lambda found: found is not None and found.state in SETTLED,
        timeout_s=timeout_s,
        every_s=LOOK_S,
        pause=pause,
    )


def called(
    connection: Connection, archive: str, identifier: str, within: Within = (None, None)
) -> list[ImageRecord]:
    """Return what has this reference or SOP Instance UID; a UID may be in several studies."""
    narrowed = zip((IMAGE.c.study_instance_uid, IMAGE.c.series_instance_uid), within, strict=True)
    also = [column == uid for column, uid in narrowed if uid is not None]
    for column in (IMAGE.c.sop_instance_uid, IMAGE.c.reference):  # an OR would read all images
        question = select(IMAGE).where(IMAGE.c.archive == archive, column == identifier, *also)
        if found := connection.execute(question.order_by(*IMAGE.primary_key.columns)).all():
            return [_entry(row) for row in found]
    return []


def entries(
    connection: Connection,
    archive: str,
    states: Collection[State] = frozenset(State),
    *,
    study_instance_uid: str | None = None,
    limit: int | None = None,
) -> list[ImageRecord]:
    """Return lines in one of `states`, the newest first; of one study when it is named."""
    question: Select[Any] = (
        select(IMAGE)
        .where(IMAGE.c.archive == archive)
        .order_by(IMAGE.c.arrived.desc(), *IMAGE.primary_key.columns)
    )
    if set(states) != set(State):
        question = question.where(IMAGE.c.state.in_(sorted(states)))
    if study_instance_uid is not None:
        question = question.where(IMAGE.c.study_instance_uid == study_instance_uid)
    return [_entry(row) for row in connection.execute(question.limit(limit))]


def counts(connection: Connection, archive: str) -> dict[State, int]:
    """Return how many images are in each state that occurs."""
    every = sorted(State)  # named, they are counted in an index, which begins with the state
    rows = connection.execute(
        select(IMAGE.c.state, func.count())
        .where(IMAGE.c.archive == archive, IMAGE.c.state.in_(every))
        .group_by(IMAGE.c.state)
    )
    return {State(state): int(count) for state, count in rows}


def depth(connection: Connection, archive: str) -> QueueDepth:
    """Return how much waits and since when; reads no line of an image that is settled."""
    rows = connection.execute(
        select(IMAGE.c.urgency, IMAGE.c.state, func.count(), func.min(IMAGE.c.arrived))
        .where(IMAGE.c.archive == archive, IMAGE.c.state.in_(sorted(WAITED_FOR)))
        .group_by(IMAGE.c.urgency, IMAGE.c.state)
    ).all()
    counts = {(Urgency(urgency), State(state)): int(count) for urgency, state, count, _ in rows}
    oldest = min((first for _, state, _, first in rows if state == State.QUEUED), default=None)
    return QueueDepth(counts, oldest)


def ask_again(
    connection: Connection, archive: str, images: Iterable[ImageUIDs], now: datetime
) -> list[Job]:
    """Ask for a new run of images that ended without results; return what has to be enqueued.

    Images in other states are left alone. `hilum.jobs.queue.Queue.retry` does both.
    """
    anew = RETRY.values(lost=0, **_anew(IMAGE.c.run, State.QUEUED))
    jobs = []
    for uids in images:
        row = connection.execute(anew, {**image_values(archive, uids), "now": now}).first()
        if row is not None:
            jobs.append(Job(archive, uids, row.reference, row.run))
    return jobs


def release_held(connection: Connection, archive: str) -> int:
    """Let the images that wait for a model take their turn; return how many."""
    return connection.execute(
        update(IMAGE)
        .where(IMAGE.c.archive == archive, IMAGE.c.state == State.HELD)
        .values(state=State.QUEUED)
    ).rowcount


def run_again(connection: Connection, job: Job) -> Job | None:
    """Ask for a new run because the work of `job` vanished; None when it ended after all."""
    anew = CHANGE_OPEN.values(lost=IMAGE.c.lost + 1, **_anew(IMAGE.c.run, State.QUEUED))
    if connection.execute(anew, _run_of(job)).rowcount != 1:
        return None
    return Job(job.archive, job.uids, job.reference, job.run + 1)


def _run_of(job: Job) -> dict[str, Any]:
    """Return the values of `OPEN`."""
    return {**image_values(job.archive, job.uids), "of_run": job.run}


def _anew(run: Any, state: State) -> dict[str, Any]:
    """Return the columns of a line whose work begins anew."""
    return {
        "run": run + 1,
        "state": state,
        "attempts": 0,
        "reasons": [],
        "results": [],
        "result_references": [],
        "started": None,
        "settled": None,
        "model": None,
        "seconds": None,
    }


def _entry(row: Row[Any]) -> ImageRecord:
    return as_record(
        ImageRecord,
        row,
        reasons=tuple(Reason.of_stored(reason) for reason in row.reasons),
        result_references=row.result_references or (),
        seconds=row.seconds or {},
    )
