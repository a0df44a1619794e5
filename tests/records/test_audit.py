"""The audit trail on both databases: it only grows, and it notices what was done to it."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hilum.records import Database, audit
from hilum.records.database import sqlite_url

AT = datetime(2026, 3, 1, 12, 30, 15, 123457, UTC)

LINE = audit.AuditEntry(
    AT, "node@host", "image.read", "own", "1.2.3", "1.2.3.4", {"state": "stored", "seconds": 0.1}
)


def write(database: Database, *lines: audit.AuditEntry) -> list[str]:
    """Write each line in a transaction of its own; return the chain values."""
    chains = []
    for line in lines:
        with database.transaction() as connection:
            chains.append(audit.write(connection, line))
    return chains


def numbered(count: int) -> list[audit.AuditEntry]:
    """Return lines that differ."""
    return [
        replace(LINE, at=AT + timedelta(seconds=n), study_instance_uid=f"1.{n % 3}")
        for n in range(count)
    ]


def unprotected(database: Database, statement: str) -> None:
    """Do what somebody with the database's own rights could: drop the triggers, change lines."""
    with database.transaction() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        else:
            for trigger in ("update", "delete", "replace"):
                connection.execute(text(f"DROP TRIGGER audit_no_{trigger}"))
        connection.execute(text(statement))


def test_line_comes_back_as_it_was_written(database: Database):
    """To the microsecond, with its details."""
    write(database, LINE)

    with database.look() as connection:
        (found,) = audit.lines(connection)
    assert LINE == found.line


def test_time_is_kept_in_utc_whatever_its_offset(database: Database):
    """The same moment gives the same chain."""
    elsewhere = replace(LINE, at=AT.astimezone(timezone(timedelta(hours=-3))))

    assert audit.link("", LINE) == audit.link("", elsewhere)
    write(database, elsewhere)
    with database.look() as connection:
        assert audit.verify(connection).whole


def test_lines_are_found_by_study_and_time_and_number(database: Database, monkeypatch):
    """In the order in which they were written, also when they come in several pages."""
    monkeypatch.setattr(audit, "AT_ONCE", 2)
    written = numbered(7)
    write(database, *written)

    with database.look() as connection:
        assert written == [each.line for each in audit.lines(connection)]
        of_study = [each.line for each in audit.lines(connection, study_instance_uid="1.1")]
        since = [each.line for each in audit.lines(connection, since=written[5].at)]
        newest = [each.line for each in audit.lines(connection, newest=3)]
        assert 7 == audit.count(connection)
    assert [written[1], written[4]] == of_study
    assert written[5:] == since
    assert written[4:] == newest


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE number = 2",
    ],
)
def test_database_turns_changes_away(database: Database, statement: str):
    """Neither a mistake in the program nor a hand at the prompt changes a line."""
    write(database, *numbered(3))

    with pytest.raises(DBAPIError, match="only added to"), database.transaction() as connection:
        connection.execute(text(statement))
    with database.look() as connection:
        assert 3 == audit.verify(connection).lines


def test_replace_is_turned_away(tmp_path: Path):
    """SQLite's REPLACE would delete a line without asking the trigger for deletion."""
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database:
        write(database, LINE)
        replacing = (
            "INSERT OR REPLACE INTO audit SELECT 1, at, 'nobody', action, archive, "
            "study_instance_uid, sop_instance_uid, detail, chain FROM audit"
        )
        with pytest.raises(DBAPIError, match="only added"), database.transaction() as connection:
            connection.execute(text(replacing))


@pytest.mark.parametrize(
    "column", ["at", "actor", "action", "archive", "study_instance_uid", "sop_instance_uid"]
)
def test_changed_line_breaks_the_chain(database: Database, column: str):
    """Every column counts."""
    chains = write(database, *numbered(4))
    value = "1.5" if column == "at" else "'other'"
    unprotected(database, f"UPDATE audit SET {column} = {value} WHERE number = 3")  # noqa: S608

    with database.look() as connection:
        found = audit.verify(connection)
    assert (2, 3, chains[1], False) == (found.lines, found.broken_at, found.last, found.whole)


def test_changed_detail_breaks_the_chain(database: Database):
    """What a line says besides its columns counts, too."""
    write(database, *numbered(2))
    unprotected(database, """UPDATE audit SET detail = '{"state": "failed"}' WHERE number = 1""")

    with database.look() as connection:
        assert 1 == audit.verify(connection).broken_at


def test_missing_line_breaks_the_chain(database: Database):
    """The line after it does not fit."""
    write(database, *numbered(4))
    unprotected(database, "DELETE FROM audit WHERE number = 2")

    with database.look() as connection:
        assert 3 == audit.verify(connection).broken_at


def test_cut_end_is_seen_by_a_value_that_was_kept(database: Database):
    """Nothing in the database shows it: the last chain value, kept elsewhere, does."""
    chains = write(database, *numbered(4))
    unprotected(database, "DELETE FROM audit WHERE number > 2")

    with database.look() as connection:
        assert audit.verify(connection).whole
        assert audit.verify(connection, kept=chains[1]).whole
        assert not audit.verify(connection, kept=chains[3]).whole


def test_concurrent_writers_make_one_chain(database: Database):
    """Several threads write at once; nobody links to a line that another follows already."""
    ready = threading.Barrier(4)

    def many() -> None:
        ready.wait(30)
        write(database, *numbered(10))

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)

    with database.look() as connection:
        found = audit.verify(connection)
    assert (40, True) == (found.lines, found.whole)


def test_line_goes_with_its_transaction(database: Database):
    """What was rolled back did not happen; the chain goes on over the gap."""
    write(database, LINE)
    with database.engine.connect() as connection, connection.begin() as transaction:
        audit.write(connection, LINE)
        transaction.rollback()
    write(database, LINE)

    with database.look() as connection:
        found = audit.verify(connection)
    assert (2, True) == (found.lines, found.whole)


@pytest.mark.parametrize(
    "wrong", [{"at": AT.replace(tzinfo=None)}, {"action": "read"}, {"action": "Image.Read"}]
)
def test_unclear_line_is_a_mistake(database: Database, wrong: dict[str, object]):
    """A time without offset, or an action that is not one, is a fault of the program."""
    with pytest.raises(ValueError, match=r"audit|action"), database.transaction() as connection:
        audit.write(connection, replace(LINE, **wrong))
