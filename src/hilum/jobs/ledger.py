"""What became of each instance, and how far the feed was followed: one SQLite file.

The position advances only in the transaction that writes down what it passed, so that
nothing is skipped and a kill repeats at most what was in work.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hilum.errors import LedgerUnavailable, SettingInvalid
from hilum.jobs.migrations import migrate
from hilum.jobs.states import RETRIED, SETTLED, State
from hilum.private import OWNER_FILE, make_folder
from hilum.verdict import Reason

BUSY_S: Final = 30.0
"""Seconds to wait while another process, such as hilum jobs retry, writes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a feed was followed, as the ledger keeps it."""

    sequence: int = 0
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the work on one instance ended.

    Attributes
    ----------
    state
        One of the settled states.
    sop_instance_uid
        The instance's UID, None when nobody could tell.
    reasons
        Why it was refused or failed; warnings when it was stored.
    results
        SOP Instance UIDs of what was stored for it.
    """

    state: State
    sop_instance_uid: str | None = None
    reasons: tuple[Reason, ...] = ()
    results: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.state not in SETTLED:
            raise ValueError(f"{self.state} is not the end of anything")
        if self.state in {State.REFUSED, State.FAILED} and not self.reasons:
            raise ValueError(f"{self.state} needs a reason")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Attributes
    ----------
    instance_id
        Orthanc's identifier.
    sequence
        Number of the change that announced it.
    attempts
        How often its work was begun since.
    first_seen, settled
        When it arrived here and when its work ended, UTC; None while it goes on.
    """

    instance_id: str
    sop_instance_uid: str | None
    state: State
    reasons: tuple[Reason, ...]
    results: tuple[str, ...]
    sequence: int
    attempts: int
    first_seen: datetime
    settled: datetime | None


COLUMNS: Final = (
    "instance_id, sop_instance_uid, state, reasons, results, sequence, attempts, first_seen, "
    "settled"
)

BEGIN: Final = """
    INSERT INTO instance (pacs, instance_id, state, sequence, attempts, first_seen)
         VALUES (:pacs, :instance_id, 'reading', :sequence, 1, :now)
    ON CONFLICT (pacs, instance_id) DO UPDATE
            SET attempts = CASE WHEN sequence = :sequence THEN attempts + 1 ELSE 1 END,
                state = 'reading', sequence = :sequence, settled = NULL
      RETURNING attempts
"""

SETTLE: Final = """
    UPDATE instance
       SET sop_instance_uid = coalesce(:uid, sop_instance_uid), state = :state,
           reasons = :reasons, results = :results, settled = :now
     WHERE pacs = :pacs AND instance_id = :instance_id
"""

ADVANCE: Final = """
    INSERT INTO feed (pacs, sequence, anchor) VALUES (?, ?, ?)
    ON CONFLICT (pacs) DO UPDATE
            SET sequence = excluded.sequence, anchor = excluded.anchor
"""


def ledger_file(data_folder: Path) -> Path:
    """Return the file of the ledger."""
    return data_folder / "jobs.sqlite"


class Ledger:
    """The ledger of one PACS. For one thread at a time; other processes may open it too.

    Parameters
    ----------
    path
        The SQLite file; made when it is not there.
    pacs
        Which PACS: the same instance in two archives is work in each.

    Raises
    ------
    SettingInvalid
        The file can't be opened, or is not a ledger.
    """

    def __init__(self, path: Path, pacs: str) -> None:
        self._pacs = pacs
        make_folder(path.parent)
        try:
            path.touch(OWNER_FILE)
            self._db = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            migrate(self._db)
        except (OSError, sqlite3.Error) as exc:
            raise SettingInvalid(
                f"The ledger {path} cannot be used: {exc}.",
                "Check its permissions and the room on its disk; to begin anew, move it away.",
            ) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def position(self) -> Mark:
        """Return how far the feed was followed; the start when it never was."""
        row = self._db.execute(
            "SELECT sequence, anchor FROM feed WHERE pacs = ?", (self._pacs,)
        ).fetchone()
        return Mark(*row) if row else Mark()

    def advance(self, mark: Mark) -> None:
        """Write down that everything up to `mark` is dealt with."""
        with self._transaction() as db:
            db.execute(ADVANCE, (self._pacs, mark.sequence, mark.anchor))

    def restart(self) -> None:
        """Forget the feed's numbers: the PACS has another database, which counts anew."""
        with self._transaction() as db:
            db.execute("DELETE FROM feed WHERE pacs = ?", (self._pacs,))
            db.execute("UPDATE instance SET sequence = 0 WHERE pacs = ?", (self._pacs,))

    def begin(self, instance_id: str, sequence: int, *, now: datetime) -> int:
        """Write down that work on an instance begins; return which attempt it is.

        Parameters
        ----------
        instance_id
            Orthanc's identifier.
        sequence
            Number of the change that announced it; attempts are counted for each anew.
        now
            The time.
        """
        values = {"pacs": self._pacs, "instance_id": instance_id, "sequence": sequence}
        with self._transaction() as db:
            row = db.execute(BEGIN, {**values, "now": _text(now)}).fetchone()
        return int(row[0])

    def release(self, instance_id: str) -> None:
        """Take an attempt back that was not the instance's fault; it waits for the next."""
        with self._transaction() as db:
            db.execute(
                "UPDATE instance SET state = 'waiting', attempts = attempts - 1 "
                "WHERE pacs = ? AND instance_id = ?",
                (self._pacs, instance_id),
            )

    def settle(
        self, instance_id: str, end: Settlement, *, now: datetime, mark: Mark | None = None
    ) -> None:
        """Write down how begun work on an instance ended, and how far the feed is with that.

        Parameters
        ----------
        instance_id
            Orthanc's identifier.
        end
            How it ended.
        now
            The time.
        mark
            The feed's new position, written in the same transaction; None leaves it.
        """
        with self._transaction() as db:
            db.execute(
                SETTLE,
                {
                    "pacs": self._pacs,
                    "instance_id": instance_id,
                    "uid": end.sop_instance_uid,
                    "state": end.state,
                    "reasons": json.dumps([(r.code, r.text, r.source) for r in end.reasons]),
                    "results": json.dumps(end.results),
                    "now": _text(now),
                },
            )
            if mark is not None:
                db.execute(ADVANCE, (self._pacs, mark.sequence, mark.anchor))

    def entry(self, identifier: str) -> Entry | None:
        """Return the line of an instance by Orthanc's identifier or SOP Instance UID."""
        row = self._db.execute(
            f"SELECT {COLUMNS} FROM instance "  # noqa: S608  a constant
            "WHERE pacs = :pacs AND (instance_id = :id OR sop_instance_uid = :id)",
            {"pacs": self._pacs, "id": identifier},
        ).fetchone()
        return _entry(row) if row else None

    def entries(self, states: Sequence[State], *, limit: int = -1) -> list[Entry]:
        """Return lines in one of `states`, the newest first; all of them without a limit."""
        marks = ", ".join("?" for _ in states)
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM instance WHERE pacs = ? AND state IN ({marks}) "  # noqa: S608
            "ORDER BY first_seen DESC, rowid DESC LIMIT ?",
            (self._pacs, *states, limit),
        )
        return [_entry(row) for row in rows]

    def counts(self) -> dict[State, int]:
        """Return how many instances are in each state that occurs."""
        rows = self._db.execute(
            "SELECT state, count(*) FROM instance WHERE pacs = ? GROUP BY state", (self._pacs,)
        )
        return {State(state): int(count) for state, count in rows}

    def ask_again(self, instance_ids: Sequence[str]) -> int:
        """Let instances that ended without results wait for a new attempt; return how many."""
        marks = ", ".join("?" for _ in RETRIED)
        with self._transaction() as db:
            return sum(
                db.execute(
                    "UPDATE instance SET state = 'waiting', attempts = 0 "  # noqa: S608
                    f"WHERE pacs = ? AND instance_id = ? AND state IN ({marks})",
                    (self._pacs, instance_id, *sorted(RETRIED)),
                ).rowcount
                for instance_id in instance_ids
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Begin with the right to write, so that two processes never deadlock.

        Raises
        ------
        LedgerUnavailable
            The disk is full, or another process holds the file for long.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        except sqlite3.OperationalError as exc:
            raise LedgerUnavailable(
                f"The ledger cannot be written: {exc}.",
                "Make room on the disk of the data folder; the node goes on by itself.",
            ) from exc


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _entry(row: tuple[str, str | None, str, str, str, int, int, str, str | None]) -> Entry:
    instance_id, uid, state, reasons, results, sequence, attempts, first_seen, settled = row
    return Entry(
        instance_id=instance_id,
        sop_instance_uid=uid,
        state=State(state),
        reasons=tuple(Reason(*reason) for reason in json.loads(reasons)),
        results=tuple(json.loads(results)),
        sequence=sequence,
        attempts=attempts,
        first_seen=datetime.fromisoformat(first_seen),
        settled=datetime.fromisoformat(settled) if settled else None,
    )
