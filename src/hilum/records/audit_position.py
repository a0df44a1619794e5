"""How far the audit trail was sent to another system; it moves on after the lines arrived."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from hilum.records import audit
from hilum.records.audit import StoredAuditEntry
from hilum.records.tables import AUDIT, AUDIT_SENT
from hilum.records.upsert import unless_there

THE_ONE: Final = 1
"""There is one repository; another address goes on where the one before stopped."""

SENT: Final = select(AUDIT_SENT.c.line)


def begin(connection: Connection) -> None:
    """Begin with the next line, unless lines were sent before: then go on after those."""
    last = connection.scalar(select(func.max(AUDIT.c.number))) or 0
    connection.execute(unless_there(connection, AUDIT_SENT), {"number": THE_ONE, "line": last})


def move(connection: Connection, number: int) -> None:
    """Write down that all lines up to this one arrived."""
    connection.execute(AUDIT_SENT.update().values(line=number))


def following(connection: Connection, most: int) -> list[StoredAuditEntry]:
    """Return the next lines to send, at most so many; none before `begin`."""
    sent = connection.scalar(SENT)
    return [] if sent is None else audit.following(connection, sent, most)


def oldest(connection: Connection) -> datetime | None:
    """Return when the first line that waits was written; None where none waits."""
    sent = connection.scalar(SENT)
    found: datetime | None = connection.scalar(
        select(func.min(AUDIT.c.at)).where(AUDIT.c.number > sent)
    )
    return found


def waiting(connection: Connection) -> int:
    """Return how many lines wait; none before `begin`."""
    sent = connection.scalar(SENT)
    if sent is None:
        return 0
    return connection.scalar(select(func.count()).where(AUDIT.c.number > sent)) or 0
