"""Answers that cost something are given again for a while, whoever asks."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """Asks at most once in a while; those who come meanwhile wait for one answer.

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
        with self._lock:
            now = time.monotonic()
            if self._kept is None or now - self._kept[0] >= self._keep_s:
                self._kept = (now, self._ask())
            return self._kept[1]
