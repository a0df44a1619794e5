"""Users, sessions, tokens and the count of failed sign-ins, on both databases."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from hilum.eligibility import Reason
from hilum.records import Database, access, accounts, images, sign_in_attempts, throughput
from hilum.records.accounts import AccountError, Role
from hilum.records.images import Arrived, Settlement
from hilum.records.sign_in_attempts import KNOWN, TooManyFailures, WaitRule
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
        return sign_in_attempts.try_to_sign_in(
            connection, name, address, WaitRule(3, WINDOW), now=now
        )


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
        with (
            pytest.raises(AccountError, match="No operator would be left"),
            database.transaction() as connection,
        ):
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


def wait_s(database: Database, name: str, address: str, now: datetime = NOW) -> int:
    """Return how long a try has to wait; one that need not is a failure."""
    try:
        attempt(database, name, address, now)
    except TooManyFailures as exc:
        return exc.wait_s
    return 0


def test_attempts_are_counted_by_user_address_and_both(database: Database):
    """3 of one user from one address, 12 from one address, 30 of one user."""
    for _ in range(3):
        attempt(database, "ana", "a")
    assert 1 == wait_s(database, "ANA", "a")
    for n in range(9):
        attempt(database, f"user{n}", "a")
    assert 1 == wait_s(database, "fresh", "a")
    for n in range(27):
        attempt(database, "ana", f"b{n}")
    assert 1 == wait_s(database, "ana", "fresh")

    assert attempt(database, "ana", "a", NOW + WINDOW + timedelta(seconds=1))


def test_the_wait_doubles_up_to_a_minute(database: Database):
    """And a try during the wait makes it no longer."""
    now, waits = NOW, []
    for _ in range(3):
        attempt(database, "ana", "a", now)
    for _ in range(9):
        waits.append(wait_s(database, "ana", "a", now))
        assert waits[-1] == wait_s(database, "ana", "a", now)
        now += timedelta(seconds=waits[-1])
        attempt(database, "ana", "a", now)

    assert [1, 2, 4, 8, 16, 32, 64, 64, 64] == waits


def test_a_known_browser_is_held_up_by_its_own_failures_alone(database: Database):
    """Strangers' failures do not count against it, nor its own against others."""
    add(database, "ana")
    with database.transaction() as connection:
        secret = sign_in_attempts.remember_device(connection, "planted", "Ana", now=NOW)
        same = sign_in_attempts.remember_device(connection, secret, "ben", now=NOW)
    for n in range(40):
        wait_s(database, "ana", f"a{n % 10}")
    with database.look() as connection:
        place = sign_in_attempts.place_of(connection, secret, "ANA", "a1")
        others = sign_in_attempts.place_of(connection, secret, "carla", "a1")

    assert "planted" not in {secret, same}
    assert secret == same
    assert "a1" == others
    assert wait_s(database, "ana", "a1") > 0
    assert [0, 0, 0, 1] == [wait_s(database, "ana", place) for _ in range(4)]
    assert place.startswith(KNOWN)
    assert secret not in place


def test_a_new_password_forgets_known_browsers(database: Database):
    """Whoever knew the old one has none of them."""
    add(database, "ana")
    with database.transaction() as connection:
        secret = sign_in_attempts.remember_device(connection, "", "ana", now=NOW)
        accounts.set_password(connection, "ana", "hash")

        assert "a" == sign_in_attempts.place_of(connection, secret, "ana", "a")


def test_an_unlocked_user_is_held_up_by_no_other_address(database: Database):
    """For a window; each address still has its own limit."""
    add(database, "ana")
    for n in range(40):
        wait_s(database, "ana", f"a{n}")
    before = wait_s(database, "ana", "fresh")
    with database.transaction() as connection:
        sign_in_attempts.unlock(connection, "Ana", now=NOW)
    for n in range(40):
        wait_s(database, "ana", f"a{n}")

    assert before
    assert [0, 0, 0, 1] == [wait_s(database, "ana", "fresh") for _ in range(4)]


def test_a_token_may_do_no_more_than_its_owner(database: Database):
    """Nor live longer."""
    add(database, "ana")
    add(database, "ben")
    with database.transaction() as connection:
        secret = access.add_token(connection, "ris", "ana", Role.READER, expires=None, now=NOW)
        accounts.set_role(connection, "ana", Role.VIEWER)
        lesser = access.token(connection, secret, now=NOW)
        accounts.set_role(connection, "ana", Role.OPERATOR)
        as_made = access.token(connection, secret, now=NOW)
        accounts.remove(connection, "ana")
        accounts.add(connection, "ana", Role.OPERATOR, now=NOW)

        assert lesser is not None
        assert as_made is not None
        assert [Role.VIEWER, Role.READER] == [lesser[0].role, as_made[0].role]
        assert access.token(connection, secret, now=NOW) is None


def test_a_right_password_is_no_failure(database: Database):
    """However often somebody signs in."""
    for _ in range(5):
        number = attempt(database, "ana", "a")
        with database.transaction() as connection:
            sign_in_attempts.succeeded(connection, number)


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


def test_a_password_costs_a_guesser_memory_and_time():
    """The second recommended option of RFC 9106, section 4."""
    assert accounts.hashed("correct horse battery").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


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
