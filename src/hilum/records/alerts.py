"""Alerts: one for each event and target. What is sent is written down before it is sent.

A process that dies while it sends leaves its alert as *sending*, and nobody sends that again: it
may have arrived. One that a target refused is tried again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, select, update

from hilum.language import Message
from hilum.language.message import packed, unpacked
from hilum.records.rows import as_record
from hilum.records.tables import ALERT
from hilum.records.upsert import unless_there
from hilum.settings.alerts import AlertKind, AlertSettings, target_of


class AlertState(StrEnum):
    """How far an alert is."""

    WAITING = "waiting"
    SENDING = "sending"
    """It is being sent, or was when the process died."""
    SENT = "sent"
    FAILED = "failed"


ALERT_STATES: Final = {
    AlertState.WAITING: Message("waiting"),
    AlertState.SENDING: Message("being sent, or not delivered"),
    AlertState.SENT: Message("sent"),
    AlertState.FAILED: Message("failed"),
}
"""How far an alert is → its words."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """Something that people are told of."""

    kind: AlertKind
    event: str
    """What names it among those of its kind."""
    text: str
    """What happened, as a `Message`; without a patient's identity."""
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One alert to one target."""

    kind: AlertKind
    event: str
    target: str
    """Digest of its address."""
    study_instance_uid: str
    raised: datetime
    state: AlertState
    attempts: int
    text: str


def raise_alert(
    connection: Connection, event: AlertEvent, settings: AlertSettings, now: datetime
) -> None:
    """Write down that each target is to be told; does nothing for what is written down already.

    Call it in the transaction in which the event is written down.
    """
    if event.kind not in settings.kinds:
        return
    for url in settings.urls:
        connection.execute(
            unless_there(connection, ALERT),
            {
                "kind": event.kind,
                "event": event.event,
                "target": target_of(url),
                "study_instance_uid": event.study_instance_uid,
                "text": packed(event.text),
                "raised": now,
                "due": settings.due(event.kind, now),
                "state": AlertState.WAITING,
                "attempts": 0,
            },
        )


def unknown(connection: Connection, events: Iterable[AlertEvent]) -> list[AlertEvent]:
    """Return those of which nobody was told yet: reading needs no turn among the writers."""
    return [
        event
        for event in events
        if connection.execute(
            select(ALERT.c.kind)
            .where(ALERT.c.kind == event.kind, ALERT.c.event == event.event)
            .limit(1)
        ).first()
        is None
    ]


def waiting(connection: Connection, now: datetime) -> list[AlertRecord]:
    """Return what is to be sent now, the oldest first."""
    question = (
        select(ALERT)
        .where(ALERT.c.state == AlertState.WAITING, ALERT.c.due <= now)
        .order_by(ALERT.c.due)
    )
    return [_record(row) for row in connection.execute(question)]


def newest(connection: Connection, *, limit: int) -> list[AlertRecord]:
    """Return the last alerts, the newest first."""
    question = select(ALERT).order_by(ALERT.c.raised.desc(), ALERT.c.target).limit(limit)
    return [_record(row) for row in connection.execute(question)]


def begin(connection: Connection, alert: AlertRecord) -> bool:
    """Write down that an alert is being sent; False when somebody else does already."""
    taken = (
        update(ALERT)
        .where(*_key(alert), ALERT.c.state == AlertState.WAITING)
        .values(state=AlertState.SENDING, attempts=ALERT.c.attempts + 1)
    )
    return connection.execute(taken).rowcount == 1


def end(
    connection: Connection, alert: AlertRecord, state: AlertState, due: datetime | None = None
) -> None:
    """Write down how sending ended, and when it is tried again."""
    values = {"state": state} | ({} if due is None else {"due": due})
    connection.execute(update(ALERT).where(*_key(alert)).values(**values))


def _key(alert: AlertRecord) -> tuple[ColumnElement[bool], ...]:
    return (
        ALERT.c.kind == alert.kind,
        ALERT.c.event == alert.event,
        ALERT.c.target == alert.target,
    )


def _record(row: Row[Any]) -> AlertRecord:
    return as_record(AlertRecord, row, text=unpacked(row.text))
