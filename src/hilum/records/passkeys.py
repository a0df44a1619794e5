"""Passkeys of users: public keys that devices sign with, and what is known of each.

Sources
-------
W3C Web Authentication Level 3: 6.1.1 (signature counters), 14.6.1 (user handles say nothing).
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, or_, select
from sqlalchemy.exc import IntegrityError

from hilum.records.accounts import AccountError, new_secret
from hilum.records.tables import PASSKEY

MOST: Final = 20
"""Passkeys of one user."""

LONGEST_TITLE: Final = 60
"""Characters."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of a user."""

    key: str
    """Its credential ID, in base 64."""
    owner: str
    handle: str
    """What the owner's devices know them by: random, the same for all their passkeys."""
    title: str
    """What the owner calls it."""
    host: str
    """Name of the page where it works."""
    credential: bytes
    """ID and public key (attested credential data)."""
    signatures: int
    """How many it has counted; 0: it does not count."""
    created: datetime
    used: datetime | None = None


def key_of(credential_id: bytes) -> str:
    """Return what a passkey is kept under."""
    return base64.urlsafe_b64encode(credential_id).decode().rstrip("=")


def handle_of(owned: Sequence[Passkey]) -> str:
    """Return the handle of the owner of these passkeys; a new one where there are none."""
    return owned[0].handle if owned else new_secret()


def of_user(connection: Connection, name: str) -> list[Passkey]:
    """Return a user's passkeys, the first one first."""
    wanted = select(PASSKEY).where(PASSKEY.c.owner == name.casefold()).order_by(PASSKEY.c.created)
    return [Passkey(**row) for row in connection.execute(wanted).mappings()]


def find(connection: Connection, key: str) -> Passkey | None:
    """Return the passkey of that ID."""
    row = connection.execute(select(PASSKEY).where(PASSKEY.c.key == key)).mappings().first()
    return None if row is None else Passkey(**row)


def are_used(connection: Connection, host: str) -> bool:
    """Return whether anybody has one for the page of that name."""
    wanted = select(PASSKEY.c.key).where(PASSKEY.c.host == host).limit(1)
    return connection.execute(wanted).first() is not None


def add(connection: Connection, passkey: Passkey) -> None:
    """Keep a passkey.

    Raises
    ------
    AccountError
        It is kept already, or its owner has too many or did not say how to call it.
    """
    if not 0 < len(passkey.title) <= LONGEST_TITLE or not passkey.title.isprintable():
        raise AccountError(
            "The name of a passkey has 1 to {longest} characters.",
            "Name it after the device, e.g. Office computer.",
            longest=LONGEST_TITLE,
        )
    if len(of_user(connection, passkey.owner)) >= MOST:
        raise AccountError(
            "You already have {most} passkeys, the maximum.",
            "Remove one that you no longer use.",
            most=MOST,
        )
    try:
        with connection.begin_nested():
            values = {field.name: getattr(passkey, field.name) for field in fields(passkey)}
            connection.execute(PASSKEY.insert().values(values))
    except IntegrityError as exc:
        raise AccountError(
            "This passkey has already been added.", "Use another device, or another security key."
        ) from exc


def used(connection: Connection, key: str, signatures: int, *, now: datetime) -> bool:
    """Record that a passkey signed; return whether it counted on, or does not count at all."""
    counted_on = or_(PASSKEY.c.signatures < signatures, PASSKEY.c.signatures + signatures == 0)
    line = PASSKEY.update().where(PASSKEY.c.key == key, counted_on)
    return connection.execute(line.values(signatures=signatures, used=now)).rowcount == 1


def remove(connection: Connection, owner: str, key: str) -> bool:
    """Remove a user's passkey; return whether there was one."""
    which = (PASSKEY.c.owner == owner, PASSKEY.c.key == key)
    return connection.execute(PASSKEY.delete().where(*which)).rowcount == 1
