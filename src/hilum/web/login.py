"""Signing in and out, with a password that hilum keeps."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from hilum.language import Language
from hilum.records import access, accounts, passkeys, second_factor, sign_in_attempts
from hilum.web.context import WebContext
from hilum.web.credentials import DEVICE_COOKIE, CredentialsRefused, address_of, check
from hilum.web.first_user import is_first_time
from hilum.web.pages import render
from hilum.web.sessions import (
    FORM_COOKIE,
    LANGUAGE_COOKIE,
    READING_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    YEAR_S,
    Anybody,
    Context,
    ReadingMode,
    Theme,
    Viewer,
    Visitor,
    cookie,
    drop_cookie,
    limits,
    note,
    require_own_form,
    set_cookie,
)
from hilum.web.webauthn import site_of

router: Final = APIRouter(include_in_schema=False)

KINDEST_NEXT: Final = "/"


def safe_next(path: str) -> str:
    """Return where to go after signing in: only ever a path of ours."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\", "/login", "/logout"))
    return path if ours and path.isprintable() else KINDEST_NEXT


@router.get("/login")
def ask(request: Request, who: Anybody, context: Context, next: str = "/") -> Response:  # noqa: A002
    """Show the form."""
    if who.role is not None:
        return RedirectResponse(safe_next(next), HTTPStatus.SEE_OTHER)
    return form(request, who, context, after=safe_next(next))


def form(
    request: Request,
    who: Visitor,
    context: WebContext,
    *,
    after: str,
    error: str = "",
    status: int = 200,
    wait_s: int = 0,
) -> Response:
    """Return the sign-in page, with what ties its form to this browser."""
    csrf = who.csrf or accounts.new_secret()
    site = site_of(request, context.settings.page)
    with context.database.look() as connection:
        factor = second_factor.is_used(connection)
        known = site is not None and passkeys.are_used(connection, site.host)
    page = render(
        request,
        "login.html",
        who,
        status=status,
        csrf=csrf,
        after=after,
        error=error,
        factor=factor,
        passkeys=known,
        provider=context.settings.oidc.label if context.settings.oidc.issuer else "",
        first_time=is_first_time(context.database, context.settings.data_folder),
    )
    if wait_s:
        page.headers["Retry-After"] = str(wait_s)
    set_cookie(page, FORM_COOKIE, csrf, context.settings.page, strict=True)
    return page


async def own_form(request: Request, who: Anybody, context: Context) -> None:
    """Let only our own form through."""
    await require_own_form(request, who, context.settings.page)


@router.post("/login", dependencies=[Depends(own_form)])
def sign_in(  # noqa: PLR0917  FastAPI gives them by name
    request: Request,
    who: Anybody,
    context: Context,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    code: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002  the form's own name for it
) -> Response:
    """Sign in, or say that user name or password is wrong."""
    after, name = safe_next(next), name.strip()
    try:
        check(request, context, name, password, code)
    except CredentialsRefused as exc:
        return form(
            request,
            who,
            context,
            after=after,
            error=exc.message,
            status=exc.status,
            wait_s=exc.wait_s,
        )
    return signed_in(request, context, name, after)


def signed_in(
    request: Request, context: WebContext, name: str, after: str, **detail: str
) -> Response:
    """Begin a session and go to `after`; a session that this browser had before ends.

    Parameters
    ----------
    detail
        What the audit trail also says of it.
    """
    page = context.settings.page
    now = datetime.now(UTC)
    idle, longest = limits(page)
    before = cookie(request, SESSION_COOKIE, page)
    with context.database.transaction() as connection:
        access.prune_sessions(connection, idle=idle, longest=longest, now=now)
        if before:
            access.end_session(connection, accounts.digest(before))
        agent = request.headers.get("user-agent", "")
        secret = access.begin_session(
            connection, name, now=now, address=address_of(request), agent=agent
        )
        known = cookie(request, DEVICE_COOKIE, page)
        device = sign_in_attempts.remember_device(connection, known, name, now=now)
    note(context, name.casefold(), "user.signed_in", address=address_of(request), **detail)
    answer = RedirectResponse(after, HTTPStatus.SEE_OTHER)
    set_cookie(answer, SESSION_COOKIE, secret, page, max_age=int(longest.total_seconds()))
    known_s = int(sign_in_attempts.KNOWN_FOR.total_seconds())
    set_cookie(answer, DEVICE_COOKIE, device, page, max_age=known_s, strict=True)
    drop_cookie(answer, FORM_COOKIE, page)
    return answer


@router.post("/logout")
def sign_out(who: Viewer, context: Context) -> Response:
    """End the session, here and in the database."""
    with context.database.transaction() as connection:
        access.end_session(connection, who.key)
    note(context, who.name, "user.signed_out")
    answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    drop_cookie(answer, SESSION_COOKIE, context.settings.page)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.post("/look", dependencies=[Depends(own_form)])
def look(
    context: Context,
    language: Annotated[Language | None, Form()] = None,
    theme: Annotated[Theme | None, Form()] = None,
    reading: Annotated[ReadingMode | None, Form()] = None,
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Keep language, theme and reading mode in cookies, also before anybody is signed in."""
    after = next if next == "/login" else safe_next(next)
    answer = RedirectResponse(after, HTTPStatus.SEE_OTHER)
    chosen = {LANGUAGE_COOKIE: language, THEME_COOKIE: theme, READING_COOKIE: reading}
    for name, value in chosen.items():
        if value is not None:
            set_cookie(answer, name, value, context.settings.page, max_age=YEAR_S)
    return answer
