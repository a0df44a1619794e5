"""Areas under curves: how well scores rank images with a finding above those without.

One vector carries all: what each patient adds to an area's error (its influence). Variances
and covariances, of two models on the same images or of two groups with patients in common, are
sums of its products. With one image a patient they equal DeLong's.

Sources
-------
DeLong et al., Biometrics 44 (1988), 837. Obuchowski, Biometrics 53 (1997), 567 (clustered).
Sun and Xu, IEEE Signal Process Lett 21 (2014), 1389 (midranks). Boyd et al., ECML PKDD 2013,
LNCS 8190, 451 (precision and recall). Hanley and McNeil, Radiology 143 (1982), 29.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.evaluation.intervals import (
    UNKNOWN,
    Bools,
    Estimate,
    Floats,
    Groups,
    as_normal,
    difference,
    expit,
    logit,
    p_value,
    t_quantile,
)
from hilum.values.proportions import wilson

FEWEST: Final = 10
"""Patients with a finding, and without, below which an interval's coverage cannot be trusted."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How scores rank images with a finding above those without.

    Attributes
    ----------
    area
        Under the ROC curve; NaN when either kind is missing.
    influence
        Shape ``(patients,)``: what each adds to the error of `area`. Patients are numbered as
        in the ``groups`` that it was made with, also those that have no image here.
    positives, negatives
        Images with the finding, and without.
    positive_clusters, negative_clusters
        Patients with such an image.
    freedom
        Degrees of freedom of the variance (Satterthwaite).
    """

    area: float
    influence: Floats
    positives: int
    negatives: int
    positive_clusters: int
    negative_clusters: int
    freedom: float

    @property
    def variance(self) -> float:
        """Of the area; NaN with less than two patients of either kind."""
        if min(self.positive_clusters, self.negative_clusters) < 2:  # noqa: PLR2004
            return math.nan
        return float(self.influence @ self.influence)

    @property
    def too_few(self) -> bool:
        """Whether an interval would claim more than it can keep."""
        return min(self.positive_clusters, self.negative_clusters) < FEWEST

    @property
    def safe_area(self) -> float:
        """The area, no nearer to 0 and 1 than half a pair of images."""
        edge = 0.5 / (self.positives * self.negatives)
        return min(max(self.area, edge), 1 - edge)

    @property
    def logit_error(self) -> float:
        """Standard error on the logit; after Hanley and McNeil where all pairs are ranked alike."""
        area, variance = self.safe_area, self.variance
        if variance == 0:
            variance = hanley_variance(area, self.positive_clusters, self.negative_clusters)
        return math.sqrt(variance) / (area * (1 - area))

    @property
    def estimate(self) -> Estimate:
        """The area with its interval, symmetric on the logit."""
        if math.isnan(self.area):
            return UNKNOWN
        if math.isnan(self.variance):
            return Estimate(self.area, math.nan, math.nan)
        clusters = min(self.positive_clusters, self.negative_clusters)
        if self.area in (0, 1):  # nothing varies: as many successes as patients of the rarer kind
            return Estimate(self.area, *wilson(self.area * clusters, clusters), size=clusters)
        middle, half = logit(self.area), t_quantile(self.freedom) * self.logit_error
        return Estimate(self.area, expit(middle - half), expit(middle + half), size=clusters)


def midranks(values: Floats) -> Floats:
    """Return ranks from 1; equal values share their mean rank. Shape ``(n,)``."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def rank(scores: ArrayLike, truth: ArrayLike, groups: Groups | None = None) -> Ranking:
    """Return how well scores rank; any increasing function of them gives the same.

    Parameters
    ----------
    scores
        Shape ``(images,)``, finite.
    truth
        The same shape: which images show the finding.
    groups
        The same shape: whose image it is, as numbers from 0; None: each is a patient's only one.
    """
    values, shown = np.asarray(scores, np.float64), np.asarray(truth, np.bool_)
    whose = np.arange(len(values)) if groups is None else groups
    patients = int(whose.max()) + 1 if len(whose) else 0
    positives, negatives = int(shown.sum()), int((~shown).sum())
    of_positives, of_negatives = (len(np.unique(whose[kind])) for kind in (shown, ~shown))
    if not positives or not negatives:
        nothing = np.zeros(patients)
        return Ranking(math.nan, nothing, positives, negatives, of_positives, of_negatives, 0.0)
    ranks = midranks(values)
    above = (ranks[shown] - midranks(values[shown])) / negatives
    below = 1 - (ranks[~shown] - midranks(values[~shown])) / positives
    area = float(above.mean())
    parts = [
        _spread(above - area, whose[shown], patients, of_positives),
        _spread(below - area, whose[~shown], patients, of_negatives),
    ]
    freedom = _satterthwaite(parts, (of_positives, of_negatives))
    return Ranking(
        area, parts[0] + parts[1], positives, negatives, of_positives, of_negatives, freedom
    )


def _spread(placed: Floats, whose: Groups, patients: int, clusters: int) -> Floats:
    """Return what each patient's images of one kind add; sums of squares are variances."""
    summed = np.bincount(whose, placed, minlength=patients) / len(placed)
    return summed * math.sqrt(clusters / (clusters - 1)) if clusters > 1 else summed


def _satterthwaite(parts: list[Floats], clusters: tuple[int, int]) -> float:
    """Return the degrees of freedom of a sum of variances."""
    variances = [float(part @ part) for part in parts]
    doubt = sum(v * v / (n - 1) for v, n in zip(variances, clusters, strict=True) if n > 1)
    return sum(variances) ** 2 / doubt if doubt > 0 else float(min(clusters) - 1)


def hanley_variance(area: float, positives: float, negatives: float) -> float:
    """Return an area's variance as Hanley and McNeil plan it, from numbers of images alone."""
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    return (
        area * (1 - area)
        + (positives - 1) * (first - area**2)
        + (negatives - 1) * (second - area**2)
    ) / (positives * negatives)


@dataclass(frozen=True, slots=True)
class AreaComparison:
    """How far two areas differ."""

    difference: Estimate
    """The first less the second."""
    p: float
    """How often chance alone gives so large a difference; NaN where it cannot be told."""
    too_few: bool
    """Whether one of them rests on too few patients."""


def compare(one: Ranking, other: Ranking) -> AreaComparison:
    """Compare two areas: of two models on the same images, or of two groups of patients.

    Both were made with the same numbering of patients; those in common are accounted for.
    """
    too_few = one.too_few or other.too_few
    if math.isnan(one.variance) or math.isnan(other.variance):
        return AreaComparison(UNKNOWN, math.nan, too_few)
    together = min(len(one.influence), len(other.influence))
    shared = float(one.influence[:together] @ other.influence[:together])
    scale = math.sqrt(one.variance * other.variance)
    correlation = min(max(shared / scale, -1.0), 1.0) if scale else 0.0
    apart = difference(one.estimate, other.estimate, correlation)
    errors = (one.logit_error, other.logit_error)
    variance = errors[0] ** 2 + errors[1] ** 2 - 2 * correlation * errors[0] * errors[1]
    moved = logit(one.safe_area) - logit(other.safe_area)
    if variance <= 0:
        return AreaComparison(apart, 1.0 if moved == 0 else 0.0, too_few)
    deviate = as_normal(moved / math.sqrt(variance), min(one.freedom, other.freedom))
    return AreaComparison(apart, p_value(deviate), too_few)


@dataclass(frozen=True, slots=True, eq=False)
class RankingCurve:
    """A ROC or precision–recall curve, one point a distinct score, the highest first."""

    thresholds: Floats
    x: Floats
    y: Floats
    """Shape ``(points,)``: false-positive rate and sensitivity, or recall and precision."""


def counts_above(scores: Floats, truth: Bools) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Return each distinct score, falling, and the true and false positives from it up."""
    order = np.argsort(-scores, kind="stable")
    falling, shown = scores[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    hits = np.cumsum(shown)[last]
    return falling[last], hits, 1 + last - hits


def roc_curve(scores: Floats, truth: Bools) -> RankingCurve:
    """Return the ROC curve, from (0, 0) to (1, 1); both kinds of images are there."""
    thresholds, hits, false = counts_above(scores, truth)
    x = np.concatenate(([0.0], false / false[-1]))
    y = np.concatenate(([0.0], hits / hits[-1]))
    return RankingCurve(np.concatenate(([np.inf], thresholds)), x, y)


def precision_recall(scores: Floats, truth: Bools) -> RankingCurve:
    """Return precision over recall; an image with the finding is there."""
    thresholds, hits, false = counts_above(scores, truth)
    return RankingCurve(thresholds, hits / hits[-1], hits / (hits + false))


def average_precision(
    scores: ArrayLike, truth: ArrayLike, groups: Groups | None = None
) -> Estimate:
    """Return the area under the precision–recall curve: the mean precision at each positive.

    Its interval is Boyd's, on the logit, with patients that have the finding as its size.
    """
    values, shown = np.asarray(scores, np.float64), np.asarray(truth, np.bool_)
    if not shown.any() or shown.all():
        return UNKNOWN
    curve = precision_recall(values, shown)
    area = float(np.diff(curve.x, prepend=0.0) @ curve.y)
    clusters = int(shown.sum()) if groups is None else len(np.unique(groups[shown]))
    if area >= 1:
        return Estimate(1.0, *wilson(clusters, clusters), size=clusters)
    half = t_quantile(max(clusters - 1, 1)) / math.sqrt(clusters * area * (1 - area))
    middle = logit(area)
    return Estimate(area, expit(middle - half), expit(middle + half), size=clusters)
