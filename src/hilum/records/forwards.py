"""Results that are sent on to other archives and systems, and the state of each transfer.

A line is written in the transaction that settles its image, so none is lost or too many.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row, func, or_, select, update

from hilum.language import Message
from hilum.language.message import packed, unpacked
from hilum.radiograph import ImageUIDs
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image, uids_of
from hilum.records.rows import as_record
from hilum.records.tables import FORWARD
from hilum.records.upsert import into
from hilum.settings.deliveries import ReceiverKind


class ForwardState(StrEnum):
    """State of the transfer of one image's results to one target."""

    WAITING = "waiting"
    SENT = "sent"
    """The target took them."""
    COMMITTED = "committed"
    """The target said that it keeps them (storage commitment)."""
    FAILED = "failed"
    """The last error says why."""


ENDED: Final = frozenset(ForwardState) - {ForwardState.WAITING}
"""Nothing more is tried."""

FORWARD_STATES: Final = {
    ForwardState.WAITING: Message("waiting"),
    ForwardState.SENT: Message("sent"),
    ForwardState.COMMITTED: Message("committed"),
    ForwardState.FAILED: Message("failed"),
}
"""How far results are → its word."""


NO_RECEIVER: Final = Message("The settings do not name this receiver any more.")

UNDER_WAY: Final = Message("It is being sent, or was when hilum ended.")

NAMESPACE: Final = UUID("b9d0a8c4-6b0e-4e0e-9f0b-0f6a2b3c7d15")
"""Random, chosen once: of the identifiers of messages."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The results of one run of one image for one target."""

    archive: str
    uids: ImageUIDs
    target: str
    """``modality:NAME`` or ``peer:NAME``, as the archive knows it, or a receiver of the settings.
    """
    run: int

    @property
    def id(self) -> str:
        """Name of this piece of work; the job engine runs each name once."""
        return "|".join((self.archive, *self.uids, f"{self.run}>{self.target}"))

    @property
    def message_id(self) -> UUID:
        """What names its message, the same at each attempt."""
        return uuid5(NAMESPACE, self.id)


@dataclass(frozen=True, slots=True)
class ForwardEntry:
    """One line."""

    forward: Forward
    state: ForwardState
    attempts: int
    """How often sending was tried."""
    why: str
    """The last error, as a `Message`; empty when there is none."""
    changed: datetime
    asked: datetime | None
    """When sending was asked for; None: when the image was settled."""
    about: Mapping[str, Any] | None
    """What a message needs of the image; None where the archive sends, and once it was sent."""
    corrects: bool
    """Whether what an earlier run said may be there."""


def add(
    connection: Connection,
    job: Job,
    target: str,
    now: datetime,
    *,
    about: Mapping[str, Any] | None = None,
    corrects: bool = False,
) -> Forward:
    """Write down that the results of `job` go to `target`; replaces an earlier run's line."""
    values = {
        "run": job.run,
        "state": ForwardState.WAITING,
        "attempts": 0,
        "why": "",
        "changed": now,
        "asked": now,
        "about": about,
        "corrects": corrects,
    }
    connection.execute(
        into(connection.dialect.name, FORWARD)
        .values(archive=job.archive, **job.uids._asdict(), target=target, **values)
        .on_conflict_do_update(index_elements=list(FORWARD.primary_key.columns), set_=values)
    )
    return Forward(job.archive, job.uids, target, job.run)


def was_told(connection: Connection, archive: str, uids: ImageUIDs, target: str) -> bool:
    """Return whether a target may know what an earlier run of an image said."""
    row = connection.execute(
        select(FORWARD.c.attempts, FORWARD.c.corrects, FORWARD.c.why).where(
            *of_image(FORWARD), FORWARD.c.target == target
        ),
        image_values(archive, uids),
    ).first()
    return row is not None and (row.attempts > 0 or row.corrects or row.why == _stored(UNDER_WAY))


def begin(connection: Connection, forward: Forward) -> None:
    """Write down that an attempt is made, of whose end nobody may hear; `change` counts it."""
    connection.execute(
        update(FORWARD)
        .where(*of_image(FORWARD), FORWARD.c.target == forward.target, FORWARD.c.run == forward.run)
        .values(why=_stored(UNDER_WAY)),
        image_values(forward.archive, forward.uids),
    )


def change(
    connection: Connection, forward: Forward, state: ForwardState, why: str, now: datetime
) -> bool:
    """Write down how an attempt went; False when a newer run took the line over."""
    changed = connection.execute(
        update(FORWARD)
        .where(*of_image(FORWARD), FORWARD.c.target == forward.target, FORWARD.c.run == forward.run)
        .values(
            state=state,
            why=_stored(why),
            changed=now,
            attempts=FORWARD.c.attempts + 1,
            **({"about": None} if state is ForwardState.SENT else {}),
        ),
        image_values(forward.archive, forward.uids),
    )
    return changed.rowcount == 1


def abandon(connection: Connection, archive: str, kept: Collection[str], now: datetime) -> int:
    """Let what waits for a receiver that is none any more have failed; return how much it was.

    Parameters
    ----------
    kept
        Targets of the settings beside the PACS.
    """
    kinds = [FORWARD.c.target.startswith(f"{kind}:", autoescape=True) for kind in ReceiverKind]
    waiting = FORWARD.c.archive == archive, FORWARD.c.state == ForwardState.WAITING
    return connection.execute(
        update(FORWARD)
        .where(*waiting, or_(*kinds), FORWARD.c.target.not_in(kept))
        .values(state=ForwardState.FAILED, why=_stored(NO_RECEIVER), changed=now)
    ).rowcount


def ask_again(
    connection: Connection,
    forward: Forward,
    now: datetime,
    states: Collection[ForwardState] = frozenset({ForwardState.FAILED}),
) -> int | None:
    """Let what is in one of `states` wait once more; return the number of its next attempt.

    None where it is in no such state. `hilum.jobs.queue.Queue.retry_forwards` also queues it.
    """
    failed = FORWARD.c.run == forward.run, FORWARD.c.state.in_(sorted(states))
    attempts = connection.execute(
        update(FORWARD)
        .where(*of_image(FORWARD), FORWARD.c.target == forward.target, *failed)
        .values(state=ForwardState.WAITING, changed=now, asked=now)
        .returning(FORWARD.c.attempts),
        image_values(forward.archive, forward.uids),
    ).scalar()
    return None if attempts is None else int(attempts) + 1


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
    return [_entry(row) for row in connection.execute(question, named)]


def entry(connection: Connection, forward: Forward) -> ForwardEntry | None:
    """Return the line of a forward, None when a newer run took it over."""
    row = connection.execute(
        select(FORWARD).where(
            *of_image(FORWARD), FORWARD.c.target == forward.target, FORWARD.c.run == forward.run
        ),
        image_values(forward.archive, forward.uids),
    ).first()
    return None if row is None else _entry(row)


def _entry(row: Row[Any]) -> ForwardEntry:
    forward = as_record(Forward, row, uids=uids_of(row))
    return as_record(ForwardEntry, row, forward=forward, why=unpacked(json.loads(row.why or '""')))


def _stored(why: str) -> str:
    """Return a reason as its column holds it."""
    return json.dumps(packed(why)) if why else ""


def counts(connection: Connection, archive: str) -> dict[ForwardState, int]:
    """Return how many lines are in each state that occurs."""
    every = sorted(ForwardState)  # named, they are counted in an index, which begins with the state
    rows = connection.execute(
        select(FORWARD.c.state, func.count())
        .where(FORWARD.c.archive == archive, FORWARD.c.state.in_(every))
        .group_by(FORWARD.c.state)
    )
    return {ForwardState(state): int(count) for state, count in rows}
