"""A user's second factor: codes by time from an app, and recovery codes for when it is lost.

Sources
-------
RFC 6238 (TOTP, with the values that every app knows: SHA-1, 6 digits, 30 s); RFC 4226, 7.3
(throttling, which `attempts` does); OWASP Multifactor Authentication Cheat Sheet.
"""

import base64
import secrets
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import Connection, select

from hilum.records.accounts import AccountError, digest
from hilum.records.tables import USER

RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15
"""Random bytes of a recovery code: 120 bits, 24 letters in base 32, which needs no slow hash."""

DRIFT: Final = (0, -1, 1)
"""Steps of 30 s by which a telephone's clock may differ."""


def new_secret() -> str:
    """Return a secret for an app: 160 random bits in base 32."""
    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """Return what an app reads from a QR code (Key Uri Format)."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="hilum")


def is_on(connection: Connection, name: str) -> bool:
    """Return whether a user signs in with a second factor."""
    return bool(connection.scalar(select(USER.c.totp).where(USER.c.name == name.casefold())))


def is_used(connection: Connection) -> bool:
    """Return whether any user signs in with a second factor."""
    return connection.execute(select(USER.c.name).where(USER.c.totp != "")).first() is not None


def turn_on(
    connection: Connection, name: str, secret: str, code: str, *, now: datetime
) -> list[str]:
    """Keep a secret once a code shows that the app has it; return the recovery codes.

    Raises
    ------
    AccountError
        The code is not the secret's.
    """
    try:
        step = _step(secret, code, now)
    except ValueError:  # the secret is no base 32
        step = None
    if step is None:
        raise AccountError("This code is wrong.", "Check the clock of your telephone.")
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    values = {"totp": secret, "totp_step": step, "recovery": [digest(each) for each in codes]}
    connection.execute(USER.update().where(USER.c.name == name.casefold()).values(**values))
    return ["-".join(each[at : at + 4] for at in range(0, len(each), 4)) for each in codes]


def turn_off(connection: Connection, name: str) -> None:
    """Let a user sign in with a password alone.

    Raises
    ------
    AccountError
        There is no such user.
    """
    values = {"totp": "", "totp_step": 0, "recovery": []}
    found = connection.execute(USER.update().where(USER.c.name == name.casefold()).values(**values))
    if found.rowcount == 0:
        raise AccountError("There is no user {name}.", "See hilum users list.", name=name)


def confirm(connection: Connection, name: str, code: str, *, now: datetime) -> bool:
    """Use up a code of the app, or a recovery code; return whether it was a right one."""
    known = name.casefold()
    row = connection.execute(select(USER).where(USER.c.name == known).with_for_update()).first()
    if row is None or not row.totp:
        return False
    plain = "".join(code.split()).replace("-", "").lower()
    step = _step(row.totp, plain, now)
    if step is not None:  # each code once: nobody uses one that they saw being typed
        used = USER.update().where(USER.c.name == known, USER.c.totp_step < step)
        return connection.execute(used.values(totp_step=step)).rowcount == 1
    left = [each for each in row.recovery if each != digest(plain)]
    connection.execute(USER.update().where(USER.c.name == known).values(recovery=left))
    return len(left) < len(row.recovery)


def _step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step of time that a code is of, None if it is of none that is near."""
    totp = pyotp.TOTP(secret)
    near = (totp.timecode(now) + drift for drift in DRIFT)
    codes = {step: totp.generate_otp(step) for step in near}
    return next((s for s, each in codes.items() if secrets.compare_digest(each, code)), None)
