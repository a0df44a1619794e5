"""One line of the benchmark table."""

import statistics
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Row:
    """One claim, measured.

    Attributes
    ----------
    what
        What was measured.
    value, unit
        What hilum needs, e.g. 41.2 and ``"ms"``.
    reference, against
        What something else needs in the same run, and what that is; None when the claim
        is not a ratio.
    limit
        What the value may be at most, or None.
    at_least
        What the value must be at least, or None.
    ratio_at_least
        What ``reference / value`` must be at least, or None.
    """

    what: str
    value: float
    unit: str
    reference: float | None = None
    against: str = ""
    _: KW_ONLY  # a promise is named where it is made: three numbers are easily taken for each other
    limit: float | None = None
    at_least: float | None = None
    ratio_at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times faster or smaller than the reference, None without one."""
        return None if self.reference is None else self.reference / self.value

    @property
    def kept(self) -> bool | None:
        """Whether the claim holds here, None when there is none."""
        claims = []
        if self.limit is not None:
            claims.append(self.value <= self.limit)
        if self.at_least is not None:
            claims.append(self.value >= self.at_least)
        if self.ratio_at_least is not None and self.ratio is not None:
            claims.append(self.ratio >= self.ratio_at_least)
        return all(claims) if claims else None


def line(row: Row) -> str:
    """Return one row as a line of the table."""
    kept = {True: "kept", False: "FALLS SHORT", None: ""}[row.kept]
    against = ""
    if row.ratio is not None:
        against = f"{row.against} {row.reference:.1f} {row.unit}, ratio {row.ratio:.2f}"
        if row.ratio_at_least is not None:
            against += f" (at least {row.ratio_at_least:.2g})"
    limit = "" if row.limit is None else f"at most {row.limit:g}"
    if row.at_least is not None:
        limit = f"at least {row.at_least:g}"
    return f"{row.what:<58} {row.value:>9.1f} {row.unit:<9} {limit:<13} {against:<52} {kept}"


def spent_ms(work: Callable[[], object], clock: Callable[[], float] = perf_counter) -> float:
    """Return the milliseconds of one piece of work.

    With `process_time` as `clock` it is the time of the processor that is measured, not of
    the wall.
    """
    start = clock()
    work()
    return (clock() - start) * 1000


def median_ms(
    work: Callable[[], object],
    *,
    repeats: int = 15,
    warm_up: int = 2,
    clock: Callable[[], float] = perf_counter,
) -> float:
    """Return the median of `spent_ms`, without the first times."""
    times = [spent_ms(work, clock) for _ in range(warm_up + repeats)]
    return statistics.median(times[warm_up:])


def alternate_ms(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    repeats: int = 15,
    clock: Callable[[], float] = perf_counter,
) -> tuple[float, float]:
    """Return the medians of two pieces of work that take turns, in milliseconds.

    Taking turns, whatever else the machine does falls on both. The first turn warms up.
    """
    turns = [(spent_ms(ours, clock), spent_ms(theirs, clock)) for _ in range(1 + repeats)]
    mine, others = zip(*turns[1:], strict=True)
    return statistics.median(mine), statistics.median(others)
