"""The visitor of a request: dependencies of every page and API call."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from hilum.language import ENGLISH, Language, Message, accepted
from hilum.records import access, audit
from hilum.records.accounts import Role
from hilum.records.limits import NO_STUDY, StudyLimits, limits_of
from hilum.settings import PageSettings
from hilum.web.context import WebContext
from hilum.web.security import UNSAFE, carries, is_secure, same_origin

SESSION_COOKIE: Final = "hilum_session"
LANGUAGE_COOKIE: Final = "hilum_language"
THEME_COOKIE: Final = "hilum_theme"
READING_COOKIE: Final = "hilum_reading"
FORM_COOKIE: Final = "hilum_form"
"""Ties a form to the browser before anybody is signed in."""

API: Final = "/api/"
BEARER: Final = "bearer "
OWN: Final = ("/account", "/confirm", "/logout")
"""Beginnings of the addresses where a second factor is added."""

YEAR_S: Final = 365 * 24 * 3600

PAGES: Final = frozenset({"after", "limit", "offset", "includefield", "fuzzymatching"})
"""Parameters of a search that say nothing of what is looked for."""

PART: Final = Message("Your access is limited to some studies, and this is about all of them.")


class Theme(StrEnum):
    """How the page looks; dark as reading rooms are, unless the user chose otherwise."""

    DARK = "dark"
    LIGHT = "light"


class ReadingMode(StrEnum):
    """When a reader is shown what the model says."""

    AIDED = "aided"
    """With the image."""
    UNAIDED = "unaided"
    """After their own review of the image, or when they ask."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and how they want to be answered."""

    name: str
    """The user; empty when nobody is signed in; ``token NAME`` for a program."""
    role: Role | None
    """What they may do; None when nobody is signed in."""
    csrf: str
    """What every form of theirs carries."""
    key: str = ""
    """Hash that names the session; empty when there is none."""
    local: bool = False
    """Whether this user has a password here."""
    confirmed: datetime | None = None
    """When they last showed who they are."""
    factor: bool = False
    """Whether they have a second factor here."""
    limits: StudyLimits | None = NO_STUDY
    """The studies that they see; None: all."""
    language: Language = ENGLISH
    theme: Theme = Theme.DARK
    """What they chose."""
    unaided: bool = False
    """Whether they see the image first: they or the site chose so."""

    def may(self, role: Role | str) -> bool:
        """Return whether they are at least as strong as `role`."""
        return self.role is not None and self.role.may(Role(role))


class SignInNeeded(Exception):
    """Nobody is signed in, or not any more."""


class ConfirmationNeeded(Exception):
    """Somebody is signed in who has to show again who they are before they go on."""


class FactorNeeded(Exception):
    """Somebody is signed in who has to add a second factor before anything else."""


@dataclass(eq=False)
class NotAllowed(Exception):
    """Somebody is signed in who may not do this."""

    message: str
    """Why, in English, marked for translation."""


def whole_context(request: Request) -> WebContext:
    """Return what this application works with, for those who look at no study."""
    context: WebContext = request.app.state.context
    return context


def cookie_name(name: str, settings: PageSettings) -> str:
    """Return a cookie's whole name; browsers take the prefix over TLS alone (RFC 6265bis)."""
    return f"__Host-{name}" if is_secure(settings) else name


def cookie(request: Request, name: str, settings: PageSettings) -> str:
    """Return what one of our cookies says; empty for none."""
    return request.cookies.get(cookie_name(name, settings), "")


def limits(settings: PageSettings) -> tuple[timedelta, timedelta]:
    """Return after how long a session ends: without a request, and at all."""
    return timedelta(minutes=settings.idle_minutes), timedelta(hours=settings.session_hours)


def visitor(request: Request) -> Visitor:
    """Return who asks, signed in or not."""
    context = whole_context(request)
    page = context.settings.page
    language = accepted(
        cookie(request, LANGUAGE_COOKIE, page), request.headers.get("accept-language", "")
    )
    theme = cookie(request, THEME_COOKIE, page)
    unaided = cookie(request, READING_COOKIE, page) == ReadingMode.UNAIDED
    look = {
        "language": language,
        "theme": Theme.LIGHT if theme == Theme.LIGHT else Theme.DARK,
        "unaided": unaided or page.unaided_first,
    }
    nobody = Visitor("", None, cookie(request, FORM_COOKIE, page), **look)  # type: ignore[arg-type]
    now = datetime.now(UTC)
    authorization = request.headers.get("authorization", "")
    if request.url.path.startswith(API) and authorization.casefold().startswith(BEARER):
        return _program(context, authorization[len(BEARER) :].strip(), now) or nobody
    secret = cookie(request, SESSION_COOKIE, page)
    if not secret:
        return nobody
    idle, longest = limits(page)
    with context.database.look() as connection:
        found = access.session(connection, secret, idle=idle, longest=longest, now=now)
    if found is None:
        return nobody
    session, due = found
    if due and not request.url.path.endswith("/live"):  # a page left open is not a person
        with context.database.transaction() as connection:
            access.touch(connection, session.key, now=now)
    return Visitor(
        session.name,
        session.role,
        session.csrf,
        session.key,
        session.local,
        session.confirmed,
        session.factor,
        limits_of(session.role, session.limits, enforced=context.settings.page.limit_studies),
        **look,  # type: ignore[arg-type]
    )


def _program(context: WebContext, secret: str, now: datetime) -> Visitor | None:
    with context.database.look() as connection:
        found = access.token(connection, secret, now=now)
    if found is None:
        return None
    token, due = found
    if due:
        with context.database.transaction() as connection:
            access.touch_token(connection, token.name, now=now)
    enforced = context.settings.page.limit_studies
    limits = limits_of(token.owner_role, token.owner_limits, enforced=enforced)
    return Visitor(f"token {token.name}", token.role, "", limits=limits)


Anybody = Annotated[Visitor, Depends(visitor)]
"""Whoever asks, signed in or not."""


def context_of(request: Request, who: Anybody) -> WebContext:
    """Return what a page works with: its database shows what this visitor may see, and no more."""
    context = whole_context(request)
    operates = who.may(Role.OPERATOR)
    if who.limits is None and operates:
        return context
    return replace(context, database=context.database.limited_to(who.limits, unsilent=not operates))


Context = Annotated[WebContext, Depends(context_of)]


def at_least(
    role: Role, *, confirmed: bool = False, whole: bool = False
) -> Callable[..., Coroutine[Any, Any, Visitor]]:
    """Return the dependency that lets only that role in.

    With `confirmed` only who said lately who they are, with `whole` only who sees every study.

    Requests that change something must come from our own pages and carry the session's
    token; a program's bearer token is not sent by browsers on their own and needs neither.
    """

    async def require(request: Request, who: Anybody) -> Visitor:
        page = whole_context(request).settings.page
        if who.role is None:
            raise SignInNeeded
        if not who.may(role):
            raise NotAllowed(Message("Your role does not allow this. Ask an operator."))
        if whole and who.limits is not None:
            raise NotAllowed(PART)
        if request.method in UNSAFE and who.key:
            await require_own_form(request, who, page)
        alone = who.local and not who.factor and not request.url.path.startswith(OWN)
        if alone and page.second_factor:
            raise FactorNeeded
        if confirmed:
            longest = timedelta(minutes=page.confirm_minutes)
            if who.confirmed is None or who.confirmed < datetime.now(UTC) - longest:
                raise ConfirmationNeeded
        return who

    return require


async def require_own_form(request: Request, who: Visitor, settings: PageSettings) -> None:
    """Raise `NotAllowed` unless the request was made by one of our own forms."""
    if not same_origin(request.headers, settings):
        raise NotAllowed(Message("This request came from another site."))
    if not who.csrf or not await carries(request, who.csrf):
        raise NotAllowed(Message("This form is too old. Go back, reload the page and try again."))


Viewer = Annotated[Visitor, Depends(at_least(Role.VIEWER))]
NodeViewer = Annotated[Visitor, Depends(at_least(Role.VIEWER, whole=True))]
Reader = Annotated[Visitor, Depends(at_least(Role.READER))]
Operator = Annotated[Visitor, Depends(at_least(Role.OPERATOR))]
NodeOperator = Annotated[Visitor, Depends(at_least(Role.OPERATOR, whole=True))]
ConfirmedViewer = Annotated[Visitor, Depends(at_least(Role.VIEWER, confirmed=True))]
ConfirmedOperator = Annotated[Visitor, Depends(at_least(Role.OPERATOR, confirmed=True, whole=True))]


def note(
    context: WebContext, who: str, action: str, *, study: str = "", image: str = "", **detail: Any
) -> None:
    """Add a line to the audit trail: who did what, and to which study."""
    line = audit.AuditEntry(
        datetime.now(UTC),
        who,
        action,
        context.archive if study or image else "",
        study,
        image,
        detail,
    )
    with context.database.transaction() as connection:
        audit.write(connection, line)


def note_search(
    request: Request, context: WebContext, who: Visitor, by: str, asked: Mapping[str, str]
) -> None:
    """Add that somebody searched, and by which attributes, once for the same in a session."""
    given = {name: text for name, text in asked.items() if text and name not in PAGES}
    key = (who.key or who.name, f"search {hash(tuple(sorted(given.items())))}")
    if given and request.app.state.viewed.add(key):
        note(context, who.name, "studies.searched", by=by, attributes=sorted(given))


async def note_async(context: WebContext, who: str, action: str, **facts: Any) -> None:
    """Do the same from a coroutine."""
    await run_in_threadpool(note, context, who, action, **facts)


def set_cookie(
    response: Response,
    name: str,
    value: str,
    settings: PageSettings,
    *,
    max_age: int | None = None,
    strict: bool = False,
) -> None:
    """Set a cookie that no script reads and no other site sends."""
    response.set_cookie(
        cookie_name(name, settings),
        value,
        max_age=max_age,
        path="/",
        secure=is_secure(settings),
        httponly=True,
        samesite="strict" if strict else "lax",
    )


def drop_cookie(response: Response, name: str, settings: PageSettings) -> None:
    """Let a browser forget a cookie; it takes that of a prefixed name with ``Secure`` alone."""
    set_cookie(response, name, "", settings, max_age=0)


def login_address(request: Request) -> str:
    """Return where to sign in, and to come back from."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = "" if here == "/" or request.method in UNSAFE else f"?next={quote(here, safe='/')}"
    return f"/login{back}"
