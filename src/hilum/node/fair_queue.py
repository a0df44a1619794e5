"""Which request is next: the one that has waited longest, urgent images first."""

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    """Lends resources one at a time, oldest request first. Thread-safe."""

    def __init__(self, free: Iterable[T]) -> None:
        self._free = deque(free)
        self._waiting: list[_Waiting[T]] = []
        self._lock = Lock()

    def take(self, *, urgent: bool = False) -> T:
        """Wait for one of the things, and return it."""
        mine = _Waiting[T](urgent)
        with self._lock:
            if self._free:
                return self._free.popleft()
            place = self._place_of(mine)
            for other in self._waiting[place:]:
                other.passed += 1
            self._waiting.insert(place, mine)
        return mine.turn.get()

    def give_back(self, thing: T) -> None:
        """Pass it to the next request, or keep it free."""
        with self._lock:
            if self._waiting:
                self._waiting.pop(0).turn.put(thing)
            else:
                self._free.append(thing)

    def _place_of(self, new: _Waiting[T]) -> int:
        """Return the position in the queue; urgent requests pass routine ones."""
        place = len(self._waiting)
        while new.urgent and place and self._may_be_passed(self._waiting[place - 1]):
            place -= 1
        return place

    def _may_be_passed(self, other: _Waiting[T]) -> bool:
        return not other.urgent and other.passed < MOST_PASSED


@contextmanager
def lent(queue: FairQueue[T], *, urgent: bool = False) -> Iterator[T]:
    """Wait for one of the things, and have it until the end of the block."""
    thing = queue.take(urgent=urgent)
    try:
        yield thing
    finally:
        queue.give_back(thing)
