"""Keeps the job engine from unpickling rows, and its advertisements out of our log.

DBOS unpickles any row that says it was pickled, whatever serializer it is given: whoever can
write to the database could run code in every process that reads it. We keep JSON alone.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from dbos._serialization import DefaultSerializer

from hilum.language import Message

LIBRARY: Final = logging.getLogger("dbos")


SELDOM_S: Final = 60.0
"""Seconds for which the library's line is not repeated: it asks the database ten times a
second, and complains as often while that is away."""


class RateLimitedLog(logging.Filter):
    """Lets each line of a library's source speak once in `SELDOM_S`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        place, now = (record.pathname, record.lineno), self._clock()
        if now - self._said.get(place, -SELDOM_S) < SELDOM_S:
            return False
        self._said[place] = now
        return True


class PickleRefused(TypeError):
    """A row of the job engine is a pickle, which may hold code."""


def block_pickle() -> None:
    """Let nothing in this process unpickle a row of the job engine; safe to call again."""
    DefaultSerializer.deserialize = _refuse  # type: ignore[assignment, method-assign]


def quieten() -> None:
    """Let the library say warnings only, seldom, and where our log is; safe to call again."""
    if not LIBRARY.handlers:
        LIBRARY.addHandler(logging.NullHandler())
    LIBRARY.setLevel(logging.WARNING)
    if not any(isinstance(each, RateLimitedLog) for each in LIBRARY.filters):
        LIBRARY.addFilter(RateLimitedLog())


def _refuse(_self: Any, _serialized: str) -> Any:
    raise PickleRefused(Message("a pickle in the job tables is not read"))
