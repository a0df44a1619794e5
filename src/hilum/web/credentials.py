"""Checks password and second factor, the same way at sign-in and on the account page."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final

from fastapi import Request

from hilum.language import Message
from hilum.records import accounts, second_factor, sign_in_attempts
from hilum.records.sealed import SealingKey, SecretUnreadable
from hilum.settings import Settings
from hilum.telemetry.logs import get_log
from hilum.web.context import WebContext
from hilum.web.sessions import Visitor, cookie, note

DEVICE_COOKIE: Final = "hilum_device"
"""By which a browser is known where somebody has signed in."""

WRONG: Final = Message("User name or password is wrong.")
"""The same for unknown users: who has an account here is nobody's business."""

WRONG_NOW: Final = Message("The current password is wrong.")
CODE_NEEDED: Final = Message("Also enter the code your app shows now.")
PASSKEY_NEEDED: Final = Message(
    "The password alone is not enough. Use your passkey, or also enter a recovery code."
)
CODE_WRONG: Final = Message("The code is wrong or has already been used. Wait for the next one.")
TOO_MANY: Final = Message("Too many sign-ins failed. Wait {seconds} s, or ask an operator.")


log = get_log(__name__)


@dataclass(eq=False)
class CredentialsRefused(Exception):
    """Somebody did not show who they are."""

    message: str
    """For the person, in English, marked for translation."""
    status: int = HTTPStatus.UNAUTHORIZED
    wait_s: int = 0
    """Seconds until they may try again."""


def address_of(request: Request) -> str:
    """Return where a request comes from; uvicorn believes the trusted proxies alone."""
    return request.client.host if request.client is not None else "unknown"


def factor_key(settings: Settings) -> SealingKey:
    """Return the key under which the secrets of second factors are kept."""
    named = settings.page.second_factor_key_file
    return SealingKey(named or settings.data_folder / "second-factor-key")


def check(request: Request, context: WebContext, name: str, password: str, code: str) -> None:
    """Let somebody go on who gives a user's password, and the second factor where there is one.

    Raises
    ------
    CredentialsRefused
        They have to wait, or something is wrong or missing.
    """
    device = cookie(request, DEVICE_COOKIE, context.settings.page)
    with context.database.look() as connection:
        place = sign_in_attempts.place_of(connection, device, name, address_of(request))
    _check(request, context, (name, password, code), place, WRONG)


def check_again(
    request: Request, context: WebContext, who: Visitor, password: str, code: str
) -> None:
    """Do the same for somebody who is signed in.

    Counted at the session: whoever has stolen one guesses no faster than anybody.

    Raises
    ------
    CredentialsRefused
        As by `check`.
    """
    place = f"{sign_in_attempts.KNOWN}session {who.key}"
    _check(request, context, (who.name, password, code), place, WRONG_NOW)


def _check(
    request: Request, context: WebContext, given: tuple[str, str, str], place: str, wrong: str
) -> None:
    name, password, code = given
    attempt = _count(request, context, name, place)
    with context.database.look() as connection:
        kept = accounts.password_hash(connection, name)
        known = accounts.find(connection, name)
        factors = second_factor.of_user(connection, name)
    # what was typed as a name may be a password: only names that exist are written down
    whom = known.name if known else "nobody"
    if not accounts.is_password(kept, password):
        note(context, whom, "user.sign_in_failed", address=address_of(request))
        raise CredentialsRefused(wrong)
    if factors and code and not _confirm(context, name, code):
        note(context, whom, "user.code_refused", address=address_of(request))
        raise CredentialsRefused(CODE_WRONG)
    with context.database.transaction() as connection:
        sign_in_attempts.succeeded(connection, attempt)
    if factors and not code:
        raise CredentialsRefused(CODE_NEEDED if factors.codes else PASSKEY_NEEDED)


def _confirm(context: WebContext, name: str, code: str) -> bool:
    key = factor_key(context.settings)
    try:
        with context.database.transaction() as connection:
            return second_factor.confirm(connection, name, code, key, now=datetime.now(UTC))
    except SecretUnreadable as exc:
        log.warning("second_factor.unreadable", file=str(key.file))
        raise CredentialsRefused(exc.message) from exc


def _count(request: Request, context: WebContext, name: str, place: str) -> int:
    page = context.settings.page
    rule = sign_in_attempts.WaitRule(
        page.login_failures, timedelta(minutes=page.login_window_minutes)
    )
    try:
        with context.database.transaction() as connection:
            return sign_in_attempts.try_to_sign_in(
                connection, name, place, rule, now=datetime.now(UTC)
            )
    except sign_in_attempts.TooManyFailures as exc:
        note_once(request, context, "user.held_off")
        said = TOO_MANY.with_values(seconds=exc.wait_s)
        raise CredentialsRefused(said, HTTPStatus.TOO_MANY_REQUESTS, exc.wait_s) from exc


def note_once(request: Request, context: WebContext, action: str, **detail: str) -> None:
    """Write a refusal into the audit trail, once for each address and window.

    Anybody can cause it as often as they like, and lines of the trail are never removed.
    """
    place = address_of(request)
    window = int(time.time() // (60 * context.settings.page.login_window_minutes))
    if request.app.state.viewed.add((f"{action} {place}", str(window))):
        note(context, "nobody", action, address=place, **detail)
