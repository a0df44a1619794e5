"""Sign-ins that fail: whoever fails waits, longer each time, and locks nobody else out.

Failures are counted of a user from an address, of an address, and of a user. A browser in which
that user has signed in before is known by its cookie and counted by itself alone: no stranger's
failures hold it up.

Sources
-------
OWASP, "Slow Down Online Guessing Attacks with Device Cookies"; NIST SP 800-63B-4, 3.2.2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, or_, select, text

from hilum.language import Message
from hilum.records.accounts import AccountError, digest, known, new_secret
from hilum.records.tables import DEVICE, LOGIN_ATTEMPT, USER
from hilum.records.upsert import into

MORE_FROM_ADDRESS: Final = 4
"""Times the failures of one user from one address that an address may have in all."""

MORE_OF_USER: Final = 10
"""Times the same that one user may have from all addresses."""

DOUBLINGS: Final = 6
"""How often the wait doubles, from a second: no longer than 64 seconds."""

KNOWN_FOR: Final = timedelta(days=180)
"""How long a browser stays known after a sign-in."""

KNOWN: Final = "known "
"""What the place of an attempt begins with that is known and is no address."""


class TooManyFailures(AccountError):
    """The user has to wait before the next sign-in attempt.

    Parameters
    ----------
    wait_s
        Seconds, rounded up.
    """

    def __init__(self, wait_s: int) -> None:
        super().__init__(
            Message("Too many sign-ins failed."),
            Message("Wait {seconds} s, or ask an operator.", seconds=wait_s),
        )
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class WaitRule:
    """When a user has to wait."""

    limit: int
    """Failures of one user from one address that cause no wait."""
    window: timedelta
    """How long failures are counted."""


def try_to_sign_in(
    connection: Connection, name: str, place: str, rule: WaitRule, *, now: datetime
) -> int:
    """Write down an attempt before its password is looked at, so that none goes uncounted.

    Parameters
    ----------
    name, place
        Who, from which address; or `KNOWN` and what else is known of them.

    Returns
    -------
    int
        Number of the attempt, for `succeeded`.

    Raises
    ------
    TooManyFailures
        They have to wait; that is no failure itself. The caller still commits.
    """
    if connection.dialect.name == "postgresql":  # else two attempts would not see each other
        connection.execute(text("LOCK TABLE login_attempt IN EXCLUSIVE MODE"))
    table = LOGIN_ATTEMPT.c
    connection.execute(LOGIN_ATTEMPT.delete().where(table.at < now - rule.window))
    user = digest(name.casefold())
    lines = connection.execute(
        select(LOGIN_ATTEMPT).where(or_(table.name == user, table.address == place))
    ).all()
    counted = {
        rule.limit: [each.at for each in lines if (each.name, each.address) == (user, place)]
    }
    if not place.startswith(KNOWN) and not _is_unlocked(connection, name, now - rule.window):
        counted[rule.limit * MORE_FROM_ADDRESS] = [e.at for e in lines if e.address == place]
        counted[rule.limit * MORE_OF_USER] = [
            each.at for each in lines if each.name == user and not each.address.startswith(KNOWN)
        ]
    wait_s = max(_wait_s(times, limit, now) for limit, times in counted.items())
    if wait_s:
        raise TooManyFailures(wait_s)
    made = connection.execute(
        LOGIN_ATTEMPT.insert().values(at=now, name=user, address=place)
    ).inserted_primary_key
    return int(made[0]) if made else 0


def succeeded(connection: Connection, attempt: int) -> None:
    """Remove an attempt from the count: the password was right."""
    connection.execute(LOGIN_ATTEMPT.delete().where(LOGIN_ATTEMPT.c.number == attempt))


def unlock(connection: Connection, name: str, *, now: datetime) -> None:
    """Forget a user's failures; for a window no others' count against them.

    Raises
    ------
    AccountError
        There is no such user.
    """
    user = known(connection, name).name
    connection.execute(USER.update().where(USER.c.name == user).values(unlocked=now))
    connection.execute(LOGIN_ATTEMPT.delete().where(LOGIN_ATTEMPT.c.name == digest(user)))


def remember_device(connection: Connection, secret: str, name: str, *, now: datetime) -> str:
    """Know the browser in which a user has just signed in; return what its cookie says.

    Parameters
    ----------
    secret
        What its cookie says now: kept if it is of ours.
    """
    connection.execute(DEVICE.delete().where(DEVICE.c.seen < now - KNOWN_FOR))
    ours = select(DEVICE.c.key).where(DEVICE.c.key == digest(secret))
    kept = secret if connection.execute(ours).first() else new_secret()
    line = into(connection.dialect.name, DEVICE).values(
        key=digest(kept), name=name.casefold(), seen=now
    )
    connection.execute(
        line.on_conflict_do_update(index_elements=["key", "name"], set_={"seen": now})
    )
    return kept


def place_of(connection: Connection, secret: str, name: str, address: str) -> str:
    """Return where an attempt is counted: at its browser, if that is known, else its address."""
    key = digest(secret)
    there = select(DEVICE.c.key).where(DEVICE.c.key == key, DEVICE.c.name == name.casefold())
    return f"{KNOWN}{key}" if connection.execute(there).first() else address


def _is_unlocked(connection: Connection, name: str, since: datetime) -> bool:
    found = select(USER.c.name).where(USER.c.name == name.casefold(), USER.c.unlocked > since)
    return connection.execute(found).first() is not None


def _wait_s(times: Sequence[datetime], limit: int, now: datetime) -> int:
    """Return how many seconds are still to be waited after so many failures."""
    if len(times) < limit:
        return 0
    whole = 1 << min(len(times) - limit, DOUBLINGS)
    return max(0, math.ceil(whole - (now - max(times)).total_seconds()))
