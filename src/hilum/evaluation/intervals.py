"""Intervals, tests and what keeps many of them honest. NumPy alone: a node has no more.

Images of one patient are alike, so a patient counts as one: every variance here is taken over
patients, and equals the textbook's where each has one image.

Sources
-------
Newcombe, Stat Med 17 (1998), 873. Rao and Scott, Biometrics 48
(1992), 577 (clustered proportions). Holm, Scand J Statist 6 (1979), 65. Wallace, Ann Math Stat
30 (1959), 1121 (t as a normal deviate).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.values.proportions import Z, wilson

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Groups = NDArray[np.intp]
"""Which patient each image is of, as numbers from 0; see `groups_of`."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    """NaN where there is none."""
    low: float
    high: float
    """Ends of the interval; NaN where it cannot be told."""
    count: int = 0
    total: int = 0
    """For a share: of how many images, how many."""
    size: float = 0.0
    """As many independent images as it rests on; at most the number of images or patients."""

    @property
    def known(self) -> bool:
        """Whether there is a figure."""
        return not math.isnan(self.value)


UNKNOWN: Final = Estimate(math.nan, math.nan, math.nan)
"""What has no figure: nothing to count."""


def groups_of(patients: Sequence[str] | None, count: int) -> Groups:
    """Return the patient of each image as a number; an unnamed patient is one of his own.

    Parameters
    ----------
    patients
        An identifier an image, ``""`` where it is not known; None where none is.
    count
        Number of images.
    """
    if patients is None:
        return np.arange(count)
    named = [name or f"\0{number}" for number, name in enumerate(patients)]
    return np.unique(np.array(named, dtype=object), return_inverse=True)[1].astype(np.intp)


def logit(share: float) -> float:
    """Return the log odds of a share in (0, 1)."""
    return math.log(share / (1 - share))


def expit(odds: float) -> float:
    """Return the share whose log odds these are."""
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0  # noqa: PLR2004  exp's largest


def t_quantile(freedom: float) -> float:
    """Return the two-sided 95 % quantile of Student's t: `Z` for many degrees of freedom.

    The inverse of `as_normal` has a closed form; it is within 1 % from 4 degrees on.
    """
    if not math.isfinite(freedom):
        return Z
    scaled = Z * (8 * freedom + 3) / (8 * freedom + 1)
    return math.sqrt(freedom * math.expm1(scaled**2 / freedom))


def as_normal(t: float, freedom: float) -> float:
    """Return the normal deviate that is as unlikely as a value of Student's t."""
    if not math.isfinite(freedom):
        return t
    size = math.sqrt(freedom * math.log1p(t * t / freedom))
    return math.copysign(size * (8 * freedom + 1) / (8 * freedom + 3), t)


def p_value(deviate: float) -> float:
    """Return how often chance alone gives a normal deviate as large, either way."""
    return math.erfc(abs(deviate) / math.sqrt(2))


def effective_total(hits: Bools, groups: Groups) -> float:
    """Return as how many independent images these count (Rao and Scott), at most their number.

    Parameters
    ----------
    hits
        Shape ``(images,)``: which of them are what is counted.
    groups
        The same shape.
    """
    total = len(hits)
    _, inverse = np.unique(groups, return_inverse=True)
    sizes = np.bincount(inverse)
    clusters = len(sizes)
    if clusters in (0, total):
        return float(total)
    share = hits.mean()
    if share in (0, 1) or clusters == 1:
        return float(clusters)  # nothing varies: alike within a patient, for all we know
    spread = np.bincount(inverse, hits) - share * sizes
    variance = clusters / (clusters - 1) * float(spread @ spread) / total**2
    return float(min(total, share * (1 - share) / variance)) if variance > 0 else float(total)


def proportion(hits: ArrayLike, groups: Groups | None = None) -> Estimate:
    """Return a share with Wilson's interval, patients counted once.

    Parameters
    ----------
    hits
        Shape ``(images,)``: which of them are what is counted.
    groups
        The same shape; None: each image is a patient's only one.
    """
    found = np.asarray(hits, dtype=np.bool_)
    total, count = len(found), int(found.sum())
    if not total:
        return UNKNOWN
    where = np.arange(total) if groups is None else groups
    effective = effective_total(found, where)
    low, high = wilson(count / total * effective, effective)
    return Estimate(count / total, low, high, count, total, effective)


def difference(one: Estimate, other: Estimate, correlation: float = 0.0) -> Estimate:
    """Return `one` less `other` with Newcombe's interval, made of those of both."""
    if not (one.known and other.known):
        return UNKNOWN
    value = one.value - other.value

    def reach(near: float, far: float) -> float:
        return math.sqrt(max(near * near + far * far - 2 * correlation * near * far, 0.0))

    low = value - reach(one.value - one.low, other.high - other.value)
    high = value + reach(one.high - one.value, other.value - other.low)
    return Estimate(value, low, high, size=min(one.size, other.size))


def paired_difference(one: ArrayLike, other: ArrayLike, groups: Groups) -> tuple[Estimate, float]:
    """Return how two shares of the same images differ, the first less the second, and its p.

    Parameters
    ----------
    one, other
        Shape ``(images,)``: what each counts.
    groups
        The same shape: whose image it is, as numbers from 0.
    """
    apart = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    _, inverse = np.unique(groups, return_inverse=True)
    sizes = np.bincount(inverse)
    clusters = len(sizes)
    if clusters < 2:  # noqa: PLR2004
        return UNKNOWN, math.nan
    value = float(apart.mean())
    spread = np.bincount(inverse, apart) - value * sizes
    error = math.sqrt(clusters / (clusters - 1) * float(spread @ spread)) / len(apart)
    if error == 0:  # they never differ: at most as often as what was never seen may happen
        half = wilson(0, clusters)[1]
        return Estimate(value, value - half, value + half, size=clusters), 1.0
    half = t_quantile(clusters - 1) * error
    low, high = max(value - half, -1.0), min(value + half, 1.0)
    deviate = as_normal(value / error, clusters - 1)
    return Estimate(value, low, high, size=clusters), p_value(deviate)


def fisher(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the two-sided p of Fisher's exact test that two shares are one.

    Parameters
    ----------
    first, second
        Of each, how many of how many; rounded down, which is on the safe side.
    """
    (a, n), (b, m) = ((int(count), int(total)) for count, total in (first, second))
    hits = a + b
    if not n or not m or hits in (0, n + m):
        return 1.0
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + m + 1)))))
    of_first = np.arange(max(0, hits - m), min(n, hits) + 1)

    def ways(total: int, chosen: NDArray[np.intp]) -> Floats:
        return np.asarray(logs[total] - logs[chosen] - logs[total - chosen])

    chances = ways(n, of_first) + ways(m, hits - of_first) - ways(n + m, np.array([hits]))
    likely = np.exp(chances)
    seen = likely[a - of_first[0]]
    return float(min(1.0, likely[likely <= seen * (1 + 1e-7)].sum()))


def holm(values: Sequence[float]) -> list[float]:
    """Return p values adjusted so that all that are ≤ 0.05 hold together in 95 of 100 studies.

    NaN, of what was not tested, stays NaN and does not count.
    """
    order = sorted(
        (number for number, p in enumerate(values) if not math.isnan(p)), key=values.__getitem__
    )
    adjusted = [math.nan] * len(values)
    highest = 0.0
    for rank, number in enumerate(order):
        highest = max(highest, min(1.0, values[number] * (len(order) - rank)))
        adjusted[number] = highest
    return adjusted
