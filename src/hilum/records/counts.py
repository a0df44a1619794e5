"""Counts for operators: queue depth, workers, and what is stuck."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select

from hilum.records import constancy, feed, images, indexed
from hilum.records.clock import seconds_of
from hilum.records.states import SETTLED, UNSETTLED, State, Urgency
from hilum.records.tables import IMAGE, WORKER

ALIVE_S: Final = 30.0
"""Seconds since its last beat after which a process counts as dead, as for the sweeper."""

STUCK_AFTER: Final = timedelta(hours=1)
"""Time without progress after which images count as stuck."""


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """What a scrape shows. Costs the same however many images were read already."""

    queue: Mapping[tuple[Urgency, State], int]
    """Urgency and state → images that wait for their result."""
    oldest_s: float
    """Seconds since the arrival of the one that waits longest; 0 when none waits."""
    workers_alive: int
    workers_dead: int
    """Processes that beat, and those that stopped without signing off."""
    position: str | None
    """How far the changes feed was followed; None when it never was."""
    self_test: constancy.SelfTestRun | None = None
    """The last self-test that ended; None when there was none."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """What a person should look at."""

    states: Mapping[State, int] = field(default_factory=dict)
    """State → images of this archive."""
    stuck: int = 0
    """Images not settled and without progress for `STUCK_AFTER`; held ones are not among them, and
    queued ones only while nothing else moves."""

    def of(self, state: State) -> int:
        """Return how many images are in one state."""
        return self.states.get(state, 0)


def observe(connection: Connection, archive: str, now: datetime) -> RecordCounts:
    """Return what a scrape shows of one archive; `now` is this machine's time."""
    depth = images.depth(connection, archive)
    alive_since = datetime.fromtimestamp(seconds_of(connection) - ALIVE_S, UTC)
    beats = list(connection.scalars(select(WORKER.c.beat)))
    alive = sum(beat >= alive_since for beat in beats)
    return RecordCounts(
        queue=depth.counts,
        oldest_s=0.0 if depth.oldest is None else max(0.0, (now - depth.oldest).total_seconds()),
        workers_alive=alive,
        workers_dead=len(beats) - alive,
        position=feed.position(connection, archive),
        self_test=constancy.latest(connection, archive),
    )


def troubles(connection: Connection, archive: str, now: datetime) -> Troubles:
    """Return what a person should look at in one archive."""
    cut = now - STUCK_AFTER
    settled = IMAGE.alias()
    lately = select(settled.c.state).where(
        settled.c.archive == archive,
        settled.c.state.in_(sorted(SETTLED)),
        settled.c.settled >= cut,
    )
    moves = indexed.by(lately, settled, "image_by_end").exists()
    waits = select(func.count()).where(
        IMAGE.c.archive == archive,
        IMAGE.c.state.in_(sorted(UNSETTLED)),
        or_(
            and_(IMAGE.c.state == State.READING, IMAGE.c.started < cut),
            and_(IMAGE.c.state == State.QUEUED, IMAGE.c.arrived < cut, ~moves),
        ),
    )
    stuck = connection.scalar(indexed.by(waits, IMAGE, "image_by_state"))
    return Troubles(images.counts(connection, archive), int(stuck or 0))
