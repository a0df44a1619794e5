"""The audit trail: who or what read or looked at which study. Lines are only added.

Each line carries the SHA-256 of itself and of the chain before it, so a line that was
changed, put in between or taken out breaks the chain from there on. Lines that are cut
off at the end leave no gap: whoever fears that keeps the last chain value elsewhere, and
`verify` looks for it. The database itself turns changes away (``schema/0001_initial``).

Sources
-------
NIST SP 800-92, 4.2 (integrity of logs); DICOM PS3.15 A.5 for what is worth a line.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, select, text

from hilum.radiograph import ImageUIDs
from hilum.records.rows import as_record
from hilum.records.tables import AUDIT
from hilum.records.upsert import adding

ONE_AT_A_TIME: Final = 0x617564697400
"""Key of the PostgreSQL advisory lock under which a line is added ("audit")."""

START: Final = ""
"""The chain value before the first line."""

ACTION: Final = re.compile(r"[a-z_]+\.[a-z_]+")
"""A thing and what happened to it, e.g. ``image.read`` or ``user.signed_in``."""

AT_ONCE: Final = 1000
"""Lines that are fetched at a time: a long trail needs no long memory."""

LAST: Final = select(AUDIT.c.chain).order_by(AUDIT.c.number.desc()).limit(1)
"""Asked for each line, hence put together once."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One audited action. Holds no patient's name or ID, nor other text of an image."""

    at: datetime
    """When, with its UTC offset; kept to the microsecond."""
    actor: str
    """``node@host``, a user's name, or ``token NAME``."""
    action: str
    """What happened, e.g. ``image.read``."""
    archive: str = ""
    """Which archive the study is in; empty when it is about none."""
    study_instance_uid: str = ""
    sop_instance_uid: str = ""
    """What it is about; empty when it is about none."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """More, as JSON: states, reason codes, model, counts."""


@dataclass(frozen=True, slots=True)
class StoredAuditEntry:
    """A line as it is in the trail."""

    number: int
    """Its place; a line that was rolled back leaves a gap."""
    line: AuditEntry
    """What it says."""
    chain: str
    """SHA-256 of the line and the chain before it, hexadecimal."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What looking at the whole trail found."""

    lines: int
    """Lines whose chain is whole, from the first on."""
    broken_at: int | None
    """Number of the first line that does not fit; None when all do."""
    last: str
    """Chain value of the last line that fits; empty when there is none."""
    kept_found: bool
    """Whether the chain value that the caller kept is among them."""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing or changed, as far as can be told."""
        return self.broken_at is None and self.kept_found


def write(connection: Connection, line: AuditEntry) -> str:
    """Add a line; return its chain value.

    On PostgreSQL others wait until the caller's transaction ends: write lines last in it.

    Raises
    ------
    ValueError
        Its time has no offset, or its action is not ``thing.happened``.
    """
    if line.at.tzinfo is None:
        raise ValueError("a line of the audit trail needs a time with an offset")
    if not ACTION.fullmatch(line.action):
        raise ValueError(f"{line.action!r} is not an action such as image.read")
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    chain = link(connection.scalar(LAST) or START, line)
    connection.execute(adding(AUDIT), {**asdict(line), "chain": chain})
    return chain


def saw_findings(connection: Connection, archive: str, actor: str, uids: ImageUIDs) -> bool:
    """Return whether somebody was shown what the model says of an image."""
    of_study = (AUDIT.c.study_instance_uid == uids.study_instance_uid, AUDIT.c.archive == archive)
    said = select(AUDIT.c.detail).where(
        *of_study,
        AUDIT.c.actor == actor,
        AUDIT.c.action == "study.viewed",
        AUDIT.c.sop_instance_uid.in_(("", uids.sop_instance_uid)),
    )
    return any(detail.get("findings", True) for detail in connection.scalars(said))


def link(before: str, line: AuditEntry) -> str:
    """Return the chain value of `line` after the chain value `before`."""
    content = [
        before,
        line.at.astimezone(UTC).isoformat(timespec="microseconds"),
        line.actor,
        line.action,
        line.archive,
        line.study_instance_uid,
        line.sop_instance_uid,
        line.detail,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def lines(
    connection: Connection,
    *,
    since: datetime | None = None,
    study_instance_uid: str | None = None,
    newest: int | None = None,
) -> Iterator[StoredAuditEntry]:
    """Yield lines in the order in which they were written.

    Parameters
    ----------
    since
        Leave out what was before.
    newest
        Only so many, the last ones.
    """
    wanted = select(AUDIT)
    if since is not None:
        wanted = wanted.where(AUDIT.c.at >= since)
    if study_instance_uid is not None:
        wanted = wanted.where(AUDIT.c.study_instance_uid == study_instance_uid)
    if newest is not None:
        last = connection.execute(wanted.order_by(AUDIT.c.number.desc()).limit(newest))
        yield from map(_of_row, reversed(last.all()))
        return
    yield from _recorded(connection, wanted)


def following(connection: Connection, number: int, most: int) -> list[StoredAuditEntry]:
    """Return the lines after that number, at most so many."""
    page = select(AUDIT).where(AUDIT.c.number > number).order_by(AUDIT.c.number).limit(most)
    return list(map(_of_row, connection.execute(page)))


def count(connection: Connection) -> int:
    """Return how many lines there are."""
    return connection.scalar(select(func.count()).select_from(AUDIT)) or 0


def verify(connection: Connection, *, kept: str = START) -> Verification:
    """Look at every line and say where the chain breaks.

    Parameters
    ----------
    kept
        A chain value that was written down before; lines cut off at the end are missed
        only if it is among them.
    """
    before, found, seen = START, 0, kept == START
    for each in _recorded(connection, select(AUDIT)):
        if each.chain != link(before, each.line):
            return Verification(found, each.number, before, seen)
        before, found, seen = each.chain, found + 1, seen or each.chain == kept
    return Verification(found, None, before, seen)


def _recorded(connection: Connection, wanted: Select[Any]) -> Iterator[StoredAuditEntry]:
    """Yield the lines by number, some at a time: no cursor stays open between them."""
    after = 0
    while True:
        page = wanted.where(AUDIT.c.number > after).order_by(AUDIT.c.number).limit(AT_ONCE)
        rows = connection.execute(page).all()
        yield from map(_of_row, rows)
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].number


def _of_row(row: Row[Any]) -> StoredAuditEntry:
    return StoredAuditEntry(row.number, as_record(AuditEntry, row), row.chain)
