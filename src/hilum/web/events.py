"""Tells open worklists that something changed, by server-sent events.

One task asks the database once a second, however many people look on, and only while
somebody does. A connection ends after a while, so that a session that ended does not
go on by it; browsers open the next one by themselves.

Sources
-------
HTML Living Standard, 9.2 "Server-sent events".
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from hilum.errors import HilumError
from hilum.records import claims, worklist
from hilum.records.limits import StudyLimits
from hilum.runtime.caches import LruCache
from hilum.web.context import WebContext
from hilum.web.sessions import Context, Viewer, Visitor

router: Final = APIRouter(include_in_schema=False)

EVERY_S: Final = 1.0
"""Seconds between two questions to the database."""

QUIET_S: Final = 15.0
"""Seconds after which a quiet connection says that it is alive."""

Moment = tuple[datetime | None, tuple[int, datetime | None]]
"""When a study last changed, and how many claims there are with the last one's time."""

CONNECTION_S: Final = 300.0
"""Seconds after which a connection ends."""


WATCHES: Final = 256
"""Sets of limits that are watched for; a watch that is pushed out goes on for its listeners."""


class ChangeWatch:
    """Counts the changes of the worklist.

    Parameters
    ----------
    every_s
        Seconds between two looks.
    """

    def __init__(self, context: WebContext, every_s: float = EVERY_S) -> None:
        self._context = context
        self._every_s = every_s
        self._changed = asyncio.Condition()
        self._watching = 0
        self._task: asyncio.Task[None] | None = None
        self._last: Moment | None = None
        self.count = 0

    async def after(self, count: int, wait_s: float) -> int:
        """Return the count of changes once it is not `count`, or as it is after `wait_s`."""
        self._watching += 1
        if self._task is None or self._task.done():
            self._last = await run_in_threadpool(self._look)
            self._task = asyncio.create_task(self._watch())
        try:
            async with asyncio.timeout(wait_s), self._changed:
                await self._changed.wait_for(lambda: self.count != count)
        except TimeoutError:
            pass
        finally:
            self._watching -= 1
        return self.count

    async def _watch(self) -> None:
        quiet = 0
        while self._watching or quiet < QUIET_S:  # a page that is loaded anew comes back at once
            await asyncio.sleep(self._every_s)
            quiet = 0 if self._watching else quiet + 1
            last = await run_in_threadpool(self._look)
            if last != self._last:
                self._last = last
                async with self._changed:
                    self.count += 1
                    self._changed.notify_all()

    def _look(self) -> Moment | None:
        try:
            with self._context.database.look() as connection:
                archive = self._context.archive
                return worklist.last_change(connection, archive), claims.last(connection, archive)
        except HilumError:  # the database is away: nothing is known to have changed
            return self._last


def change_watch(request: Request, context: WebContext, who: Visitor) -> ChangeWatch:
    """Return the watch of those who see the same studies, there from the first listener on."""
    state = request.app.state
    if not hasattr(state, "watches"):
        state.watches = LruCache[StudyLimits | None, ChangeWatch](WATCHES)
    watches: LruCache[StudyLimits | None, ChangeWatch] = state.watches
    watch = watches.get(who.limits)
    if watch is None:
        watch = ChangeWatch(context)
        watches.put(who.limits, watch)
    return watch


@router.get("/worklist/live")
async def live(request: Request, context: Context, who: Viewer) -> StreamingResponse:
    """Say "changed" whenever any study's row did."""
    return StreamingResponse(
        _events(change_watch(request, context, who)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(watch: ChangeWatch) -> AsyncIterator[str]:
    ends = asyncio.get_running_loop().time() + CONNECTION_S
    count = watch.count
    yield "retry: 2000\nevent: open\ndata: 0\n\n"
    while (left := ends - asyncio.get_running_loop().time()) > 0:
        seen = await watch.after(count, min(QUIET_S, left))
        yield f"event: changed\ndata: {seen}\n\n" if seen != count else ": alive\n\n"
        count = seen
