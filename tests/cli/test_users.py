"""``hilum users``: the first operator, tokens, and what the audit trail keeps of it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli.main import main
from hilum.records import Database, access, accounts, audit, passkeys, second_factor
from hilum.records.database import sqlite_url
from hilum.records.passkeys import Passkey
from hilum.web.first_user import ensure_user, password_file

PASSWORD = "four words are enough"  # noqa: S105


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path))


def users(*arguments: str, typed: str = "") -> Result:
    """Run ``hilum users``."""
    return CliRunner().invoke(main, ["users", *arguments], input=typed)


def test_a_user_is_added_with_a_password_that_is_typed_twice(tmp_path: Path):
    """It is not echoed, and opens the account afterwards."""
    added = users("add", "Ana", "--role", "reader", typed=f"{PASSWORD}\n{PASSWORD}\n")
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database, database.look() as look:
        kept = accounts.password_hash(look, "ana")

    assert 0 == added.exit_code, added.output
    assert PASSWORD not in added.output
    assert accounts.is_password(kept, PASSWORD)
    assert "ana                      reader    password        last sign-in never" in (
        users("list").output
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "ana", "--password-stdin"), "There is a user ana already."),
        (("add", "an a", "--password-stdin"), "'an a' cannot be a user's name."),
        (("password", "bob", "--password-stdin"), "There is no user bob."),
        (("remove", "ana"), "No operator would be left to manage users."),
        (("token", "x", "--remove"), "There is no token x."),
        (("token", "x", "--user", "bob"), "There is no user bob."),
        (("unlock", "bob"), "There is no user bob."),
    ],
)
def test_a_mistake_is_said_in_one_line(arguments: tuple[str, ...], said: str):
    """And changes nothing."""
    users("add", "ana", "--role", "operator", "--password-stdin", typed=PASSWORD)
    before = users("list").output

    failed = users(*arguments, typed=PASSWORD)

    assert 1 == failed.exit_code
    assert said in failed.output
    assert before == users("list").output


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("Sh0rt!Pass1", "12 to 1024 characters"),
        ("Password123!", "easy to guess"),
        ("qwertyuiop12", "easy to guess"),
        ("hilumhilumhilum", "easy to guess"),
        ("ana-ana-ana-ana", "easy to guess"),
        ("x" * 1024, "easy to guess"),
        ("", "12 to 1024 characters"),
    ],
)
def test_a_short_or_common_password_is_not_taken(password: str, said: str):
    """Whatever characters are in it."""
    failed = users("add", "ana", "--password-stdin", typed=password)

    assert 1 == failed.exit_code
    assert said in failed.output


def test_a_token_belongs_to_somebody_and_ends_by_default():
    """In 90 days; without an end only where that is asked for."""
    users("add", "ana", "--role", "reader", "--password-stdin", typed=PASSWORD)
    nobodys = users("token", "ris")
    users("token", "ris", "--user", "ana")
    endless = users("token", "pacs", "--user", "Ana", "--days", "0")
    stronger = users("token", "more", "--user", "ana", "--role", "operator")
    lines = [line for line in users("list").output.splitlines() if "token" in line]

    assert 2 == nobodys.exit_code
    assert "--user NAME" in nobodys.output
    assert 0 == endless.exit_code
    assert 1 == stronger.exit_code
    assert "ana has the role reader, and a token cannot have a higher one." in stronger.output
    assert ["of ana, last used never, no expiry" in line for line in lines] == [True, False]


def test_a_lost_second_factor_is_removed():
    """The password stays; nobody is made."""
    users("add", "ana", "--password-stdin", typed=PASSWORD)

    assert "ana signs in with the password alone" in users("reset", "Ana").output
    assert "There is no user bob." in users("reset", "bob").output


def test_passkeys_are_shown_and_reset(tmp_path: Path):
    """With their names and last use; recovery codes go with them."""
    users("add", "ana", "--password-stdin", typed=PASSWORD)
    added = datetime(2026, 11, 26, 8, tzinfo=UTC)
    where = sqlite_url(tmp_path / "hilum.sqlite")
    with Database(where) as database, database.transaction() as connection:
        for key in ("a", "b"):
            made = Passkey(key, "ana", "h", f"Desk {key}", "hilum.lan", b"", 0, added)
            passkeys.add(connection, made)
        second_factor.new_recovery_codes(connection, "ana")
    shown = users("show", "Ana").output
    listed = users("list").output
    reset = users("reset", "ana")

    assert "ana: 2 passkeys" in shown
    assert "Recovery codes left: 10" in shown
    assert "Desk b                   passkey for hilum.lan, added 2026-11-26 08:00 UTC" in shown
    assert "2 passkeys" in listed
    assert 0 == reset.exit_code
    assert "ana: password\nRecovery codes left: 0\n" == users("show", "ana").output
    assert "There is no user bob." in users("show", "bob").output


def test_a_user_is_limited_to_some_studies():
    """It is listed, and said that the setting is not on yet; without options the limits end."""
    users("add", "ana", "--password-stdin", typed=f"{PASSWORD}\n")
    limited = users("limit", "ana", "--institution", "Hospital A", "--institution", "B")

    assert "ana is limited to: institution=b; institution=hospital a." in limited.output
    assert "Nobody is limited until page.limit_studies is set." in limited.output
    assert "limited to institution=b; institution=hospital a" in users("list").output
    users("limit", "ana")
    assert "limited to" not in users("list").output


def test_an_operator_unlocks_a_user():
    """Which changes nothing else."""
    users("add", "ana", "--password-stdin", typed=PASSWORD)

    assert "ana may try again now." in users("unlock", "Ana").output


def test_changes_are_audited_by_the_account_that_made_them(tmp_path: Path):
    """Passwords and tokens are in no line."""
    users("add", "ana", "--role", "operator", "--password-stdin", typed=PASSWORD)
    users("password", "ana", "--password-stdin", typed=PASSWORD[::-1])
    secret = users("token", "ris", "--user", "ana", "--days", "30").output.splitlines()[0]
    users("token", "ris", "--remove")
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database, database.look() as look:
        lines = [each.line for each in audit.lines(look)]

    assert [line.action for line in lines] == [
        "user.added",
        "user.password_changed",
        "token.added",
        "token.removed",
    ]
    assert all(line.actor.endswith("@command line") for line in lines)
    assert secret.startswith("hilum_")
    assert secret not in str(lines)
    assert PASSWORD not in str(lines)


def test_a_token_is_printed_once_and_kept_as_a_hash(tmp_path: Path):
    """Whoever reads the database cannot use it."""
    users("add", "ana", "--role", "operator", "--password-stdin", typed=PASSWORD)
    secret = users("token", "ris", "--user", "ana", "--role", "operator").output.splitlines()[0]
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database, database.look() as look:
        found = access.list_tokens(look)

    assert secret not in users("list").output
    assert ["ris"] == [token.name for token in found]
    assert secret.encode() not in (tmp_path / "hilum.sqlite").read_bytes()


def test_the_first_start_makes_an_operator_whose_password_only_the_owner_reads(tmp_path: Path):
    """The second start changes nothing; once the file is deleted it stays so."""
    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database:
        file = ensure_user(database, tmp_path)
        again = ensure_user(database, tmp_path)
        with database.look() as look:
            kept = accounts.password_hash(look, "admin")

        assert file == again == password_file(tmp_path)
        assert 0o600 == file.stat().st_mode & 0o777
        assert accounts.is_password(kept, file.read_text().strip())
        file.unlink()
        assert ensure_user(database, tmp_path) is None
