"""Limits on concurrent costly requests: one for all users, and one for each.

Requests beyond it wait without a thread; those that would wait behind many are told to come back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hilum.language import Message
from hilum.web.sessions import Viewer

AT_ONCE: Final = 4
"""Requests in work; each holds one file and what is made of it until it is sent."""

EACH: Final = 3
"""Of one user."""

PROXIED: Final = 8
PROXIED_EACH: Final = 6
"""The same of those that are handed to the PACS: as many as a browser asks at a time."""

MOST: Final = 192
"""Requests in work or waiting."""

MOST_EACH: Final = 64
"""Of one user: more than a browser asks at a time for a worklist of small pictures."""

RETRY_S: Final = 2

SEND_S: Final = 300.0
"""Seconds in which a browser must have taken an answer: a slow one keeps nobody waiting."""

PIECE: Final = 256 * 1024

BUSY: Final = Message("Many images are being opened. Try again in a few seconds.")


@dataclass(slots=True)
class _Line:
    turn: asyncio.Semaphore
    count: int = 0


class RequestSlots:
    """Lends turns to costly requests; for one event loop."""

    def __init__(self, at_once: int = AT_ONCE, each: int = EACH) -> None:
        self._each = each
        self._all = _Line(asyncio.Semaphore(at_once))
        self._users: dict[str, _Line] = {}

    @asynccontextmanager
    async def taken(self, user: str) -> AsyncIterator[None]:
        """Wait for a turn, and keep it meanwhile.

        Raises
        ------
        HTTPException
            Too many wait already.
        """
        mine = self._users.setdefault(user, _Line(asyncio.Semaphore(self._each)))
        if mine.count >= MOST_EACH or self._all.count >= MOST:
            again = {"Retry-After": str(RETRY_S)}
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, BUSY, again)
        mine.count += 1
        self._all.count += 1
        try:
            async with mine.turn, self._all.turn:
                yield
        finally:
            self._all.count -= 1
            mine.count -= 1
            if not mine.count:
                del self._users[user]


def slots_of(request: Request) -> RequestSlots:
    """Return the application's turns."""
    slots: RequestSlots = request.app.state.slots
    return slots


def turn_among(slots: str) -> Callable[..., AsyncIterator[None]]:
    """Return the dependency that keeps a turn of the application's `slots` until all is sent."""

    async def turn(request: Request, who: Viewer) -> AsyncIterator[None]:
        taken: RequestSlots = getattr(request.app.state, slots)
        async with taken.taken(who.name):
            yield

    return turn


Slot = Annotated[None, Depends(turn_among("slots"))]
ProxySlot: Final = Depends(turn_among("proxy_slots"))
"""Among the requests that are handed to the PACS."""


class TimedResponse(StreamingResponse):
    """An answer that is handed to the network as that takes it, and not for ever."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; the connection ends where it is not taken in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SEND_S):
                await super().__call__(scope, receive, send)


def large_response(content: bytes, media_type: str, headers: dict[str, str]) -> TimedResponse:
    """Return an answer of many bytes, which are never in memory twice."""
    size = {"Content-Length": str(len(content))}
    return TimedResponse(_pieces(content), headers=headers | size, media_type=media_type)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), PIECE):
        yield content[at : at + PIECE]
