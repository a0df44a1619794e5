"""Work that is looked after from a loop, and done in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from typing import Final


class BackgroundWork:
    """Does one thing again and again, never twice at once. `tend` is for one thread.

    Parameters
    ----------
    name
        Of its thread.
    every_s
        Seconds between two beginnings, at least.
    work
        What is done; it handles its own errors.
    """

    def __init__(self, name: str, every_s: float, work: Callable[[], None]) -> None:
        self._every_s: Final = every_s
        self._work: Final = work
        self._threads = ThreadPoolExecutor(1, name)
        self._under_way: Future[None] | None = None
        self._next = 0.0

    def tend(self) -> None:
        """Begin once it is time and the last turn has ended; returns at once."""
        if monotonic() < self._next:
            return
        self._next = monotonic() + self._every_s
        if self._under_way is None or self._under_way.done():
            self._under_way = self._threads.submit(self._work)

    def close(self) -> None:
        """Begin no more; the turn that is under way ends first."""
        self._threads.shutdown(cancel_futures=True)
