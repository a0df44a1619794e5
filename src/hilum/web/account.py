"""One's own account: password, codes of an app, sessions; and showing again who one is."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final

import segno
from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from hilum.language import Message
from hilum.records import access, accounts, passkeys, second_factor
from hilum.records.accounts import AccountError
from hilum.web.context import WebContext
from hilum.web.credentials import CredentialsRefused, check_again, factor_key
from hilum.web.login import safe_next, signed_in
from hilum.web.pages import render
from hilum.web.sessions import ConfirmedViewer, Context, NotAllowed, Viewer, Visitor, limits, note
from hilum.web.webauthn import site_of

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/account"
FACTOR: Final = "/account/second-factor"
CONFIRM: Final = "/confirm"

NOT_THE_SAME: Final = Message("The new passwords do not match.")
NOT_LOCAL: Final = Message("Your password is kept by the provider that you signed in with.")

BROWSERS: Final = {
    "Edg": "Edge",
    "OPR": "Opera",
    **{name: name for name in ("Firefox", "Chrome", "Safari", "curl")},
}
SYSTEMS: Final = {
    **{name: name for name in ("Windows", "Android", "iPhone", "iPad")},
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
"""Mark in a ``User-Agent`` → what people call it. The first counts: browsers pose as others."""


def browser_of(agent: str) -> str:
    """Return browser and system of a ``User-Agent``, e.g. "Firefox, Linux"; empty for none."""
    named = (
        next((name for mark, name in names.items() if mark in agent), "")
        for names in (BROWSERS, SYSTEMS)
    )
    return ", ".join(filter(None, named))


def page(
    request: Request, who: Visitor, context: WebContext, *, error: str = "", status: int = 200
) -> Response:
    """Return the page of one's account, with what went wrong."""
    idle, longest = limits(context.settings.page)
    now = datetime.now(UTC)
    site = site_of(request, context.settings.page)
    with context.database.look() as connection:
        sessions = access.open_sessions(connection, who.name, idle=idle, longest=longest, now=now)
        factors = second_factor.of_user(connection, who.name)
        own = passkeys.of_user(connection, who.name)
    return render(
        request,
        "account.html",
        who,
        status=status,
        error=error,
        sessions=sessions,
        factors=factors,
        passkeys=own,
        host=site.host if site else "",
        now=now,
        browser_of=browser_of,
    )


def kept_here(who: Viewer) -> None:
    """Let only users through whose passwords hilum keeps.

    Raises
    ------
    NotAllowed
        A provider keeps it.
    """
    if not who.local:
        raise NotAllowed(NOT_LOCAL)


LOCAL: Final = [Depends(kept_here)]


@router.get(HERE)
def show(request: Request, who: Viewer, context: Context) -> Response:
    """Show it."""
    return page(request, who, context)


@router.post(HERE, dependencies=LOCAL)
def change_password(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: Viewer,
    context: Context,
    present: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
) -> Response:
    """Change it, end all sessions of this user, and begin a new one here."""
    error: str = NOT_THE_SAME if new != again else ""
    try:
        check_again(request, context, who, present, code)
        made = "" if error else accounts.hashed(new, who.name)
    except CredentialsRefused as exc:
        status = exc.status if exc.wait_s else HTTPStatus.UNPROCESSABLE_ENTITY
        return page(request, who, context, error=exc.message, status=status)
    except AccountError as exc:
        error = exc.message
    if error:
        return page(request, who, context, error=error, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    with context.database.transaction() as connection:
        accounts.set_password(connection, who.name, made)
    note(context, who.name, "user.password_changed")
    return signed_in(request, context, who.name, "/")


@router.post(HERE + "/sessions/end")
def end_sessions(
    who: ConfirmedViewer, context: Context, session: Annotated[str, Form()] = ""
) -> Response:
    """Sign out elsewhere: in one browser, or in all but this one."""
    with context.database.transaction() as connection:
        count = access.end_sessions(connection, who.name, key=session, but=who.key)
    note(context, who.name, "user.sessions_ended", count=count)
    return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


@router.get(FACTOR, dependencies=LOCAL)
def show_factor(request: Request, who: ConfirmedViewer) -> Response:
    """Show a new secret for an app."""
    return _offer(request, who, second_factor.new_secret())


def _offer(request: Request, who: Visitor, secret: str, error: str = "") -> Response:
    drawn = segno.make(second_factor.address(secret, who.name), micro=False)
    return render(
        request,
        "second_factor.html",
        who,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else 200,
        secret=secret,
        picture=Markup(drawn.svg_inline(scale=4, dark="#000", light="#fff")),  # noqa: S704  made here
        error=error,
        codes=(),
    )


@router.post(FACTOR, dependencies=LOCAL)
def turn_on(
    request: Request,
    who: ConfirmedViewer,
    context: Context,
    secret: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
) -> Response:
    """Ask for the app's code at each sign-in from now on; show the recovery codes once."""
    now = datetime.now(UTC)
    try:
        with context.database.transaction() as connection:
            key = factor_key(context.settings)
            codes = second_factor.turn_on(connection, who.name, secret, code.strip(), key, now=now)
            access.end_sessions(connection, who.name, but=who.key)
    except AccountError as exc:
        return _offer(request, who, second_factor.new_secret(), exc.message)
    note(context, who.name, "user.second_factor_added")
    return show_codes(request, who, codes)


def show_codes(request: Request, who: Visitor, codes: Sequence[str]) -> Response:
    """Return the page with new recovery codes."""
    return render(request, "second_factor.html", who, codes=codes, error="")


@router.post(HERE + "/recovery", dependencies=LOCAL)
def renew_codes(request: Request, who: ConfirmedViewer, context: Context) -> Response:
    """Replace the recovery codes of who has a second factor."""
    with context.database.transaction() as connection:
        has = second_factor.of_user(connection, who.name)
        codes = second_factor.new_recovery_codes(connection, who.name) if has else []
    if not codes:
        return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)
    note(context, who.name, "user.recovery_codes_renewed")
    return show_codes(request, who, codes)


@router.post(FACTOR + "/off", dependencies=LOCAL)
def turn_off(who: ConfirmedViewer, context: Context) -> Response:
    """Ask for no code of an app any more."""
    with context.database.transaction() as connection:
        second_factor.turn_off(connection, who.name)
    note(context, who.name, "user.second_factor_removed")
    return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


@router.get(CONFIRM)
def ask_again(request: Request, who: Viewer, context: Context, next: str = "/") -> Response:  # noqa: A002
    """Ask for the password again, before something that matters."""
    return confirmation(request, who, context, safe_next(next))


def confirmation(
    request: Request,
    who: Visitor,
    context: WebContext,
    after: str,
    refused: CredentialsRefused | None = None,
) -> Response:
    """Return the page that asks again who somebody is, with what went wrong."""
    with context.database.look() as connection:
        factors = second_factor.of_user(connection, who.name)
    return render(
        request,
        "confirm.html",
        who,
        status=refused.status if refused else 200,
        after=after,
        factors=factors,
        passkeys=factors.passkeys > 0 and site_of(request, context.settings.page) is not None,
        error=refused.message if refused else "",
    )


@router.post(CONFIRM)
def confirm(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: Viewer,
    context: Context,
    present: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002  the form's own name for it
) -> Response:
    """Go on in a new session."""
    after = safe_next(next)
    try:
        check_again(request, context, who, present, code)
    except CredentialsRefused as exc:
        return confirmation(request, who, context, after, exc)
    return signed_in(request, context, who.name, after)
