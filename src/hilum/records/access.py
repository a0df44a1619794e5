"""Sessions, API tokens and failed sign-ins.

What lets somebody in is never kept itself: sessions and tokens as SHA-256 of 256 random
bits, which needs no slow hash.

Sources
-------
OWASP Session Management Cheat Sheet.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, text
from sqlalchemy.exc import IntegrityError

from hilum.records.accounts import NAME, AccountError, Role, TooManyFailures, digest, new_secret
from hilum.records.tables import LOGIN_ATTEMPT, SESSION, TOKEN, USER

TOKEN_START: Final = "hilum_"  # noqa: S105
"""What a token begins with, so that scanners for leaked secrets know it."""

SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is written down when a session or token was last used."""

MORE_FROM_ADDRESS: Final = 4
"""Times the failures of one user from one address that an address may have in all."""

MORE_OF_USER: Final = 10
"""Times the same that one user may have from all addresses."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a signed-in user."""

    key: str
    """Hash of what the cookie says."""
    name: str
    role: Role
    """Who it is."""
    csrf: str
    """What every form of this session carries."""
    local: bool
    """Whether this user has a password here."""


@dataclass(frozen=True, slots=True)
class Token:
    """An API token; see `User`."""

    name: str
    role: Role
    created: datetime
    expires: datetime | None
    used: datetime | None


def try_to_sign_in(
    connection: Connection,
    name: str,
    address: str,
    *,
    limit: int,
    window: timedelta,
    now: datetime,
) -> int:
    """Write down an attempt before its password is looked at, so that none goes uncounted.

    Parameters
    ----------
    connection
        A transaction of its own.
    name, address
        Who, from where.
    limit
        Failures of one user from one address within `window`.
    window
        How long failures are counted.
    now
        The time.

    Returns
    -------
    int
        Number of the attempt, for `succeeded`.

    Raises
    ------
    TooManyFailures
        There were too many; the caller still commits.
    """
    if connection.dialect.name == "postgresql":  # else two attempts would not see each other
        connection.execute(text("LOCK TABLE login_attempt IN EXCLUSIVE MODE"))
    connection.execute(LOGIN_ATTEMPT.delete().where(LOGIN_ATTEMPT.c.at < now - window))
    user, place = digest(name.casefold()), address
    lines = connection.execute(
        select(LOGIN_ATTEMPT.c.name, LOGIN_ATTEMPT.c.address).where(
            or_(LOGIN_ATTEMPT.c.name == user, LOGIN_ATTEMPT.c.address == place)
        )
    ).all()
    both = sum(line.name == user and line.address == place for line in lines)
    of_user = sum(line.name == user for line in lines)
    from_place = sum(line.address == place for line in lines)
    if both >= limit or from_place >= limit * MORE_FROM_ADDRESS or of_user >= limit * MORE_OF_USER:
        minutes = int(window.total_seconds() // 60)
        raise TooManyFailures(
            "Too many sign-ins failed.", f"Wait {minutes} minutes, or ask an operator."
        )
    made = connection.execute(
        LOGIN_ATTEMPT.insert().values(at=now, name=user, address=place)
    ).inserted_primary_key
    return int(made[0]) if made else 0


def succeeded(connection: Connection, attempt: int) -> None:
    """Remove an attempt from the count: the password was right."""
    connection.execute(LOGIN_ATTEMPT.delete().where(LOGIN_ATTEMPT.c.number == attempt))


def begin_session(connection: Connection, name: str, *, now: datetime) -> str:
    """Sign a user in; return what the cookie says."""
    secret = new_secret()
    known = name.casefold()
    connection.execute(
        SESSION.insert().values(
            key=digest(secret), name=known, csrf=new_secret(), began=now, seen=now
        )
    )
    connection.execute(USER.update().where(USER.c.name == known).values(signed_in=now))
    return secret


def session(
    connection: Connection, secret: str, *, idle: timedelta, longest: timedelta, now: datetime
) -> tuple[Session, bool] | None:
    """Return who is signed in with this cookie, and whether `touch` is due."""
    wanted = (
        select(SESSION, USER.c.role, USER.c.subject)
        .join(USER, USER.c.name == SESSION.c.name)
        .where(
            SESSION.c.key == digest(secret),
            SESSION.c.seen > now - idle,
            SESSION.c.began > now - longest,
        )
    )
    row = connection.execute(wanted).first()
    if row is None:
        return None
    found = Session(row.key, row.name, Role(row.role), row.csrf, row.subject is None)
    return found, row.seen <= now - SEEN_EVERY


def touch(connection: Connection, key: str, *, now: datetime) -> None:
    """Record that a session was used."""
    connection.execute(SESSION.update().where(SESSION.c.key == key).values(seen=now))


def end_session(connection: Connection, key: str) -> None:
    """Sign out."""
    connection.execute(SESSION.delete().where(SESSION.c.key == key))


def prune_sessions(
    connection: Connection, *, idle: timedelta, longest: timedelta, now: datetime
) -> None:
    """Forget sessions that have ended by themselves."""
    connection.execute(
        SESSION.delete().where(or_(SESSION.c.seen <= now - idle, SESSION.c.began <= now - longest))
    )


def add_token(
    connection: Connection, name: str, role: Role, *, expires: datetime | None, now: datetime
) -> str:
    """Create a token and return its secret, which is not stored.

    Raises
    ------
    AccountError
        The name is taken, or is no name.
    """
    if not NAME.fullmatch(name):
        raise AccountError(
            f"{name!r} cannot be a token's name.", "Use letters, digits and . _ @ + - only."
        )
    secret = TOKEN_START + new_secret()
    values = {"name": name, "key": digest(secret), "role": role, "created": now}
    try:
        with connection.begin_nested():
            connection.execute(TOKEN.insert().values(**values, expires=expires))
    except IntegrityError as exc:
        raise AccountError(
            f"There is a token {name} already.", f"Remove it: hilum users token --remove {name}."
        ) from exc
    return secret


def token(connection: Connection, secret: str, *, now: datetime) -> tuple[Token, bool] | None:
    """Return the token with this secret, and whether `touch_token` is due."""
    row = connection.execute(
        select(TOKEN).where(
            TOKEN.c.key == digest(secret), or_(TOKEN.c.expires.is_(None), TOKEN.c.expires > now)
        )
    ).first()
    if row is None:
        return None
    return _token(row), row.used is None or row.used <= now - SEEN_EVERY


def touch_token(connection: Connection, name: str, *, now: datetime) -> None:
    """Record that a token was used."""
    connection.execute(TOKEN.update().where(TOKEN.c.name == name).values(used=now))


def list_tokens(connection: Connection) -> list[Token]:
    """Return all tokens by name."""
    return [_token(row) for row in connection.execute(select(TOKEN).order_by(TOKEN.c.name))]


def revoke_token(connection: Connection, name: str) -> None:
    """Revoke a token.

    Raises
    ------
    AccountError
        There is none of that name.
    """
    if connection.execute(TOKEN.delete().where(TOKEN.c.name == name)).rowcount == 0:
        raise AccountError(f"There is no token {name}.", "See hilum users list.")


def _token(row: Row[Any]) -> Token:
    return Token(row.name, Role(row.role), row.created, row.expires, row.used)
