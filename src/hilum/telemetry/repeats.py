"""Limits repeated log lines, so that a log stays readable while the same thing goes wrong again."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_ALIKE: Final = 20
"""Lines of one event from one place that are written in `WINDOW_S`."""

WINDOW_S: Final = 60.0

IMAGE: Final = "instance"
"""Fact of every event that tells of an image: these are written whatever their number."""

REPEATED: Final = "log.repeated"
"""The event that tells how many lines were held back."""

Place = tuple[object, ...]


@dataclass(slots=True)
class _Window:
    """How often something was said since `began`, and how many of these were not written."""

    began: float
    written: int = 0
    held: int = 0


class RepeatFilter(logging.Filter):
    """Lets `MOST_ALIKE` lines of an event pass in a minute, then counts and tells the count.

    An event of an image always passes: nothing about an image is lost.

    Parameters
    ----------
    tell
        Is given an event's name and how many of its lines were held back.
    clock
        Seconds that only grow.
    """

    def __init__(
        self, tell: Callable[[str, int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._tell = tell
        self._clock = clock
        self._windows: dict[Place, _Window] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        facts = record.msg if isinstance(record.msg, dict) else {}
        if IMAGE in facts or facts.get("event") == REPEATED:
            return True
        event = str(facts.get("event", record.name))
        line = facts.get("at") if facts else (record.pathname, record.lineno)
        place = (event, record.name, line)
        self._end(place, WINDOW_S)
        with self._lock:
            window = self._windows.setdefault(place, _Window(self._clock()))
            if window.written < MOST_ALIKE:
                window.written += 1
                return True
            window.held += 1
            first = window.held == 1
        if first:  # nothing else may ever be said again, and still the count is told
            timer = threading.Timer(WINDOW_S, self._end, (place,))
            timer.daemon = True
            timer.start()
        return False

    def tell_all(self) -> None:
        """Tell every count now: the process ends."""
        for place in list(self._windows):
            self._end(place)

    def _end(self, place: Place, older_than_s: float = 0) -> None:
        with self._lock:
            window = self._windows.get(place)
            if window is None or self._clock() - window.began < older_than_s:
                return
            del self._windows[place]
        if window.held:
            self._tell(str(place[0]), window.held)
