"""Results that are sent on to other archives, and the state of each transfer."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, func, select, update

from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image, uids_of
from hilum.records.rows import as_record
from hilum.records.tables import FORWARD
from hilum.records.upsert import into


class ForwardState(StrEnum):
    """State of the transfer of one image's results to one target."""

    WAITING = "waiting"
    SENT = "sent"
    """The target took them."""
    COMMITTED = "committed"
    """The target said that it keeps them (storage commitment)."""
    FAILED = "failed"
    """The last error says why."""


FORWARD_STATES: Final = {
    ForwardState.WAITING: Message("waiting"),
    ForwardState.SENT: Message("sent"),
    ForwardState.COMMITTED: Message("committed"),
    ForwardState.FAILED: Message("failed"),
}
"""How far results are → its word."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The results of one run of one image for one target."""

    archive: str
    uids: ImageUIDs
    target: str
    """``modality:NAME`` or ``peer:NAME``, as the archive knows it."""
    run: int

    @property
    def id(self) -> str:
        """Name of this piece of work; the job engine runs each name once."""
        return "|".join((self.archive, *self.uids, f"{self.run}>{self.target}"))


@dataclass(frozen=True, slots=True)
class ForwardEntry:
    """One line."""

    forward: Forward
    state: ForwardState
    attempts: int
    """How often sending was tried."""
    why: str
    """The last error, empty when there is none."""
    changed: datetime


def add(connection: Connection, job: Job, target: str, now: datetime) -> Forward:
    """Write down that the results of `job` go to `target`; replaces an earlier run's line."""
    values = {"run": job.run, "state": ForwardState.WAITING, "attempts": 0, "why": ""}
    connection.execute(
        into(connection.dialect.name, FORWARD)
        .values(archive=job.archive, **job.uids._asdict(), target=target, changed=now, **values)
        .on_conflict_do_update(
            index_elements=list(FORWARD.primary_key.columns), set_={**values, "changed": now}
        )
    )
    return Forward(job.archive, job.uids, target, job.run)


def change(
    connection: Connection, forward: Forward, state: ForwardState, why: str, now: datetime
) -> bool:
    """Write down how an attempt went; False when a newer run took the line over."""
    changed = connection.execute(
        update(FORWARD)
        .where(*of_image(FORWARD), FORWARD.c.target == forward.target, FORWARD.c.run == forward.run)
        .values(state=state, why=why, changed=now, attempts=FORWARD.c.attempts + 1),
        image_values(forward.archive, forward.uids),
    )
    return changed.rowcount == 1


def entries(
    connection: Connection,
    archive: str,
    states: Collection[ForwardState] = frozenset(ForwardState),
    *,
    uids: ImageUIDs | None = None,
    limit: int | None = None,
) -> list[ForwardEntry]:
    """Return lines in one of `states`, the last changed first; of one image when named."""
    question = (
        select(FORWARD)
        .where(FORWARD.c.archive == archive, FORWARD.c.state.in_(sorted(states)))
        .order_by(FORWARD.c.changed.desc())
        .limit(limit)
    )
    named = None
    if uids is not None:
        question, named = question.where(*of_image(FORWARD)), image_values(archive, uids)
    return [
        as_record(ForwardEntry, row, forward=as_record(Forward, row, uids=uids_of(row)))
        for row in connection.execute(question, named)
    ]


def counts(connection: Connection, archive: str) -> dict[ForwardState, int]:
    """Return how many lines are in each state that occurs."""
    every = sorted(ForwardState)  # named, they are counted in an index, which begins with the state
    rows = connection.execute(
        select(FORWARD.c.state, func.count())
        .where(FORWARD.c.archive == archive, FORWARD.c.state.in_(every))
        .group_by(FORWARD.c.state)
    )
    return {ForwardState(state): int(count) for state, count in rows}
