"""Who may sign in: users, their roles, their passwords.

Sources
-------
RFC 9106 (argon2id, second recommended option); OWASP Authentication Cheat Sheet (same
answer and same time for unknown users); NIST SP 800-63B-4, 3.1.1.2 (length, and not a common
one); Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016.
"""

import base64
import hashlib
import re
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import IntegrityError

from hilum.errors import HilumError
from hilum.records.tables import DEVICE, PASSKEY, SESSION, TOKEN, USER

NAME: Final = re.compile(r"[\w.@+-]{1,64}")
"""What a user or token may be called."""

SHORTEST_PASSWORD: Final = 12
"""Characters."""

LONGEST_PASSWORD: Final = 1024
"""Characters: no more is ever hashed."""

LOOKED_AT: Final = 72
"""Characters of it whose strength is estimated."""

LEAST_STRENGTH: Final = 3
"""Of zxcvbn, 0 to 4: more than 10^8 guesses."""

OWN_WORDS: Final = ("hilum", "radiology", "radiologia", "orthanc", "dicom")
"""Words that are easy to guess here."""

SECRET_BYTES: Final = 32
"""Random bytes of a session, a token, a generated password: 256 bits."""

AT_ONCE: Final = 2
"""Passwords that are hashed at a time: each takes 64 MiB (RFC 9106)."""

_HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_HASHING: Final = threading.BoundedSemaphore(AT_ONCE)


def _base64(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


_NOBODY: Final = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_base64(_HASHER.salt_len)}${_base64(_HASHER.hash_len)}"
)
"""A dummy hash that is checked when there is no such user: the answer takes as long."""


class Role(StrEnum):
    """What a user may do; each role includes those before it."""

    VIEWER = "viewer"
    """Look at everything."""
    READER = "reader"
    """Also submit reviews."""
    OPERATOR = "operator"
    """Also retry, upload, and look after users."""

    def may(self, needed: "Role") -> bool:
        """Return whether this role is as strong as `needed`."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class AccountError(HilumError):
    """A user or token cannot be made or changed as was asked."""


@dataclass(frozen=True, slots=True)
class User:
    """A user who may sign in."""

    name: str
    """Casefolded."""
    role: Role
    """What they may do."""
    local: bool
    """Whether hilum keeps a password for them; else the provider of the settings confirms them."""
    created: datetime
    signed_in: datetime | None
    """When; the latter is None before the first time."""
    limits: tuple[str, ...] = ()
    """To which studies; see `hilum.records.limits`."""


def digest(secret: str) -> str:
    """Return what is kept of a session or token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def count(connection: Connection) -> int:
    """Return how many users there are."""
    return connection.scalar(select(func.count()).select_from(USER)) or 0


def users(connection: Connection) -> list[User]:
    """Return all users by name."""
    return [_user(row) for row in connection.execute(select(USER).order_by(USER.c.name))]


def find(connection: Connection, name: str) -> User | None:
    """Return the user of that name."""
    row = connection.execute(select(USER).where(USER.c.name == name.casefold())).first()
    return None if row is None else _user(row)


def hashed(password: str, name: str = "") -> str:
    """Return the argon2id hash of a new password. Takes tens of milliseconds: outside transactions.

    Parameters
    ----------
    name
        Whose it is: no part of a good password.

    Raises
    ------
    AccountError
        It is too short or too long, or easy to guess.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(
            "A password must have {shortest_password} to {longest_password} characters.",
            "Choose a longer one, e.g. four words.",
            shortest_password=SHORTEST_PASSWORD,
            longest_password=LONGEST_PASSWORD,
        )
    from zxcvbn import zxcvbn  # noqa: PLC0415  its lists of words: only a new password needs them

    looked_at = password[:LOOKED_AT]
    if zxcvbn(looked_at, [name, *OWN_WORDS], max_length=LOOKED_AT)["score"] < LEAST_STRENGTH:
        raise AccountError(
            "This password is easy to guess.", "Choose another one, e.g. four unrelated words."
        )
    with _HASHING:
        return _HASHER.hash(password)


def add(
    connection: Connection,
    name: str,
    role: Role,
    *,
    password_hash: str = "",
    subject: str | None = None,
    now: datetime,
) -> User:
    """Add a user, with a password's hash or with the subject that a provider confirms.

    Raises
    ------
    AccountError
        The name is taken, or is no name.
    """
    known = name.casefold()
    if not NAME.fullmatch(known):
        raise AccountError(
            "{name!r} cannot be a user's name.",
            "Use letters, digits and . _ @ + - only.",
            name=name,
        )
    values = {"name": known, "role": role, "password": password_hash, "subject": subject}
    try:
        with connection.begin_nested():
            connection.execute(USER.insert().values(**values, created=now))
    except IntegrityError as exc:
        raise AccountError(
            "There is a user {known} already.",
            "Choose another name, or change that user.",
            known=known,
        ) from exc
    return User(known, role, subject is None, now, None)


def set_password(connection: Connection, name: str, password_hash: str) -> None:
    """Change a local user's password; end all their sessions and know none of their browsers.

    Raises
    ------
    AccountError
        There is no such user, or a provider confirms them.
    """
    user = known(connection, name)
    if not user.local:
        raise AccountError(
            "{name} signs in by OpenID Connect and has no password here.",
            "Change it at the provider.",
            name=user.name,
        )
    connection.execute(USER.update().where(USER.c.name == user.name).values(password=password_hash))
    for table in (SESSION, DEVICE):
        connection.execute(table.delete().where(table.c.name == user.name))


def set_role(connection: Connection, name: str, role: Role) -> None:
    """Change what a user may do; takes effect with their next request.

    Raises
    ------
    AccountError
        There is no such user, or nobody would be left who looks after users.
    """
    user = known(connection, name)
    connection.execute(USER.update().where(USER.c.name == user.name).values(role=role))
    _require_operator(connection)


def set_limits(connection: Connection, name: str, limits: Sequence[str]) -> None:
    """Change to which studies a user is limited; takes effect with their next request.

    Raises
    ------
    AccountError
        There is no such user.
    """
    user = known(connection, name)
    values = {"limits": list(limits)}
    connection.execute(USER.update().where(USER.c.name == user.name).values(**values))


def remove(connection: Connection, name: str) -> None:
    """Remove a user; end all their sessions and revoke their tokens.

    Raises
    ------
    AccountError
        There is no such user, or nobody would be left who looks after users.
    """
    user = known(connection, name)
    for table in (USER, SESSION, DEVICE):
        connection.execute(table.delete().where(table.c.name == user.name))
    for table in (TOKEN, PASSKEY):
        connection.execute(table.delete().where(table.c.owner == user.name))
    _require_operator(connection)


def password_hash(connection: Connection, name: str) -> str:
    """Return a user's password hash; empty when there is none."""
    found = connection.scalar(select(USER.c.password).where(USER.c.name == name.casefold()))
    return found or ""


def is_password(kept: str, password: str) -> bool:
    """Return whether `password` is the one whose hash is `kept`; as slow when there is none."""
    if len(password) > LONGEST_PASSWORD:
        return False
    with _HASHING:
        try:
            return _HASHER.verify(kept or _NOBODY, password) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def provider_user(
    connection: Connection,
    subject: str,
    name: str,
    role: Role,
    *,
    limits: Sequence[str] | None = None,
    now: datetime,
) -> User:
    """Return the user whom a provider confirms, made or brought up to date.

    Parameters
    ----------
    limits
        To which studies; None leaves that to operators.

    Raises
    ------
    AccountError
        Somebody else has that name here.
    """
    row = connection.execute(select(USER).where(USER.c.subject == subject)).first()
    signed_in = row.name if row else add(connection, name, role, subject=subject, now=now).name
    values = {"role": role} | ({} if limits is None else {"limits": list(limits)})
    connection.execute(USER.update().where(USER.c.name == signed_in).values(**values))
    return known(connection, signed_in)


def known(connection: Connection, name: str) -> User:
    """Return the user of that name.

    Raises
    ------
    AccountError
        There is none.
    """
    user = find(connection, name)
    if user is None:
        raise AccountError("There is no user {name}.", "See hilum users list.", name=name)
    return user


def _require_operator(connection: Connection) -> None:
    operators = connection.execute(select(USER.c.name).where(USER.c.role == Role.OPERATOR)).all()
    if not operators:
        raise AccountError(
            "No operator would be left to manage users.", "Make another user operator first."
        )


def _user(row: Row[Any]) -> User:
    local, limits = row.subject is None, tuple(row.limits)
    return User(row.name, Role(row.role), local, row.created, row.signed_in, limits)
