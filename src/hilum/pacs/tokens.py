"""Bearer tokens: kept while they are good, asked for by OAuth 2.0 client credentials.

Sources
-------
RFC 6749 2.3.1 (a client's password), 4.4 (client credentials), 5.1 (``expires_in``); RFC 6750
(bearer tokens).
"""

import asyncio
import json
import math
import threading
import time
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus, urlencode

import httpx

AHEAD_S: Final = 60.0
"""A token is renewed so long before its end, or when half of its life is over."""

LIFE_S: Final = 300.0
"""Of a token of which nobody says how long it is good for."""

DENIED: Final = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED})
"""What a token server answers that does not take the client's password where it stands."""

Obtain = Callable[[], tuple[str, float]]
"""Returns a token, and for how many seconds it is good."""

Exchange = Callable[[bytes, dict[str, str]], tuple[int, bytes]]
"""Posts a body with headers to the token server; returns its status and its answer."""


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


@dataclass(slots=True)
class ClientCredentials:
    """Who we are to a token server."""

    client_id: str
    secret: Callable[[], str]
    """Reads the client's secret, which may be replaced while a node runs."""
    scope: str = ""
    in_body: bool = False
    """Whether the secret stands in the body, as this server wanted it the last time."""

    def ask(self, exchange: Exchange) -> tuple[int, bytes]:
        """Ask for a token; return the status and the answer.

        A server must take the secret in the header, and may take it in the body (RFC 6749
        2.3.1). Some take it in the body only, so that a server which denies is asked that way.
        """
        status, answer = exchange(*self._request(in_body=self.in_body))
        if status in DENIED:
            second, other = exchange(*self._request(in_body=not self.in_body))
            if httpx.codes.is_success(second):
                self.in_body = not self.in_body
                return second, other
        return status, answer

    def _request(self, *, in_body: bool) -> tuple[bytes, dict[str, str]]:
        form = {"grant_type": "client_credentials"}
        form |= {"scope": self.scope} if self.scope else {}
        headers = {
            "accept": "application/json",
            "content-type": "application/x-www-form-urlencoded",
        }
        if in_body:
            form |= {"client_id": self.client_id, "client_secret": self.secret()}
        else:
            said = f"{quote_plus(self.client_id)}:{quote_plus(self.secret())}"
            headers["authorization"] = f"Basic {b64encode(said.encode()).decode()}"
        return urlencode(form).encode(), headers


def token_in(answer: bytes) -> tuple[str, float]:
    """Return the token of an answer, and for how many seconds it is good.

    Raises
    ------
    ValueError
        There is none.
    """
    said = json.loads(answer)
    token = said.get("access_token") if isinstance(said, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise ValueError("access_token")
    try:
        life_s = float(said.get("expires_in") or LIFE_S)
    except (TypeError, ValueError):
        life_s = LIFE_S
    return token, life_s if math.isfinite(life_s) else LIFE_S
