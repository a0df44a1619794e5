"""Sessions and API tokens.

What lets somebody in is never kept itself: sessions and tokens as SHA-256 of 256 random
bits, which needs no slow hash.

Sources
-------
OWASP Session Management Cheat Sheet.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select
from sqlalchemy.exc import IntegrityError

from hilum.records.accounts import NAME, AccountError, Role, digest, known, new_secret
from hilum.records.tables import PASSKEY, SESSION, TOKEN, USER

TOKEN_START: Final = "hilum_"  # noqa: S105
"""What a token begins with, so that scanners for leaked secrets know it."""

LONGEST_AGENT: Final = 300
"""Characters of a ``User-Agent`` that are kept."""

SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is written down when a session or token was last used."""


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
    confirmed: datetime | None
    """When they last showed who they are."""
    factor: bool
    """Whether they have a second factor: an app or a passkey."""
    limits: tuple[str, ...] = ()
    """To which studies they are limited."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its user sees it."""

    key: str
    address: str
    """Where it began."""
    agent: str
    """Browser and system, as they say it."""
    began: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """An API token; see `User`. It may do what its role and its owner's allow."""

    name: str
    owner: str
    role: Role
    created: datetime
    expires: datetime | None
    used: datetime | None
    owner_role: Role = Role.VIEWER
    owner_limits: tuple[str, ...] = ()
    """What the owner may do, and to which studies they are limited; known of one that is used."""


def begin_session(
    connection: Connection, name: str, *, now: datetime, address: str = "", agent: str = ""
) -> str:
    """Sign a user in, from an address, with a browser; return what the cookie says."""
    secret = new_secret()
    user = name.casefold()
    connection.execute(
        SESSION.insert().values(
            key=digest(secret),
            name=user,
            csrf=new_secret(),
            began=now,
            seen=now,
            confirmed=now,
            address=address,
            agent=agent[:LONGEST_AGENT],
        )
    )
    connection.execute(USER.update().where(USER.c.name == user).values(signed_in=now))
    return secret


def session(
    connection: Connection, secret: str, *, idle: timedelta, longest: timedelta, now: datetime
) -> tuple[Session, bool] | None:
    """Return who is signed in with this cookie, and whether `touch` is due."""
    passkey = select(PASSKEY.c.key).where(PASSKEY.c.owner == USER.c.name).exists()
    factor = or_(USER.c.totp != "", passkey).label("factor")
    wanted = (
        select(SESSION, USER.c.role, USER.c.subject, USER.c.limits, factor)
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
    local = row.subject is None
    role, limits = Role(row.role), tuple(row.limits)
    factor_on = bool(row.factor)
    found = Session(row.key, row.name, role, row.csrf, local, row.confirmed, factor_on, limits)
    return found, row.seen <= now - SEEN_EVERY


def open_sessions(
    connection: Connection, name: str, *, idle: timedelta, longest: timedelta, now: datetime
) -> list[OpenSession]:
    """Return a user's sessions that have not ended, the one that was used last first."""
    wanted = (
        select(*(SESSION.c[field.name] for field in fields(OpenSession)))
        .where(SESSION.c.name == name, SESSION.c.seen > now - idle, SESSION.c.began > now - longest)
        .order_by(SESSION.c.seen.desc())
    )
    return [OpenSession(**row) for row in connection.execute(wanted).mappings()]


def end_sessions(connection: Connection, name: str, *, key: str = "", but: str = "") -> int:
    """End a user's session of that key, or all but one; return how many there were."""
    which = SESSION.c.key == key if key else SESSION.c.key != but
    return connection.execute(SESSION.delete().where(SESSION.c.name == name, which)).rowcount


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
    connection: Connection,
    name: str,
    owner: str,
    role: Role,
    *,
    expires: datetime | None,
    now: datetime,
) -> str:
    """Create a token of a user and return its secret, which is not stored.

    Raises
    ------
    AccountError
        The name is taken, or is no name; there is no such user, or they may not do that much.
    """
    if not NAME.fullmatch(name):
        raise AccountError(
            "{name!r} cannot be a token's name.",
            "Use letters, digits and . _ @ + - only.",
            name=name,
        )
    user = known(connection, owner)
    if not user.role.may(role):
        raise AccountError(
            "{name} has the role {role}, and a token cannot have a higher one.",
            "Choose a lower role.",
            name=user.name,
            role=user.role,
        )
    secret = TOKEN_START + new_secret()
    values = {"name": name, "owner": user.name, "key": digest(secret), "role": role}
    try:
        with connection.begin_nested():
            connection.execute(TOKEN.insert().values(**values, created=now, expires=expires))
    except IntegrityError as exc:
        raise AccountError(
            "There is a token {name} already.",
            "Remove it: hilum users token --remove {name}.",
            name=name,
        ) from exc
    return secret


def token(connection: Connection, secret: str, *, now: datetime) -> tuple[Token, bool] | None:
    """Return the token with this secret, and whether `touch_token` is due.

    Its role is the lesser one of its own and its owner's.
    """
    row = connection.execute(
        select(TOKEN, USER.c.role.label("most"), USER.c.limits)
        .join(USER, USER.c.name == TOKEN.c.owner)
        .where(TOKEN.c.key == digest(secret), or_(TOKEN.c.expires.is_(None), TOKEN.c.expires > now))
    ).first()
    if row is None:
        return None
    found, most = _token(row), Role(row.most)
    role = found.role if most.may(found.role) else most
    found = replace(found, role=role, owner_role=most, owner_limits=tuple(row.limits))
    return found, row.used is None or row.used <= now - SEEN_EVERY


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
        raise AccountError("There is no token {name}.", "See hilum users list.", name=name)


def _token(row: Row[Any]) -> Token:
    return Token(row.name, row.owner, Role(row.role), row.created, row.expires, row.used)
