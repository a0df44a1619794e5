"""Signing in and out, with a password that hilum keeps."""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from hilum.language import Language, Message
from hilum.records import access, accounts, attempts
from hilum.settings import PageSettings
from hilum.web.context import WebContext
from hilum.web.first_user import is_first_time
from hilum.web.pages import render
from hilum.web.security import is_secure
from hilum.web.sessions import (
    FORM_COOKIE,
    LANGUAGE_COOKIE,
    THEME_COOKIE,
    YEAR_S,
    Anybody,
    Context,
    Theme,
    Viewer,
    Visitor,
    limits,
    note,
    require_own_form,
    session_cookie,
    set_cookie,
)

router: Final = APIRouter(include_in_schema=False)

SEE_OTHER: Final = 303
UNAUTHORIZED: Final = 401
TOO_MANY_REQUESTS: Final = 429

WRONG: Final = Message("User name or password is wrong.")
"""The same for unknown users: who has an account here is nobody's business."""

TOO_MANY: Final = Message("Too many sign-ins failed. Wait {seconds} s, or ask an operator.")

KINDEST_NEXT: Final = "/"


def safe_next(path: str) -> str:
    """Return where to go after signing in: only ever a path of ours."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\", "/login", "/logout"))
    return path if ours and path.isprintable() else KINDEST_NEXT


def device_cookie(settings: PageSettings) -> str:
    """Return the name of the cookie by which a browser is known where somebody has signed in."""
    return "__Host-hilum_device" if is_secure(settings) else "hilum_device"


def address_of(request: Request) -> str:
    """Return where a request comes from; uvicorn believes the trusted proxies alone."""
    return request.client.host if request.client is not None else "unknown"


@router.get("/login")
def ask(request: Request, who: Anybody, context: Context, next: str = "/") -> Response:  # noqa: A002
    """Show the form."""
    if who.role is not None:
        return RedirectResponse(safe_next(next), SEE_OTHER)
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
    page = render(
        request,
        "login.html",
        who,
        status=status,
        csrf=csrf,
        after=after,
        error=error,
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
    next: Annotated[str, Form()] = "/",  # noqa: A002  the form's own name for it
) -> Response:
    """Sign in, or say that user name or password is wrong."""
    after, name = safe_next(next), name.strip()
    try:
        attempt = try_password(request, context, name)
    except attempts.TooManyFailures as exc:
        note_once(request, context, "user.held_off")
        return form(
            request,
            who,
            context,
            after=after,
            error=TOO_MANY.with_values(seconds=exc.wait_s),
            status=TOO_MANY_REQUESTS,
            wait_s=exc.wait_s,
        )
    with context.database.look() as connection:
        kept = accounts.password_hash(connection, name)
        known = accounts.find(connection, name)
    if not accounts.is_password(kept, password):
        # what was typed as a name may be a password: only names that exist are written down
        whom = known.name if known else "nobody"
        note(context, whom, "user.sign_in_failed", address=address_of(request))
        return form(request, who, context, after=after, error=WRONG, status=UNAUTHORIZED)
    with context.database.transaction() as connection:
        attempts.succeeded(connection, attempt)
    return signed_in(request, context, name, after)


def note_once(request: Request, context: WebContext, action: str, **detail: str) -> None:
    """Write a refusal into the audit trail, once for each address and window.

    Anybody can cause it as often as they like, and lines of the trail are never removed.
    """
    place = address_of(request)
    window = int(time.time() // (60 * context.settings.page.login_window_minutes))
    if request.app.state.viewed.add((f"{action} {place}", str(window))):
        note(context, "nobody", action, address=place, **detail)


def try_password(request: Request, context: WebContext, name: str, place: str = "") -> int:
    """Count an attempt to give a user's password; see `attempts.try_to_sign_in`.

    Parameters
    ----------
    request, context, name
        Who is it, from where.
    place
        Where the attempt is counted, if not at the browser or its address.
    """
    page = context.settings.page
    rule = attempts.WaitRule(page.login_failures, timedelta(minutes=page.login_window_minutes))
    device = request.cookies.get(device_cookie(page), "")
    with context.database.transaction() as connection:
        place = place or attempts.place_of(connection, device, name, address_of(request))
        return attempts.try_to_sign_in(connection, name, place, rule, now=datetime.now(UTC))


def signed_in(request: Request, context: WebContext, name: str, after: str) -> Response:
    """Begin a session and go to `after`; a session that this browser had before ends."""
    page = context.settings.page
    now = datetime.now(UTC)
    idle, longest = limits(page)
    before = request.cookies.get(session_cookie(page))
    with context.database.transaction() as connection:
        access.prune_sessions(connection, idle=idle, longest=longest, now=now)
        if before:
            access.end_session(connection, accounts.digest(before))
        secret = access.begin_session(connection, name, now=now)
        known = request.cookies.get(device_cookie(page), "")
        device = attempts.remember_device(connection, known, name, now=now)
    note(context, name.casefold(), "user.signed_in", address=address_of(request))
    answer = RedirectResponse(after, SEE_OTHER)
    set_cookie(answer, session_cookie(page), secret, page, max_age=int(longest.total_seconds()))
    known_s = int(attempts.KNOWN_FOR.total_seconds())
    set_cookie(answer, device_cookie(page), device, page, max_age=known_s, strict=True)
    answer.delete_cookie(FORM_COOKIE)
    return answer


@router.post("/logout")
def sign_out(who: Viewer, context: Context) -> Response:
    """End the session, here and in the database."""
    with context.database.transaction() as connection:
        access.end_session(connection, who.key)
    note(context, who.name, "user.signed_out")
    answer = RedirectResponse("/login", SEE_OTHER)
    answer.delete_cookie(session_cookie(context.settings.page))
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@router.post("/look", dependencies=[Depends(own_form)])
def look(
    context: Context,
    language: Annotated[Language | None, Form()] = None,
    theme: Annotated[Theme | None, Form()] = None,
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Keep language and theme in cookies, also before anybody is signed in."""
    after = next if next == "/login" else safe_next(next)
    answer = RedirectResponse(after, SEE_OTHER)
    if language is not None:
        set_cookie(answer, LANGUAGE_COOKIE, language, context.settings.page, max_age=YEAR_S)
    if theme is not None:
        set_cookie(answer, THEME_COOKIE, theme, context.settings.page, max_age=YEAR_S)
    return answer
