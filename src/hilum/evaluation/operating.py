"""What an operating point does: right and wrong calls, and what a positive is worth.

Sources
-------
Mercaldo et al., Stat Med 26 (2007), 2170 (predictive values at another prevalence). STARD 2015.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hilum.evaluation.intervals import UNKNOWN, Bools, Estimate, Groups, expit, logit, proportion
from hilum.values.proportions import Z


@dataclass(frozen=True, slots=True)
class PointFigures:
    """One finding at one operating point."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    called: Estimate
    """Share of images that are called positive."""
    prevalence: Estimate
    """Share of images that show the finding."""


def counted(called: Bools, truth: Bools) -> tuple[int, int, int, int]:
    """Return how many are true positives, false positives, false and true negatives."""
    pairs = ((called, truth), (called, ~truth), (~called, truth), (~called, ~truth))
    found, alarms, missed, rest = (int((one & other).sum()) for one, other in pairs)
    return found, alarms, missed, rest


def at_point(called: ArrayLike, truth: ArrayLike, groups: Groups | None = None) -> PointFigures:
    """Return the figures of an operating point.

    Parameters
    ----------
    called
        Shape ``(images,)``: which of them the model calls positive.
    truth
        The same shape: which show the finding.
    groups
        The same shape: whose image it is; None: each is a patient's only one.
    """
    said, shown = np.asarray(called, np.bool_), np.asarray(truth, np.bool_)
    whose = np.arange(len(said)) if groups is None else groups

    def share(hits: Bools, among: Bools) -> Estimate:
        return proportion(hits[among], whose[among])

    return PointFigures(
        *counted(said, shown),
        sensitivity=share(said, shown),
        specificity=share(~said, ~shown),
        ppv=share(shown, said),
        npv=share(~shown, ~said),
        called=proportion(said, whose),
        prevalence=proportion(shown, whose),
    )


def ppv_at(figures: PointFigures, prevalence: float) -> Estimate:
    """Return what a positive is worth where another share of images shows the finding.

    Parameters
    ----------
    prevalence
        In (0, 1).
    """
    return _predictive(figures.sensitivity, figures.specificity, prevalence)


def npv_at(figures: PointFigures, prevalence: float) -> Estimate:
    """Return what a negative is worth there."""
    return _predictive(figures.specificity, figures.sensitivity, 1 - prevalence)


def _predictive(right: Estimate, other: Estimate, prevalence: float) -> Estimate:
    """Return Bayes' answer on the logit; half an image is added where a share is 0 or 1."""
    if not (right.known and other.known):
        return UNKNOWN
    caught, spared = _inside(right), _inside(other)
    middle = logit(prevalence) + math.log(caught / (1 - spared))
    half = Z * math.sqrt(
        (1 - caught) / (caught * right.size) + spared / ((1 - spared) * other.size)
    )
    hits = prevalence * right.value
    false = (1 - prevalence) * (1 - other.value)
    if hits + false == 0:
        return UNKNOWN
    value = hits / (hits + false)
    low, high = min(value, expit(middle - half)), max(value, expit(middle + half))
    return Estimate(value, low, high, size=min(right.size, other.size))


def _inside(share: Estimate) -> float:
    if 0 < share.value < 1:
        return share.value
    return (share.value * share.size + 0.5) / (share.size + 1)
