"""Security headers, body limits and protection against cross-site requests.

Sources
-------
OWASP Secure Headers Project; OWASP CSRF Prevention Cheat Sheet (synchronizer token, and
verifying the origin); W3C CSP 3; W3C Fetch Metadata.
"""

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hilum import PRODUCT, __version__
from hilum.settings import PageSettings
from hilum.values.control_characters import UNSAFE as UNSAFE_TEXT

PAGE_POLICY: Final = (
    "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content Security Policy of our own pages: nothing inline, nothing from elsewhere."""

OHIF_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)
"""OHIF compiles its codecs (WebAssembly) and styles at run time; it too calls nobody else."""

ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}

HSTS: Final = "max-age=31536000"
"""A year; without subdomains, which are not ours to speak for."""

SMALL_BODY: Final = 1024 * 1024
"""Bytes of a form or a JSON document; only uploads are larger."""

UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"


def is_secure(settings: PageSettings) -> bool:
    """Return whether people reach the page over TLS: then cookies go over nothing else."""
    public = settings.public_url or ""
    return settings.certificate is not None or public.startswith("https://")


PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked under any name: monitoring knows this machine by names of its own."""

PRIVATE_NAMES: Final = (".local", ".lan", ".internal", ".intranet", ".home.arpa", ".localhost")
"""Ends of names that nobody can register (RFC 6762, RFC 8375, ICANN's .internal)."""

KEPT_BY_BROWSERS: Final = ("/static/", "/ohif/")
"""Beginnings of the addresses where no patient is: programs, styles, letters."""


def is_our_name(host: str, settings: PageSettings) -> bool:
    """Return whether a ``Host`` may be ours, so that no other site's name leads here.

    Addresses, names without a dot, names of private networks and this machine's own always may:
    nobody outside can let a name of theirs point here then (DNS rebinding).
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:  # brackets around what is no address
        return False
    public = urlsplit(settings.public_url or "").hostname
    if "." not in name or name.endswith(PRIVATE_NAMES):
        return True
    ours = {public, socket.gethostname().casefold(), *settings.allowed_hosts}
    return name in ours or is_address(name)


def is_address(name: str) -> bool:
    """Return whether it is an IP address, not a name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class RequestGate:
    """Turns away requests for another host, and those whose address nobody types."""

    def __init__(self, app: ASGIApp, settings: PageSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._refused(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        path = scope["path"]
        if UNSAFE_TEXT.search(path):
            return JSONResponse(
                {"detail": "There is nothing at this address."}, HTTPStatus.NOT_FOUND
            )
        host = Headers(scope=scope).get("host", "").casefold()
        if path in PROBES or is_our_name(host, self._settings):
            return None
        detail = (
            "hilum does not answer to this host name. "
            "Add it to page.allowed_hosts, or set page.public_url."
        )
        return JSONResponse({"detail": detail}, HTTPStatus.MISDIRECTED_REQUEST)


class SafeApp(FastAPI):
    """An application whose every answer, that to a fault too, has the headers above.

    Parameters
    ----------
    page
        Names of this host, and whether it speaks TLS.
    uploads
        Beginning of an address that takes files → bytes of a file.
    more
        FastAPI's own.
    """

    def __init__(self, page: PageSettings, uploads: Mapping[str, int], **more: Any) -> None:
        self._page = page
        self._uploads = uploads
        super().__init__(
            redirect_slashes=False,
            title=PRODUCT,
            version=__version__,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            **more,
        )

    def build_middleware_stack(self) -> ASGIApp:
        """Put what holds for every request around Starlette's own answer to faults, too."""
        within = BodyLimit(super().build_middleware_stack(), self._uploads)
        return SecurityHeaders(RequestGate(within, self._page), secure=is_secure(self._page))


class SecurityHeaders:
    """Adds the headers above to every answer; pages are never kept by browser or proxy.

    Parameters
    ----------
    secure
        Whether people reach it over TLS.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = OHIF_POLICY if scope["path"].startswith("/ohif/") else PAGE_POLICY

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", policy)
                if not scope["path"].startswith(KEPT_BY_BROWSERS):
                    headers["Cache-Control"] = "no-store"
                headers.setdefault("Cache-Control", "no-store")
                if self._secure:
                    headers["Strict-Transport-Security"] = HSTS
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """Reads no more of a request than its address may take, before anybody knows who asks.

    Parameters
    ----------
    uploads
        Beginning of an address that takes files → their bytes at most. These addresses look at
        who asks before they read.
    """

    def __init__(self, app: ASGIApp, uploads: Mapping[str, int]) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        most = next((m for start, m in self._uploads.items() if path.startswith(start)), 0)
        limit = most + SMALL_BODY  # the form around the file, too
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > limit:
            answer = JSONResponse(
                {"detail": "This request is too large."}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
            await answer(scope, receive, send)
            return
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:  # sent in chunks, without saying how much
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, receive_some, send)


def same_origin(headers: Headers, settings: PageSettings) -> bool:
    """Return whether a request comes from our own pages, as far as the browser says.

    A browser always says where an unsafe request comes from; other programs say nothing.
    """
    site = headers.get("sec-fetch-site")
    if site == "same-origin":  # with no-referrer, Chromium's forms say "Origin: null"
        return True
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    ours = {headers.get("host", "").casefold()}
    if settings.public_url is not None:
        ours.add(urlsplit(settings.public_url).netloc.casefold())
    return urlsplit(origin).netloc.casefold() in ours


async def carries(request: Request, token: str) -> bool:
    """Return whether an unsafe request carries the session's token, in a header or a form.

    A form's body is kept by the request, so that the endpoint can read it again.
    """
    given = request.headers.get(CSRF_HEADER)
    if given is None:
        kind = request.headers.get("content-type", "")
        if not kind.startswith("application/x-www-form-urlencoded"):
            return False  # files are sent by our script, which sets the header
        found = (await request.form()).get(CSRF_FIELD)
        given = found if isinstance(found, str) else ""
    return hmac.compare_digest(given.encode(), token.encode())
