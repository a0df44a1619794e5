"""What is new in an archive without a feed: looked for again and again.

A position is what was found before: eight bytes of a digest for each object. So nothing is relied
on but that a study is found by its Study Date: not on the order of answers, not on a clock of
the archive, not on counts, which only spare questions about studies that did not change. What
falls out of the searched days is forgotten once a day.

What it does not see: other pixels under the UIDs of an image that was found, and studies with
no date or one outside of the days that are searched; `hilum backfill` takes these up.

Sources
-------
DICOM PS3.4 C.2.2.2.5 (ranges of dates); PS3.18 10.6 (Search).
"""

import hashlib
import time
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from hilum.errors import PacsError
from hilum.pacs.archive import Arrivals
from hilum.pacs.dicomweb.client import (
    COUNT,
    INSTANCE,
    MODALITIES,
    MODALITY,
    SERIES,
    STUDY,
    DicomWeb,
    ObjectPath,
    allows,
    path_of,
    text,
)

BYTES: Final = 8
"""Of a digest: a new object is taken for one of a million others with a chance of 1 in 10¹³."""

SURE: Final = 3
"""Looks at a study in which nothing was new, until its count is believed: an index may lag."""

AT_ONCE: Final = 50
"""Studies that are looked at before the caller may stop or go on."""

AHEAD: Final = timedelta(days=1)
"""A clock may be ahead, and somewhere it is tomorrow."""


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """How an archive is searched."""

    every_s: float = 0.0
    """Seconds between two sweeps."""
    days: int = 3
    wide_days: int = 14
    """How many days back each sweep looks, and the first one of a day."""
    modalities: frozenset[str] = frozenset()
    """Series of which modalities; none: of all."""
    today: Callable[[], date] = lambda: datetime.now(UTC).astimezone().date()
    clock: Callable[[], float] = time.monotonic
    """What day it is, and seconds that never go back."""


@dataclass(slots=True)
class _Round:
    """One sweep, as far as it is."""

    left: deque[tuple[str, str]]
    """Studies that are still to be looked at, with their counts."""
    wide: bool
    whole: bool = True
    """Whether every study could be looked into."""
    present: set[bytes] = field(default_factory=set)
    """Digests of all that was seen; only of interest where all is looked at."""


class Sweep:
    """Finds what is new. For one thread at a time."""

    def __init__(self, web: DicomWeb, plan: SweepPlan) -> None:
        self._web = web
        self._plan = plan
        self._positions: tuple[str, str] = ("", "")
        self._round: _Round | None = None
        self._quiet: dict[tuple[str, str], int] = {}
        """Study and its count → how often nothing was new in it."""
        self._failed: set[str] = set()
        self._widened: date | None = None
        self._next = plan.clock()

    def newest(self) -> str:
        """Return the position after all that is there."""
        position = ""
        while True:
            found = self.arrivals(position, 1 << 30)
            position = found.position
            if not found.more:
                return position

    def arrivals(self, position: str, limit: int) -> Arrivals:
        """Return the next objects that are not in `position`, and where to go on.

        What is kept between two calls only spares questions: it is forgotten when somebody goes
        on elsewhere than where the last call ended or began.
        """
        if position not in self._positions:
            self._round, self._quiet, self._widened = None, {}, None
            self._next = self._plan.clock()
        if self._round is None and self._plan.clock() < self._next:
            return Arrivals((), position, restarted=False, more=False)
        known, found = _read(position), list[str]()
        current = self._round = self._round or self._begin()
        for _ in range(AT_ONCE):
            if not current.left or len(found) >= limit:
                break
            study, count = current.left.popleft()
            try:
                new = [path for path in self._listed(study, current) if _digest(path) not in known]
            except PacsError:  # it is asked again in the next sweep; others may be well
                self._failed.add(study)
                current.whole = False
                if not found:
                    raise
                break
            if not new and count:
                self._quiet[study, count] = self._quiet.get((study, count), 0) + 1
            if len(found) + len(new) > limit:
                new = new[: limit - len(found)]
                current.left.appendleft((study, count))
            found += map(str, new)
            known |= {_digest(path): None for path in new}
        more = bool(current.left)
        if not more:
            known = self._ended(current, known)
        after = _written(known) if found or not more else position
        self._positions = position, after
        return Arrivals(tuple(found), after, restarted=False, more=more)

    def objects(self, study: str, series: str) -> Iterator[ObjectPath]:
        """Yield the objects of a series."""
        for item in self._web.search(path_of(study, series), INSTANCE):
            yield ObjectPath(study, series, text(item, INSTANCE))

    def _begin(self) -> _Round:
        """Search for studies."""
        plan, today = self._plan, self._plan.today()
        wide = self._widened != today
        first = today - timedelta(days=max(plan.days, plan.wide_days if wide else 0))
        dates = {"StudyDate": f"{first:%Y%m%d}-{today + AHEAD:%Y%m%d}"}
        left: deque[tuple[str, str]] = deque()
        for item in self._web.search("studies", STUDY, **dates):
            study, count = text(item, STUDY), text(item, COUNT)
            kinds = set(text(item, MODALITIES).split("\\")) - {""}
            if not allows(item, dates) or (kinds and not self._wants(*kinds)):
                continue
            if wide or self._quiet.get((study, count), 0) < SURE:
                left.append((study, count))
        left.extend((study, "") for study in self._failed.difference(each for each, _ in left))
        self._failed.clear()
        return _Round(left, wide)

    def _ended(self, current: _Round, known: dict[bytes, None]) -> dict[bytes, None]:
        self._round, self._next = None, self._plan.clock() + self._plan.every_s
        if not current.wide:
            return known
        self._widened = self._plan.today()
        self._quiet.clear()  # also of studies that are too old by now
        if not current.whole:
            return known
        return {each: None for each in known if each in current.present}

    def _listed(self, study: str, current: _Round) -> Iterator[ObjectPath]:
        """Yield the objects of the wanted series of a study."""
        for item in self._web.search(path_of(study), SERIES):
            if self._wants(text(item, MODALITY)):
                for path in self.objects(study, text(item, SERIES)):
                    current.present.add(_digest(path))
                    yield path

    def _wants(self, *modalities: str) -> bool:
        wanted = self._plan.modalities
        return not wanted or "" in modalities or not wanted.isdisjoint(modalities)


def _digest(path: ObjectPath) -> bytes:
    return hashlib.blake2b(str(path).encode(), digest_size=BYTES).digest()


def _read(position: str) -> dict[bytes, None]:
    content = b64decode(position)
    return {content[at : at + BYTES]: None for at in range(0, len(content), BYTES)}


def _written(known: dict[bytes, None]) -> str:
    return b64encode(b"".join(known)).decode()
