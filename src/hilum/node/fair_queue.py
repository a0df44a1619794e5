"""Which image is next: the one that has waited longest, urgent ones first; the page in between."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Lock
from typing import Final, Generic, TypeVar

MOST_PASSED: Final = 2
"""Urgent images that may pass one that waits: a third of the capacity stays with routine ones."""

T = TypeVar("T")


@dataclass(slots=True)
class _Waiting(Generic[T]):
    urgent: bool
    passed: int = 0
    turn: SimpleQueue[T] = field(default_factory=SimpleQueue)


class FairQueue(Generic[T]):
    """Lends resources one at a time, oldest request first. Thread-safe.

    Where images and the page both wait, they are served in turn: neither waits for more than
    one piece of work of the other.
    """

    def __init__(self, free: Iterable[T]) -> None:
        self._free = deque(free)
        self._waiting: list[_Waiting[T]] = []
        self._pages: list[_Waiting[T]] = []
        self._page_was_last = False
        self._lock = Lock()

    def take(self, *, urgent: bool = False, page: bool = False) -> T:
        """Wait for one of the things, and return it."""
        mine = _Waiting[T](urgent)
        with self._lock:
            if self._free:
                self._page_was_last = page
                return self._free.popleft()
            if page:
                self._pages.append(mine)
            else:
                place = self._place_of(mine)
                for other in self._waiting[place:]:
                    other.passed += 1
                self._waiting.insert(place, mine)
        return mine.turn.get()

    def give_back(self, thing: T) -> None:
        """Pass it to the next request, or keep it free."""
        with self._lock:
            if not self._waiting and not self._pages:
                self._free.append(thing)
                return
            page = bool(self._pages) and not (self._waiting and self._page_was_last)
            self._page_was_last = page
            (self._pages if page else self._waiting).pop(0).turn.put(thing)

    def _place_of(self, new: _Waiting[T]) -> int:
        """Return the position in the queue; urgent requests pass routine ones."""
        place = len(self._waiting)
        while new.urgent and place and self._may_be_passed(self._waiting[place - 1]):
            place -= 1
        return place

    def _may_be_passed(self, other: _Waiting[T]) -> bool:
        return not other.urgent and other.passed < MOST_PASSED
