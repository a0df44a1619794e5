"""What a user has beside the password: codes of an app, passkeys, recovery codes for their loss.

Sources
-------
RFC 6238 (TOTP, with the values that every app knows: SHA-1, 6 digits, 30 s); RFC 4226, 7.3
(throttling, which `attempts` does); OWASP Multifactor Authentication Cheat Sheet.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import Connection, func, or_, select

from hilum.records.accounts import AccountError, digest, known
from hilum.records.sealed import SealingKey
from hilum.records.tables import PASSKEY, USER

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


@dataclass(frozen=True, slots=True)
class Factors:
    """What a user has beside the password."""

    codes: bool
    """Whether an app shows them codes."""
    passkeys: int
    """How many they have."""
    recovery: int
    """Recovery codes that are left."""

    def __bool__(self) -> bool:
        """Return whether the password alone is not enough."""
        return self.codes or self.passkeys > 0


NONE: Final = Factors(codes=False, passkeys=0, recovery=0)


def of_user(connection: Connection, name: str) -> Factors:
    """Return what a user has; nothing for who is unknown."""
    user = name.casefold()
    row = connection.execute(
        select(USER.c.totp, USER.c.recovery).where(USER.c.name == user)
    ).first()
    count = select(func.count()).select_from(PASSKEY).where(PASSKEY.c.owner == user)
    passkeys = connection.scalar(count) or 0
    return NONE if row is None else Factors(bool(row.totp), passkeys, len(row.recovery))


def is_used(connection: Connection) -> bool:
    """Return whether any user types codes when they sign in."""
    users = select(USER.c.name).where(or_(USER.c.totp != "", USER.c.name == PASSKEY.c.owner))
    return connection.execute(users.limit(1)).first() is not None


def sealed_secrets(connection: Connection) -> int:
    """Return how many users have an app, whose secret is kept encrypted."""
    question = select(func.count()).select_from(USER).where(USER.c.totp != "")
    return connection.scalar(question) or 0


def turn_on(
    connection: Connection, name: str, secret: str, code: str, key: SealingKey, *, now: datetime
) -> list[str]:
    """Keep a secret once a code shows that the app has it; return new recovery codes.

    Raises
    ------
    AccountError
        The code is not the secret's, or the secret cannot be encrypted.
    """
    try:
        step = _step(secret, code, now)
    except ValueError:  # the secret is no base 32
        step = None
    if step is None:
        raise AccountError("This code is wrong.", "Check that your phone's clock is right.")
    user = name.casefold()
    values = {"totp": key.seal(secret, user), "totp_step": step}
    connection.execute(USER.update().where(USER.c.name == user).values(**values))
    return new_recovery_codes(connection, user)


def new_recovery_codes(connection: Connection, name: str) -> list[str]:
    """Replace a user's recovery codes; return them, of which only hashes are kept."""
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    kept = [digest(each) for each in codes]
    connection.execute(USER.update().where(USER.c.name == name).values(recovery=kept))
    return ["-".join(each[at : at + 4] for at in range(0, len(each), 4)) for each in codes]


def turn_off(connection: Connection, name: str) -> None:
    """Ask a user for no code of an app any more."""
    values = {"totp": "", "totp_step": 0}
    connection.execute(USER.update().where(USER.c.name == name).values(**values))
    forget_idle_codes(connection, name)


def forget_idle_codes(connection: Connection, name: str) -> None:
    """Forget the recovery codes of a user whose password is enough."""
    if not of_user(connection, name):
        connection.execute(USER.update().where(USER.c.name == name).values(recovery=[]))


def reset(connection: Connection, name: str) -> None:
    """Remove app, passkeys and recovery codes of a user who has lost them.

    Raises
    ------
    AccountError
        There is no such user.
    """
    user = known(connection, name)
    connection.execute(PASSKEY.delete().where(PASSKEY.c.owner == user.name))
    turn_off(connection, user.name)


def confirm(
    connection: Connection, name: str, code: str, key: SealingKey, *, now: datetime
) -> bool:
    """Use up a code of the app, or a recovery code; return whether it was a right one.

    Raises
    ------
    SecretUnreadable
        It is no recovery code, and nobody can say which code the app shows.
    """
    user = name.casefold()
    row = connection.execute(select(USER).where(USER.c.name == user).with_for_update()).first()
    if row is None:
        return False
    plain = "".join(code.split()).replace("-", "").lower()
    left = [each for each in row.recovery if each != digest(plain)]
    if len(left) < len(row.recovery):
        connection.execute(USER.update().where(USER.c.name == user).values(recovery=left))
        return True
    step = _step(key.open(row.totp, user), plain, now) if row.totp else None
    if step is None:
        return False
    # each code once: nobody uses one that they saw being typed
    used = USER.update().where(USER.c.name == user, USER.c.totp_step < step)
    return connection.execute(used.values(totp_step=step)).rowcount == 1


def _step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step of time that a code is of, None if it is of none that is near."""
    totp = pyotp.TOTP(secret)
    near = (totp.timecode(now) + drift for drift in DRIFT)
    codes = {step: totp.generate_otp(step) for step in near}
    return next((s for s, each in codes.items() if secrets.compare_digest(each, code)), None)
