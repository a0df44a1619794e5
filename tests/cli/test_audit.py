"""``hilum audit``: the trail for people."""

import csv
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from hilum.cli import main
from hilum.records import audit
from hilum.records.database import open_database
from hilum.settings import Settings

AT = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)


@pytest.fixture
def chains(tmp_path: Path, monkeypatch) -> list[str]:
    """Write three lines; return their chain values."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    read = audit.AuditEntry(
        AT, "node@host", "image.read", "own", "1.2", "1.2.3", {"state": "stored"}
    )
    seen = audit.AuditEntry(AT + timedelta(days=1), "ana", "study.viewed", "own", "1.9")
    said = audit.AuditEntry(AT + timedelta(days=2), "=HYPERLINK(1)", "user.turned_away")
    with open_database(Settings.load()) as database, database.transaction() as connection:
        return [audit.write(connection, line) for line in (read, seen, said)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


@pytest.mark.usefixtures("chains")
@pytest.mark.parametrize("arguments", [(), ("list",)])
def test_list_shows_who_did_what(arguments):
    """The oldest first, with details; the number of all lines beside it."""
    done = run(*arguments)

    assert "2026-03-01 12:30:15  node@host  image.read  1.2.3  state=stored" in done.stdout
    assert "2026-03-02 12:30:15  ana  study.viewed  1.9\n" in done.stdout
    assert "3 lines in total." in done.stderr


@pytest.mark.usefixtures("chains")
def test_list_can_be_narrowed():
    """By study, by day, by number."""
    assert 1 == len(run("list", "--study", "1.9").stdout.splitlines())
    assert 2 == len(run("list", "--since", "2026-03-02").stdout.splitlines())
    assert "user.turned_away" in run("list", "--limit", "1").stdout


def test_export_as_json_can_be_checked_elsewhere(chains, tmp_path):
    """Each line holds what its chain value was made from."""
    done = run("export", "--json", str(tmp_path / "audit.json"))
    written = [json.loads(line) for line in (tmp_path / "audit.json").read_text().splitlines()]

    assert 0 == done.exit_code
    assert "3 lines were written." in done.stderr
    assert chains == [each["chain"] for each in written]
    before = ""
    for each in written:
        facts = {k: v for k, v in each.items() if k not in {"number", "chain", "at"}}
        line = audit.AuditEntry(datetime.fromisoformat(each["at"]), **facts)
        before = audit.link(before, line)
        assert before == each["chain"]


@pytest.mark.usefixtures("chains")
def test_export_as_csv_runs_nothing_in_a_spreadsheet():
    """A user name that somebody typed into the login is text, not a formula."""
    done = run("export", "--csv", "-")
    rows = list(csv.DictReader(done.stdout.splitlines()))

    assert ["node@host", "ana", "'=HYPERLINK(1)"] == [row["actor"] for row in rows]
    assert {"state": "stored"} == json.loads(rows[0]["detail"])


@pytest.mark.usefixtures("chains")
@pytest.mark.parametrize("arguments", [(), ("--csv", "a", "--json", "b")])
def test_export_needs_one_form(arguments):
    """Neither and both are wrong usage."""
    assert 2 == run("export", *arguments).exit_code


def test_verify_says_that_all_is_there(chains):
    """Status 0, and the value to be written down."""
    done = run("verify")

    assert 0 == done.exit_code
    assert "3 lines, none changed" in done.stdout
    assert chains[-1] in done.stdout
    assert 0 == run("verify", "--kept", chains[1]).exit_code


@pytest.mark.usefixtures("chains")
def test_verify_sees_an_end_that_was_cut_off():
    """By a value that was kept elsewhere."""
    done = run("verify", "--kept", "ab" * 32)

    assert 1 == done.exit_code
    assert "its end was cut off" in done.stdout


@pytest.mark.usefixtures("chains")
def test_verify_sees_a_changed_line():
    """Status 1, with the number of the line."""
    with open_database(Settings.load()) as database, database.transaction() as connection:
        connection.execute(text("DROP TRIGGER audit_no_update"))
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE number = 2"))

    done = run("verify")

    assert 1 == done.exit_code
    assert "broken at line 2" in done.stdout
