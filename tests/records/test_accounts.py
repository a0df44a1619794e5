"""Users, sessions, tokens and the count of failed sign-ins, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hilum.eligibility import Reason
from hilum.records import Database, access, accounts, images, throughput
from hilum.records.accounts import AccountError, Role, TooManyFailures
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from image_names import image_uids

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
HOUR = timedelta(hours=1)


def add(database: Database, name: str, role: Role = Role.OPERATOR) -> None:
    """Add a user without a password."""
    with database.transaction() as connection:
        accounts.add(connection, name, role, now=NOW)


def attempt(database: Database, name: str, address: str, now: datetime = NOW) -> int:
    """Try to sign in."""
    with database.transaction() as connection:
        return access.try_to_sign_in(connection, name, address, limit=3, window=WINDOW, now=now)


def test_a_name_is_taken_once_whatever_its_case(database: Database):
    """And the transaction goes on after the refusal."""
    add(database, "Ana")
    with database.transaction() as connection:
        with pytest.raises(AccountError, match="ana already"):
            accounts.add(connection, "ANA", Role.VIEWER, now=NOW)
        accounts.add(connection, "ben", Role.VIEWER, now=NOW)

    with database.look() as connection:
        assert ["ana", "ben"] == [user.name for user in accounts.users(connection)]


def test_somebody_always_looks_after_users(database: Database):
    """The last operator is neither removed nor made less; nothing is changed then."""
    add(database, "ana")
    add(database, "ben", Role.READER)
    for change in (
        lambda c: accounts.remove(c, "ana"),
        lambda c: accounts.set_role(c, "ana", Role.VIEWER),
    ):
        with pytest.raises(AccountError, match="Nobody"), database.transaction() as connection:
            change(connection)

    with database.look() as connection:
        found = accounts.find(connection, "ana")
        assert found is not None
        assert Role.OPERATOR == found.role


def test_a_session_is_found_by_its_secret_until_it_ends(database: Database):
    """And says when it is time to write down that it is used."""
    add(database, "ana", Role.READER)
    with database.transaction() as connection:
        secret = access.begin_session(connection, "Ana", now=NOW)

    def look(now: datetime, given: str = secret) -> tuple[access.Session, bool] | None:
        with database.look() as connection:
            return access.session(connection, given, idle=HOUR, longest=3 * HOUR, now=now)

    fresh, later = look(NOW), look(NOW + timedelta(minutes=2))
    assert fresh is not None
    assert later is not None
    assert ("ana", Role.READER) == (fresh[0].name, fresh[0].role)
    assert [False, True] == [fresh[1], later[1]]
    assert look(NOW, secret[:-1]) is None
    assert look(NOW + HOUR) is None
    for hours in (1, 2):
        with database.transaction() as connection:
            access.touch(connection, fresh[0].key, now=NOW + hours * HOUR - WINDOW)
    assert look(NOW + 2 * HOUR) is not None
    with database.transaction() as connection:
        access.touch(connection, fresh[0].key, now=NOW + 3 * HOUR)
    assert look(NOW + 3 * HOUR) is None


def test_another_password_ends_all_sessions(database: Database):
    """Whoever had the old one is out."""
    add(database, "ana")
    with database.transaction() as connection:
        secrets = [access.begin_session(connection, "ana", now=NOW) for _ in range(2)]
        accounts.set_password(connection, "ana", "hash")

    with database.look() as connection:
        found = [
            access.session(connection, each, idle=HOUR, longest=HOUR, now=NOW) for each in secrets
        ]
    assert [None, None] == found


def test_attempts_are_counted_by_user_address_and_both(database: Database):
    """3 of one user from one address, 12 from one address, 30 of one user."""
    for _ in range(3):
        attempt(database, "ana", "a")
    with pytest.raises(TooManyFailures):
        attempt(database, "ANA", "a")
    for n in range(9):
        attempt(database, f"user{n}", "a")
    with pytest.raises(TooManyFailures):
        attempt(database, "fresh", "a")
    for n in range(27):
        attempt(database, "ana", f"b{n}")
    with pytest.raises(TooManyFailures):
        attempt(database, "ana", "fresh")

    assert attempt(database, "ana", "a", NOW + WINDOW + timedelta(seconds=1))


def test_a_right_password_is_no_failure(database: Database):
    """However often somebody signs in."""
    for _ in range(5):
        number = attempt(database, "ana", "a")
        with database.transaction() as connection:
            access.succeeded(connection, number)


def test_attempts_at_once_are_counted_one_by_one(database: Database):
    """Guessing in parallel gains nothing."""
    passed, barrier = [], threading.Barrier(8)

    def guess() -> None:
        barrier.wait()
        try:
            passed.append(attempt(database, "ana", "a"))
        except TooManyFailures:
            return

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 3 == len(passed)


def test_a_provider_vouches_for_its_own_user_only(database: Database):
    """The subject counts, not the name."""
    with database.transaction() as connection:
        accounts.provider_user(connection, "issuer|1", "ana", Role.VIEWER, now=NOW)
        again = accounts.provider_user(connection, "issuer|1", "other", Role.READER, now=NOW)
        with pytest.raises(AccountError):
            accounts.provider_user(connection, "issuer|2", "ana", Role.OPERATOR, now=NOW)
        with pytest.raises(AccountError, match="no password here"):
            accounts.set_password(connection, "ana", "hash")

    assert "ana" == again.name


def test_nobodys_password_is_looked_at_like_anybodys():
    """Also one that is too long to be hashed."""
    assert not accounts.is_password("", "anything at all")
    assert not accounts.is_password(accounts.hashed("long enough, surely"), "x" * 5000)


def test_hours_and_refusals_are_counted_by_both_databases(database: Database):
    """At the borders of an hour, too."""
    reason = Reason("not_frontal", "not a frontal view")
    with database.transaction() as connection:
        for n, minutes in enumerate((0, 1, 59, 60, 61, 200)):
            new = Arrived(
                "own", image_uids(f"1.{n}", "1"), f"{n}", None, Urgency.ROUTINE, NOW - 5 * HOUR
            )
            job = images.arrived(connection, new)
            assert job is not None
            images.begin(connection, job, NOW)
            end = Settlement(State.REFUSED, (reason,))
            images.settle(connection, job, end, NOW - timedelta(minutes=minutes))

    with database.look() as connection:
        hours = throughput.per_hour(connection, "own", hours=3, now=NOW + timedelta(minutes=5))
        refused = throughput.refusals(connection, "own", since=NOW - 2 * HOUR)

    assert [(10, 1), (11, 3), (12, 1)] == [(each.begins.hour, each.images) for each in hours]
    assert [5] == [each.images for each in refused]
