"""Drift: whether what a model says of a month's images moved away from a reference.

Kept are counts alone: for each model and month a histogram of each label's raw values, and
how many images were refused, for which reason, and what the pixels needed. They are counted
up in the transaction that settles an image and do not grow with the images.

Sources
-------
Siddiqi, "Credit Risk Scorecards" (2006), 10: the population stability index (PSI), 0.1 and
0.25. PSI alone calls small samples shifted, so it counts only with a two-sample
Kolmogorov-Smirnov test, on bins and hence conservative, at `SIGNIFICANCE` over all subjects.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import sqlite

from hilum.reading import OUT_OF_DISTRIBUTION
from hilum.records.quality_tables import DRIFT_COUNT
from hilum.records.upsert import into

FIRST: Final = "first"
"""The window of the first images of a model."""

ALL: Final = "all"
READ: Final = "read"
"""Subjects of `DriftKind.IMAGE`: of all images that were read or refused, and of the former."""

BINS: Final = 98
"""Of a raw value's logit: steps of a quarter from -12 to 12, and what lies beyond."""

BINS_PER_LOGIT: Final = 4
LOWEST_LOGIT: Final = -12.0

GROUPS: Final = 10
"""About equal parts of the reference into which PSI puts bins together."""

SIGNIFICANCE: Final = 0.001
"""Chance that a month of the same images is called moved, over all subjects."""

TERMS: Final = 8
"""Of the series of Kolmogorov's distribution; the seventh is below 1e-16."""

TURNING: Final = 1.0
"""Distance up to which one series is used, and from which on the other."""


class DriftKind(StrEnum):
    """What is counted."""

    IMAGE = "image"
    """Every image that was read or refused."""
    SCORE = "score"
    """Raw values of a label, of those that were read."""
    DISTANCE = "distance"
    """Percentiles among the reference images, of those that were read."""
    REFUSAL = "refusal"
    """Images that were refused for a reason."""
    DECISION = "decision"
    """Images with a pixel decision."""


class DriftLevel(StrEnum):
    """How far one distribution moved."""

    SAME = "same"
    MOVING = "moving"
    """Beyond 0.1, and not by chance: look at it."""
    SHIFTED = "shifted"
    """Beyond 0.25, and not by chance: an alarm."""
    TOO_FEW = "too few"
    """Fewer images than a comparison needs."""


BINNED: Final = (DriftKind.SCORE, DriftKind.DISTANCE)
"""What has a value in [0, 1] for each image; all else is there or not."""

REFERENCE: Final = "reference"
"""Subject of `DriftKind.DISTANCE`."""

IMAGES: Final = select(func.sum(DRIFT_COUNT.c.count)).where(
    DRIFT_COUNT.c.archive == bindparam("of_archive"),
    DRIFT_COUNT.c.model == bindparam("of_model"),
    DRIFT_COUNT.c.window == bindparam("of_window"),
    DRIFT_COUNT.c.kind == DriftKind.IMAGE.value,
    DRIFT_COUNT.c.subject == ALL,
)


@dataclass(frozen=True, slots=True)
class DriftSample:
    """What is counted of one image."""

    model: str
    """Name, version and weights of the model: see `ModelIdentity.key`."""
    at: datetime
    """When it was settled."""
    raw: Mapping[str, float]
    """Label → raw value; empty for an image that was refused."""
    refusals: tuple[str, ...] = ()
    """Codes of the reasons of a refusal."""
    decisions: tuple[str, ...] = ()
    """Codes of the pixel decisions."""
    distance: float | None = None
    """Percentile among the reference images over 100; None where there are none."""


@dataclass(frozen=True, slots=True)
class DriftLimits:
    """Limits above which a shift is reported."""

    least_images: int = 200
    """Images that either side needs."""
    moving: float = 0.1
    shifted: float = 0.25
    """PSI."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One distribution against its reference."""

    kind: DriftKind
    subject: str
    """What is compared: scores of a label, or the share of images with a code."""
    level: DriftLevel
    psi: float
    """Population stability index."""
    p: float
    """Of the Kolmogorov-Smirnov test: how often chance alone does as much."""
    before: float
    now: float
    """Median of the raw values, or share of the images, in the reference and now."""


Histogram = dict[int, int]
Counts = dict[tuple[DriftKind, str], Histogram]


def seen_in(
    model: str, at: datetime, document: Mapping[str, Any] | None, refusals: Iterable[str]
) -> DriftSample:
    """Return what is counted of an image that was read or refused.

    Parameters
    ----------
    document
        Its hilum.reading/1 document; None when it was refused.
    refusals
        Codes of the reasons of a refusal.
    """
    if document is None:
        return DriftSample(model, at, {}, refusals=tuple(refusals))
    (row,) = document["readings"]
    raw = {finding["label"]: float(finding["raw"]) for finding in row["findings"]}
    found = row.get(OUT_OF_DISTRIBUTION)
    return DriftSample(
        model,
        at,
        raw,
        decisions=tuple(d["code"] for d in row["pixels"]["decisions"]),
        distance=None if found is None else found["percentile"] / 100,
    )


def bin_of(raw: float) -> int:
    """Return the bin of a raw value in [0, 1]."""
    if raw <= 0:
        return 0
    if raw >= 1:
        return BINS - 1
    place = math.floor((math.log(raw / (1 - raw)) - LOWEST_LOGIT) * BINS_PER_LOGIT) + 1
    return min(max(place, 0), BINS - 1)


def middle_of(place: int) -> float:
    """Return the raw value in the middle of a bin."""
    logit = LOWEST_LOGIT + (place - 0.5) / BINS_PER_LOGIT
    return 1 / (1 + math.exp(-logit))


def count(
    connection: Connection, archive: str, seen: DriftSample, *, reference_images: int
) -> None:
    """Count one image, in the transaction that settles it. Not for phantoms of a self-test.

    Parameters
    ----------
    reference_images
        The first so many of a model also count as its first window.
    """
    windows = [seen.at.astimezone(UTC).strftime("%Y-%m")]
    if images(connection, archive, seen.model, FIRST) < reference_images:
        windows.append(FIRST)
    subjects = [
        (DriftKind.IMAGE, ALL, 0),
        *([(DriftKind.IMAGE, READ, 0)] if seen.raw else []),
        *((DriftKind.SCORE, label, bin_of(raw)) for label, raw in seen.raw.items()),
        *(
            [(DriftKind.DISTANCE, REFERENCE, bin_of(seen.distance))]
            if seen.distance is not None
            else []
        ),
        *((DriftKind.REFUSAL, code, 0) for code in set(seen.refusals)),
        *((DriftKind.DECISION, code, 0) for code in set(seen.decisions)),
    ]
    rows = [
        {
            "archive": archive,
            "model": seen.model,
            "window": window,
            "kind": kind.value,
            "subject": subject,
            "bin": place,
            "count": 1,
        }
        for window in windows
        for kind, subject, place in sorted(subjects)  # one order for all: no deadlocks
    ]
    connection.execute(_one_more(connection.dialect.name), rows)


@cache
def _one_more(dialect: str) -> sqlite.Insert:
    """Return what counts one more, or the first."""
    return into(dialect, DRIFT_COUNT).on_conflict_do_update(
        index_elements=list(DRIFT_COUNT.primary_key.columns),
        set_={"count": DRIFT_COUNT.c.count + 1},
    )


def images(connection: Connection, archive: str, model: str, window: str) -> int:
    """Return how many images of a window were counted."""
    asked = {"of_archive": archive, "of_model": model, "of_window": window}
    return connection.scalar(IMAGES, asked) or 0


def windows(connection: Connection, archive: str) -> dict[str, tuple[str, ...]]:
    """Return model → its months in order, and `FIRST` last."""
    rows = connection.execute(
        select(DRIFT_COUNT.c.model, DRIFT_COUNT.c.window)
        .where(DRIFT_COUNT.c.archive == archive, DRIFT_COUNT.c.kind == DriftKind.IMAGE.value)
        .distinct()
        .order_by(DRIFT_COUNT.c.model, DRIFT_COUNT.c.window)
    )
    found: dict[str, tuple[str, ...]] = {}
    for model, window in rows:
        found[model] = (*found.get(model, ()), window)
    return found


def counts(connection: Connection, archive: str, model: str, window: str) -> Counts:
    """Return the histograms of one window."""
    rows = connection.execute(
        select(
            DRIFT_COUNT.c.kind, DRIFT_COUNT.c.subject, DRIFT_COUNT.c.bin, DRIFT_COUNT.c.count
        ).where(
            DRIFT_COUNT.c.archive == archive,
            DRIFT_COUNT.c.model == model,
            DRIFT_COUNT.c.window == window,
        )
    )
    found: Counts = {}
    for kind, subject, place, number in rows:
        found.setdefault((DriftKind(kind), subject), {})[place] = number
    return found


def compare(before: Counts, now: Counts, limits: DriftLimits) -> list[Shift]:
    """Compare a window with its reference, subject by subject; what moved most comes first."""
    subjects = sorted({key for key in (*before, *now) if key[0] is not DriftKind.IMAGE})
    chance = SIGNIFICANCE / max(len(subjects), 1)
    shifts = [_shift(key, before, now, limits, chance) for key in subjects]
    order = (DriftLevel.SHIFTED, DriftLevel.MOVING, DriftLevel.SAME, DriftLevel.TOO_FEW)
    return sorted(shifts, key=lambda s: (order.index(s.level), -s.psi, s.kind, s.subject))


def _shift(
    key: tuple[DriftKind, str], before: Counts, now: Counts, limits: DriftLimits, chance: float
) -> Shift:
    kind, subject = key
    then, here = _histogram(before, key), _histogram(now, key)
    edges = _groups(then) if kind in BINNED else [0, 1]
    grouped = [_grouped(histogram, edges) for histogram in (then, here)]
    index, p = psi(*grouped), ks_p(then, here)
    level = DriftLevel.SAME
    if min(sum(then.values()), sum(here.values())) < limits.least_images:
        level = DriftLevel.TOO_FEW
    elif p < chance and index >= limits.moving:
        level = DriftLevel.SHIFTED if index >= limits.shifted else DriftLevel.MOVING
    values = [_median(h) if kind in BINNED else _share(h) for h in (then, here)]
    return Shift(kind, subject, level, index, p, *values)


def _histogram(counts: Counts, key: tuple[DriftKind, str]) -> Histogram:
    """Return the bins of a label; for a code those without it (0) and with it (1)."""
    found = counts.get(key, {})
    if key[0] in BINNED:
        return found
    there, asked = sum(found.values()), ALL if key[0] is DriftKind.REFUSAL else READ
    return {0: sum(counts.get((DriftKind.IMAGE, asked), {}).values()) - there, 1: there}


def _groups(histogram: Histogram) -> list[int]:
    """Return the last bin of each of about `GROUPS` equal parts, the very last bin last."""
    edges: list[int] = []
    passed, whole = 0, sum(histogram.values())
    for place in sorted(histogram):
        passed += histogram[place]
        if passed * GROUPS >= whole * (len(edges) + 1) and passed < whole:
            edges.append(place)
    return [*edges, BINS - 1]


def _grouped(histogram: Histogram, edges: Sequence[int]) -> list[int]:
    """Return how many lie in each group."""
    found = [0] * len(edges)
    for place, number in histogram.items():
        found[next(i for i, edge in enumerate(edges) if place <= edge)] += number
    return found


def psi(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the population stability index of two counts over the same groups.

    Half a case is added to each group, so that an empty one gives a number.
    """
    total = 0.0
    sizes = [sum(side) + 0.5 * len(side) for side in (before, now)]
    for then, here in zip(before, now, strict=True):
        a, b = (then + 0.5) / sizes[0], (here + 0.5) / sizes[1]
        total += (b - a) * math.log(b / a)
    return total


def ks_p(before: Histogram, now: Histogram) -> float:
    """Return how often two samples of one distribution are as far apart as these; 1 for none."""
    sizes = sum(before.values()), sum(now.values())
    if not all(sizes):
        return 1.0
    apart, steps = 0.0, [0, 0]
    for place in sorted({*before, *now}):
        steps[0] += before.get(place, 0)
        steps[1] += now.get(place, 0)
        apart = max(apart, abs(steps[0] / sizes[0] - steps[1] / sizes[1]))
    return kolmogorov(apart * math.sqrt(sizes[0] * sizes[1] / sum(sizes)))


def kolmogorov(distance: float) -> float:
    """Return how often Kolmogorov's statistic is larger than `distance`, for large samples.

    Either of two series gives it; each converges in a few terms where it is used.

    Sources
    -------
    NIST/SEMATECH e-Handbook 1.3.5.16; Marsaglia, Tsang and Wang, J. Stat. Softw. 8(18), 2003.
    """
    if distance <= 0:
        return 1.0
    if distance < TURNING:
        power = -((math.pi / distance) ** 2) / 8
        below = sum(math.exp(power * (2 * k - 1) ** 2) for k in range(1, TERMS))
        return 1 - math.sqrt(2 * math.pi) / distance * below
    power = -2 * distance**2
    return 2 * sum((1 if k % 2 else -1) * math.exp(power * k**2) for k in range(1, TERMS))


def _median(histogram: Histogram) -> float:
    passed, whole = 0, sum(histogram.values())
    for place in sorted(histogram):
        passed += histogram[place]
        if 2 * passed >= whole:
            return middle_of(place)
    return math.nan


def _share(histogram: Histogram) -> float:
    whole = sum(histogram.values())
    return histogram.get(1, 0) / whole if whole else math.nan


def alarms(shifts: Iterable[Shift]) -> list[Shift]:
    """Return those that are an alarm."""
    return [shift for shift in shifts if shift.level is DriftLevel.SHIFTED]
