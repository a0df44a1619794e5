"""Passkeys and second factors as they are kept, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest

from hilum.records import Database, access, accounts, passkeys, second_factor
from hilum.records.accounts import AccountError, Role
from hilum.records.passkeys import Passkey
from hilum.records.sealed import SealingKey, SecretUnreadable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = Passkey("a", "ana", "handle", "Desk", "hilum.lan", b"\x00\xff" * 60, 0, NOW)
LARGEST = 2**32 - 1
"""Of a counter (WebAuthn, 6.1): more than PostgreSQL's INTEGER holds."""


@pytest.fixture
def ana(database: Database) -> Database:
    """Return a database with a user who has one passkey."""
    with database.transaction() as connection:
        accounts.add(connection, "ana", Role.READER, now=NOW)
        passkeys.add(connection, ONE)
    return database


@pytest.mark.parametrize(
    ("kept", "said", "right"),
    [
        *((0, 0, True), (0, 1, True), (7, 8, True), (7, LARGEST, True)),
        *((1, 0, False), (7, 7, False), (7, 6, False), (LARGEST, LARGEST, False)),
        *((LARGEST, 0, False), (LARGEST, 1, False)),
    ],
)
def test_a_counter_goes_on_or_is_none(ana: Database, kept: int, said: int, right: bool):
    """What went back changes nothing."""
    later = NOW + HOUR
    with ana.transaction() as connection:
        passkeys.add(connection, replace(ONE, key="b", signatures=kept))
        assert right == passkeys.used(connection, "b", said, now=later)
        found = passkeys.find(connection, "b")

    assert found is not None
    assert (said, later) == (found.signatures, found.used) or not right
    assert (kept, None) == (found.signatures, found.used) or right


def test_a_passkey_comes_back_as_it_was_kept(ana: Database):
    """Byte for byte, of its owner only, under its own host."""
    with ana.look() as connection:
        assert [ONE] == passkeys.of_user(connection, "ANA")
        assert [] == passkeys.of_user(connection, "ben")
        assert passkeys.are_used(connection, "hilum.lan")
        assert not passkeys.are_used(connection, "localhost")
        assert second_factor.is_used(connection)


def test_a_passkey_is_kept_once_and_the_transaction_goes_on(ana: Database):
    """Whoever comes second is told."""
    with ana.transaction() as connection:
        with pytest.raises(AccountError, match="already been added"):
            passkeys.add(connection, replace(ONE, owner="ben"))
        passkeys.add(connection, replace(ONE, key="b", created=NOW + HOUR))
        assert ["a", "b"] == [each.key for each in passkeys.of_user(connection, "ana")]


def test_a_session_knows_of_passkeys(ana: Database):
    """They count as a second factor until the last one is removed."""
    with ana.transaction() as connection:
        secret = access.begin_session(connection, "ana", now=NOW)
        first = access.session(connection, secret, idle=HOUR, longest=HOUR, now=NOW)
        assert passkeys.remove(connection, "ana", "a")
        assert not passkeys.remove(connection, "ana", "a")
        second = access.session(connection, secret, idle=HOUR, longest=HOUR, now=NOW)

    assert first is not None
    assert second is not None
    assert (True, False) == (first[0].factor, second[0].factor)


def test_recovery_codes_go_with_the_last_factor(ana: Database, tmp_path: Path):
    """Not before: an app that is removed leaves the passkey."""
    key = SealingKey(tmp_path / "key")
    secret = second_factor.new_secret()
    code = pyotp.TOTP(secret).at(NOW)
    with ana.transaction() as connection:
        second_factor.turn_on(connection, "ana", secret, code, key, now=NOW)
        second_factor.turn_off(connection, "ana")
        with_passkey = second_factor.of_user(connection, "ana")
        passkeys.remove(connection, "ana", "a")
        second_factor.forget_idle_codes(connection, "ana")
        alone = second_factor.of_user(connection, "ana")

    assert (False, 1, 10) == (with_passkey.codes, with_passkey.passkeys, with_passkey.recovery)
    assert second_factor.NONE == alone


@pytest.mark.parametrize("text", ["", "AAAA", "not base 64!", "é", "A" * 10_000])
def test_what_was_not_encrypted_here_is_not_read(tmp_path: Path, text: str):
    """Whatever somebody wrote into the database."""
    key = SealingKey(tmp_path / "key")
    key.seal("secret", "ana")

    with pytest.raises(SecretUnreadable):
        key.open(text, "ana")


def test_the_same_secret_is_never_encrypted_alike(tmp_path: Path):
    """So that nobody sees who shares one; the key's file is made once."""
    key = SealingKey(tmp_path / "folder" / "key")
    sealed = {key.seal("secret", "ana") for _ in range(3)}

    assert 3 == len(sealed)
    assert {"secret"} == {key.open(each, "ana") for each in sealed}
