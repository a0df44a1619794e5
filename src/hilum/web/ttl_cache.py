"""A cache with a time to live, for one expensive answer."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class TtlCache(Generic[Answer]):
    """Asks at most once per period; while somebody asks, others get the previous answer.

    Only the first answer is waited for by all: whoever is asked may take long to say no.

    Parameters
    ----------
    ask
        Gives the answer.
    keep_s
        Seconds for which it is given again.
    """

    def __init__(self, ask: Callable[[], Answer], keep_s: float) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._kept: tuple[float, Answer] | None = None

    def __call__(self) -> Answer:
        """Return the answer as it is, or was a moment ago."""
        kept = self._kept
        if kept is not None and time.monotonic() - kept[0] < self._keep_s:
            return kept[1]
        if not self._lock.acquire(blocking=kept is None) and kept is not None:
            return kept[1]
        try:
            now = self._kept
            if now is None or now is kept:  # else somebody else has just asked
                now = self._kept = (time.monotonic(), self._ask())
            return now[1]
        finally:
            self._lock.release()
