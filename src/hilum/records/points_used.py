"""Operating points that were put to use, by whom and when: to list them, and to go back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from hilum.records.quality_tables import POINTS_USED
from hilum.records.rows import as_record


@dataclass(frozen=True, slots=True)
class UsedPoints:
    """Operating points that were put to use once."""

    at: datetime
    actor: str
    name: str
    """When, by whom, and what results call them."""
    document: str
    """The whole file; empty for a set of the model's card."""


def add(connection: Connection, used: UsedPoints) -> None:
    """Write down that operating points were put to use."""
    values = {"at": used.at, "actor": used.actor, "name": used.name, "document": used.document}
    connection.execute(POINTS_USED.insert().values(**values))


def history(connection: Connection) -> list[UsedPoints]:
    """Return all that were put to use, the last ones first."""
    rows = connection.execute(select(POINTS_USED).order_by(POINTS_USED.c.number.desc()))
    return [as_record(UsedPoints, row) for row in rows]


def called(connection: Connection, name: str) -> UsedPoints | None:
    """Return the points of that name, as they were last put to use."""
    own = select(POINTS_USED).where(POINTS_USED.c.name == name)
    row = connection.execute(own.order_by(POINTS_USED.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else as_record(UsedPoints, row)


def previous(used: Iterable[UsedPoints], current: str) -> UsedPoints | None:
    """Return what of a `history` was in use before the present ones; None for nothing."""
    return next((each for each in used if each.name != current), None)
