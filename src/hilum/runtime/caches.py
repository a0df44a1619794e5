"""Caches for several threads: the last few answers, one answer for a while, bytes for one taker."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True, eq=False)
class LruCache(Generic[Key, Value]):
    """Keeps what was used last.

    ``functools.lru_cache`` calls what makes the value; here it comes from elsewhere.
    """

    most: int
    _kept: OrderedDict[Key, Value] = field(default_factory=OrderedDict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def get(self, key: Key) -> Value | None:
        """Return a value, None when it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: Key, value: Value) -> bool:
        """Keep a value; return whether there was none under its key."""
        with self._lock:
            new = key not in self._kept
            self._kept[key] = value
            self._kept.move_to_end(key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
            return new

    def forget(self, key: Key) -> None:
        """Keep a value no longer."""
        with self._lock:
            self._kept.pop(key, None)


class LruSet(Generic[Key]):
    """Remembers what was added last."""

    def __init__(self, most: int) -> None:
        self._kept: LruCache[Key, bool] = LruCache(most)

    def add(self, key: Key) -> bool:
        """Remember; return whether it is new."""
        return self._kept.put(key, True)  # noqa: FBT003  any value would do

    def __contains__(self, key: Key) -> bool:
        return self._kept.get(key) is not None


@dataclass(slots=True, eq=False)
class BriefBuffer(Generic[Key]):
    """Keeps bytes for a while, until they are taken; what there is no room for is not kept.

    Whoever takes in order finds what came first, so that is not given up for what comes later.
    """

    most_bytes: int
    """Of all together."""
    keep_s: float
    """Seconds until what nobody took is given up."""
    clock: Callable[[], float] = field(default=time.monotonic, kw_only=True)
    """Seconds that never go back."""
    _kept: dict[Key, tuple[float, bytes]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def put(self, key: Key, value: bytes) -> None:
        """Keep bytes instead of those that were kept under their key."""
        self.take(key)
        with self._lock:
            if sum(len(each) for _, each in self._kept.values()) + len(value) <= self.most_bytes:
                self._kept[key] = self.clock(), value

    def take(self, key: Key) -> bytes | None:
        """Return bytes, which are kept no longer; None when they are not kept."""
        self.expire()
        with self._lock:
            return self._kept.pop(key, (0.0, None))[1]

    def expire(self) -> None:
        """Give up what was kept long enough."""
        with self._lock:
            first = self.clock() - self.keep_s
            for key in [key for key, (since, _) in self._kept.items() if since <= first]:
                del self._kept[key]


@dataclass(slots=True, eq=False)
class TtlCache(Generic[Value]):
    """Asks at most once per period, however many want to know.

    While somebody asks, others get the answer of before, since whoever is asked may take
    long to say no. Only the first answer is waited for by all.
    """

    ask: Callable[[], Value]
    keep_s: float
    """Seconds for which an answer is given again."""
    clock: Callable[[], float] = field(default=time.monotonic, kw_only=True)
    """Seconds that never go back."""
    stale: bool = field(default=True, kw_only=True)
    """False: others wait for the new answer, too."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _kept: tuple[float, Value] | None = field(default=None, init=False)

    def __call__(self) -> Value:
        """Return the answer as it is, or was a moment ago."""
        kept = self._kept
        if kept is not None and self.clock() - kept[0] < self.keep_s:
            return kept[1]
        wait = kept is None or not self.stale
        if not self._lock.acquire(blocking=wait) and kept is not None:
            return kept[1]
        try:
            now = self._kept
            if now is None or now is kept:  # else somebody else has just asked
                answer = self.ask()
                now = self._kept = (self.clock(), answer)
            return now[1]
        finally:
            self._lock.release()
