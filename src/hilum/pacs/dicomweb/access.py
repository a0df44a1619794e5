"""Who we are to a DICOMweb server: a password, a token, or one that is asked for.

Sources
-------
RFC 6749 4.4 (client credentials), 5.1 (``expires_in``); RFC 6750 (bearer tokens).
"""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Final

import httpx
from pydantic import SecretStr

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.language import Message
from hilum.pacs.http import BUSY, SERVER_ERROR
from hilum.settings.dicomweb import DicomWebSettings
from hilum.settings.secret_files import secret_text

AHEAD_S: Final = 60.0
"""A token is renewed so long before its end, or when half of its life is over."""

LIFE_S: Final = 300.0
"""Of a token of which nobody says how long it is good for."""

Obtain = Callable[[], tuple[str, float]]
"""Returns a token, and for how many seconds it is good."""


class TokenAuth(httpx.Auth):
    """Shows a token, and asks for another one before its end or once it is refused."""

    def __init__(self, obtain: Obtain, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._obtain = obtain
        self._clock = clock
        self._lock = threading.Lock()
        self._kept = ("", 0.0)

    def token(self, refused: str = "") -> str:
        """Return a token that is good now, another one than the `refused`."""
        with self._lock:
            token, until = self._kept
            if token in {"", refused} or self._clock() >= until:
                token, life_s = self._obtain()
                self._kept = (token, self._clock() + max(life_s - AHEAD_S, life_s / 2))
            return token

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with a token; once more with a new one where that is refused."""
        token = self.token()
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self.token(token)}"
            yield request

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same, while others go on."""
        token = await asyncio.to_thread(self.token)
        request.headers["Authorization"] = f"Bearer {token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            new = await asyncio.to_thread(self.token, token)
            request.headers["Authorization"] = f"Bearer {new}"
            yield request


def token_auth(
    settings: DicomWebSettings, context: Callable[[], ssl.SSLContext], timeout_s: float
) -> TokenAuth | None:
    """Return how the settings have us show who we are, None where not by a token.

    Parameters
    ----------
    context
        Returns how certificates are checked.
    """
    if settings.token_file is not None:
        return TokenAuth(lambda: (_secret(None, settings.token_file, "token_file"), LIFE_S))
    if settings.token_url is None:
        return None
    url = settings.token_url
    form = {"grant_type": "client_credentials", "client_id": settings.client_id}
    form |= {"scope": settings.scope} if settings.scope else {}

    def obtain() -> tuple[str, float]:
        file = settings.client_secret_file
        secret = _secret(settings.client_secret, file, "client_secret_file")
        verify = context() if url.startswith("https:") else True
        with httpx.Client(verify=verify, timeout=timeout_s) as http:
            return _asked(http, url, {**form, "client_secret": secret})

    return TokenAuth(obtain)


def _secret(secret: SecretStr | None, file: Path | None, setting: str) -> str:
    return secret_text(secret, file, f"dicomweb.{setting}")


def _asked(http: httpx.Client, url: str, form: dict[str, str]) -> tuple[str, float]:
    """Ask for a token; the answer is never repeated in an error."""
    why = Message("it did not answer")
    try:
        answer = http.post(url, data=form, headers={"Accept": "application/json"})
        status = answer.status_code
        if status != BUSY and httpx.codes.BAD_REQUEST <= status < SERVER_ERROR:
            raise PacsRefused(
                "The server of dicomweb.token_url gave no token (HTTP {status}).",
                "Correct dicomweb.client_id, dicomweb.client_secret and dicomweb.scope.",
                status=status,
            )
        answer.raise_for_status()
        said = answer.json()
        return str(said["access_token"]), float(said.get("expires_in") or LIFE_S)
    except httpx.HTTPStatusError as exc:
        why = Message("it answered HTTP {status}", status=exc.response.status_code)
    except httpx.HTTPError:
        pass
    except (ValueError, LookupError, TypeError):
        why = Message("its answer has no token")
    raise PacsUnavailable(
        "The server of dicomweb.token_url gave no token ({why}).",
        "Check that address; hilum retries where it can.",
        why=why,
    )
