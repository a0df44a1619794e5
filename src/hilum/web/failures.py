"""Error responses, for people and programs."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from hilum.errors import HilumError, NotInPacs, PacsError
from hilum.language import Message
from hilum.records.accounts import AccountError
from hilum.telemetry.logs import get_log
from hilum.web.pages import render
from hilum.web.security import UNSAFE
from hilum.web.sessions import (
    API,
    ConfirmationNeeded,
    FactorNeeded,
    NotAllowed,
    SignInNeeded,
    Visitor,
    login_address,
    visitor,
)

HTML: Final = "text/html"

TITLES: Final = {
    HTTPStatus.FORBIDDEN: Message("Not allowed"),
    HTTPStatus.NOT_FOUND: Message("Not found"),
    HTTPStatus.CONFLICT: Message("Not possible"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Message("Too large"),
    HTTPStatus.UNPROCESSABLE_ENTITY: Message("Invalid request"),
    HTTPStatus.BAD_GATEWAY: Message("The PACS does not answer"),
    HTTPStatus.SERVICE_UNAVAILABLE: Message("Not available now"),
}

TEXTS: Final = {
    HTTPStatus.NOT_FOUND: Message("There is nothing at this address. It may have been deleted."),
    HTTPStatus.UNPROCESSABLE_ENTITY: Message("A value is missing or invalid."),
    HTTPStatus.BAD_GATEWAY: Message(
        "Results can still be seen; images cannot. hilum resumes by itself once the PACS is back."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: Message(
        "The database cannot be used now. Try again in a minute."
    ),
}

SOMETHING: Final = Message("Something went wrong")
A_FAULT: Final = Message("An internal error occurred. See the log.")

NO_FACTOR: Final = Message("Add a second factor to your account first.")

log = get_log(__name__)


def handle(app: FastAPI) -> None:
    """Let every error end in an answer that says what to do."""
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(ConfirmationNeeded, _confirm)
    app.add_exception_handler(FactorNeeded, _add_factor)
    app.add_exception_handler(NotAllowed, _not_allowed)
    app.add_exception_handler(HilumError, _our_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _fault)


def wants_page(request: Request) -> bool:
    """Return whether a person looks at the answer."""
    path = request.url.path
    return not path.startswith(API) and HTML in request.headers.get("accept", "")


def status_of(error: HilumError) -> HTTPStatus:
    """Return the HTTP status of one of our errors."""
    if isinstance(error, NotInPacs):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, PacsError):
        return HTTPStatus.BAD_GATEWAY
    if isinstance(error, AccountError):
        return HTTPStatus.CONFLICT
    return HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.CONFLICT


async def answer(request: Request, status: int, text: str = "") -> Response:
    """Return an error as a page or as JSON, whichever the asker reads.

    Parameters
    ----------
    text
        What happened and what to do, in English.
    """
    known = HTTPStatus(status)
    said = text or TEXTS.get(known, "")
    if request.url.path.startswith(API):
        return JSONResponse({"detail": said or known.phrase}, status)
    who = await run_in_threadpool(_visitor, request)
    if not wants_page(request):  # a script of the page, which shows what it is told
        return JSONResponse({"detail": who.language.say(said or known.phrase)}, status)
    title = TITLES.get(known, known.phrase if status < HTTPStatus.INTERNAL_SERVER_ERROR else "")
    return render(
        request, "error.html", who, status=status, title=title or SOMETHING, text=said, code=status
    )


def _visitor(request: Request) -> Visitor:
    try:
        return visitor(request)
    except HilumError:  # the database is what fails
        return Visitor("", None, "")


async def _sign_in(request: Request, _: Exception) -> Response:
    if wants_page(request) and request.method in {"GET", "HEAD"}:
        return RedirectResponse(login_address(request), HTTPStatus.SEE_OTHER)
    headers = {"WWW-Authenticate": "Bearer"}
    detail = {"detail": "Sign in first, or send a bearer token."}
    if wants_page(request):
        return RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    return JSONResponse(detail, HTTPStatus.UNAUTHORIZED, headers=headers)


async def _confirm(request: Request, _: Exception) -> Response:
    page = f"/{request.url.path.split('/')[1]}" if request.method in UNSAFE else request.url.path
    return RedirectResponse(f"/confirm?next={quote(page)}", HTTPStatus.SEE_OTHER)


async def _add_factor(request: Request, _: Exception) -> Response:
    if wants_page(request):
        return RedirectResponse("/account/second-factor", HTTPStatus.SEE_OTHER)
    return await answer(request, HTTPStatus.FORBIDDEN, NO_FACTOR)


async def _not_allowed(request: Request, error: Exception) -> Response:
    log.warning("page.not_allowed", method=request.method, route=_route(request))
    message = error.message if isinstance(error, NotAllowed) else ""
    return await answer(request, HTTPStatus.FORBIDDEN, message)


async def _our_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HilumError):
        return await _fault(request, error)
    return await answer(request, status_of(error), error.message)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _fault(request, error)
    known = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    made = await answer(request, error.status_code, known)
    made.headers.update(error.headers or {})
    return made


async def _invalid(request: Request, error: Exception) -> Response:
    if wants_page(request) or not isinstance(error, RequestValidationError):
        return await answer(request, HTTPStatus.UNPROCESSABLE_ENTITY)
    what = [{"loc": list(each["loc"]), "msg": each["msg"]} for each in error.errors()]
    return JSONResponse({"detail": what}, HTTPStatus.UNPROCESSABLE_ENTITY)


async def _fault(request: Request, error: Exception) -> Response:
    log.bug("page.bug", error, method=request.method, route=_route(request))
    return await answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, A_FAULT)


def _route(request: Request) -> str:
    """Return the pattern of the address: the address itself may hold a patient's name."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "unknown"))
