"""Queries of the operations page: images per hour, and why images are refused."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Double, Integer, cast, func, select, type_coerce

from hilum.language.message import unpacked
from hilum.records import indexed
from hilum.records.states import State
from hilum.records.tables import IMAGE

HOUR_S: Final = 3600

COUNTED_MOST: Final = 5000
"""Newest refusals whose reasons are counted: enough to see what a sender does wrong."""

ENDS: Final = (State.STORED, State.REFUSED, State.FAILED)
"""States that count as work done."""


@dataclass(frozen=True, slots=True)
class Hour:
    """What was done in one hour."""

    begins: datetime
    """Its beginning, UTC."""
    ended: dict[State, int]
    """State → images that ended in it."""

    @property
    def images(self) -> int:
        """All of them."""
        return sum(self.ended.values())


@dataclass(frozen=True, slots=True)
class Refusals:
    """A reason for which images were refused."""

    code: str
    """The reason's code."""
    text: str
    """The same in plain words."""
    images: int
    """How many."""


def per_hour(connection: Connection, archive: str, *, hours: int, now: datetime) -> list[Hour]:
    """Return what was done in each of the last hours, the oldest first; the last is not over."""
    last = int(now.timestamp()) // HOUR_S
    first = last - hours + 1
    seconds = type_coerce(IMAGE.c.settled, Double)
    if connection.dialect.name == "postgresql":
        hour: Any = cast(func.floor(seconds / HOUR_S), Integer)
    else:  # SQLite's cast cuts off, and not every SQLite has floor
        hour = cast(seconds / HOUR_S, Integer)
    ended = (
        select(hour, IMAGE.c.state, func.count())
        .where(
            IMAGE.c.archive == archive,
            IMAGE.c.state.in_(ENDS),
            IMAGE.c.settled >= datetime.fromtimestamp(first * HOUR_S, UTC),
        )
        .group_by(hour, IMAGE.c.state)
    )
    rows = connection.execute(indexed.by(ended, IMAGE, "image_by_end")).all()
    made = {
        each: Hour(datetime.fromtimestamp(each * HOUR_S, UTC), {})
        for each in range(first, last + 1)
    }
    for number, state, count in rows:
        if number in made:
            made[number].ended[State(state)] = int(count)
    return list(made.values())


def refusals(connection: Connection, archive: str, *, since: datetime) -> list[Refusals]:
    """Return why images were refused, the most frequent reason first.

    An image with several reasons counts for each; what reads differently is counted apart.
    """
    rows = connection.scalars(
        select(IMAGE.c.reasons)
        .where(IMAGE.c.archive == archive, IMAGE.c.state == State.REFUSED, IMAGE.c.settled >= since)
        .order_by(IMAGE.c.settled.desc())
        .limit(COUNTED_MOST)
    ).all()
    return refusals_in(rows)


def refusals_in(rows: Iterable[Iterable[Sequence[Any]]]) -> list[Refusals]:
    """Count reasons as images hold them, as `refusals` does."""
    counted = Counter((code, unpacked(text)) for reasons in rows for code, text, *_ in reasons)
    return [Refusals(code, text, count) for (code, text), count in counted.most_common()]


def seconds_to_result(
    connection: Connection, archive: str, *, since: datetime, most: int = 1000
) -> list[float]:
    """Return seconds from arrival to stored results of the newest images, sorted."""
    rows = connection.execute(
        select(IMAGE.c.arrived, IMAGE.c.settled)
        .where(IMAGE.c.archive == archive, IMAGE.c.state == State.STORED, IMAGE.c.settled >= since)
        .order_by(IMAGE.c.settled.desc())
        .limit(most)
    ).all()
    return sorted((row.settled - row.arrived) / timedelta(seconds=1) for row in rows)
