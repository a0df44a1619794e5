"""Security headers, body limits and protection against cross-site requests.

Sources
-------
OWASP Secure Headers Project; OWASP CSRF Prevention Cheat Sheet (synchronizer token, and
verifying the origin); W3C CSP 3; W3C Fetch Metadata.
"""

import hmac
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hilum.settings import PageSettings

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
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

TOO_LARGE: Final = 413

UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "x-csrf-token"


def is_secure(settings: PageSettings) -> bool:
    """Return whether people reach the page over TLS: then cookies go over nothing else."""
    public = settings.public_url or ""
    return settings.certificate is not None or public.startswith("https://")


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
        Beginnings of the addresses that take files; they look at who asks before they read.
    most
        Bytes that these take.
    """

    def __init__(self, app: ASGIApp, *, uploads: tuple[str, ...], most: int) -> None:
        self._app = app
        self._uploads = uploads
        self._most = most + SMALL_BODY  # the form around the file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._most if scope["path"].startswith(self._uploads) else SMALL_BODY
        said = Headers(scope=scope).get("content-length", "0")
        if not said.isdecimal() or int(said) > limit:
            answer = JSONResponse({"detail": "This request is too large."}, TOO_LARGE)
            await answer(scope, receive, send)
            return
        read = 0

        async def receive_some() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:  # sent in chunks, without saying how much
                raise HTTPException(TOO_LARGE)
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
