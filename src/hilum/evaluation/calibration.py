"""What scores have meant: of images with such a score, how many show the finding.

A score is not a probability. The curve says what a score has meant on these images; slope,
intercept and Brier score say how far it is from being one.

Sources
-------
Van Calster et al., BMC Med 17 (2019), 230. Brier, Mon Weather Rev 78 (1950), 1.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from hilum.evaluation.intervals import UNKNOWN, Bools, Estimate, Floats, Groups, proportion
from hilum.values.proportions import Z
from hilum.values.site_curve import log_odds

BINS: Final = 10
"""Points of a curve, of equally many images each."""

STEPS: Final = 50
"""Newton's steps at most; it needs a handful, or there is no answer."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Images with nearly the same score."""

    score: float
    """Their mean score."""
    shown: Estimate
    """Share of them that shows the finding."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What scores have meant."""

    curve: tuple[CurvePoint, ...]
    slope: Estimate
    """Of the log odds over the score's: 1 for a probability, less where scores are too extreme."""
    intercept: Estimate
    """Log odds by which images show the finding more often than a score of theirs would say."""
    brier: float
    """Mean squared distance of score and truth; lower is better."""
    brier_of_prevalence: float
    """The same where every score is the prevalence."""


def calibrate(scores: ArrayLike, truth: ArrayLike, groups: Groups | None = None) -> Calibration:
    """Return what scores have meant on these images.

    Parameters
    ----------
    scores
        Shape ``(images,)``, in [0, 1].
    truth
        The same shape: which images show the finding.
    groups
        The same shape: whose image it is; None: each is a patient's only one.
    """
    values, shown = np.asarray(scores, np.float64), np.asarray(truth, np.bool_)
    whose = np.arange(len(values)) if groups is None else groups
    share = float(shown.mean()) if len(shown) else math.nan
    odds = log_odds(values)
    slope = intercept = UNKNOWN
    if 0 < share < 1:
        fitted = logistic(np.stack([np.ones(len(odds)), odds], axis=1), shown, whose)
        slope = fitted[1]
        intercept = logistic(np.ones((len(odds), 1)), shown, whose, offset=odds)[0]
    brier = float(((values - shown) ** 2).mean()) if len(values) else math.nan
    return Calibration(_curve(values, shown, whose), slope, intercept, brier, share * (1 - share))


def _curve(values: Floats, shown: Bools, whose: Groups) -> tuple[CurvePoint, ...]:
    """Return points from the lowest score to the highest; equal scores stay in one."""
    if not len(values):
        return ()
    order = np.argsort(values, kind="stable")
    bounds = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    edges = np.unique(np.searchsorted(values[order], bounds, side="right"))
    return tuple(
        CurvePoint(float(values[part].mean()), proportion(shown[part], whose[part]))
        for part in np.split(order, edges)
        if len(part)
    )


def logistic(
    design: Floats, shown: Bools, whose: Groups, offset: Floats | None = None
) -> list[Estimate]:
    """Return the coefficients of a logistic regression, with intervals robust to patients.

    Parameters
    ----------
    design
        Shape ``(images, coefficients)``.
    shown
        Shape ``(images,)``, bool.
    whose
        The same shape: patients as numbers from 0.
    offset
        The same shape: log odds that are given.

    Returns
    -------
    list of Estimate
        Unknown ones where scores and truth leave no answer, e.g. when they separate.
    """
    fitted = fitted_logistic(design, shown, whose, offset)
    if fitted is None:
        return [UNKNOWN] * design.shape[1]
    found, variance = fitted
    halves = Z * np.sqrt(np.diag(variance))
    clusters = len(np.unique(whose))
    return [
        Estimate(float(value), float(value - half), float(value + half), size=clusters)
        for value, half in zip(found, halves, strict=True)
    ]


def fitted_logistic(
    design: Floats, targets: Floats | Bools, whose: Groups, offset: Floats | None = None
) -> tuple[Floats, Floats] | None:
    """Return the coefficients of a logistic regression and their covariance; None: no answer.

    Where scores nearly separate, what is left over is too little for a covariance that is robust
    to patients: it is the model's own where that one is greater.

    Parameters
    ----------
    design, whose, offset
        As by `logistic`.
    targets
        Shape ``(images,)``, in [0, 1].
    """
    given = np.zeros(len(design)) if offset is None else offset
    found = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ found + given, -500, 500)))
        weight = chance * (1 - chance)
        bread = design.T @ (design * weight[:, None])
        if not np.isfinite(bread).all() or np.linalg.cond(bread) > 1 / np.finfo(float).eps:
            return None
        step = np.linalg.solve(bread, design.T @ (targets - chance))
        found = found + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:  # noqa: PLR2004  settled
            break
    else:
        return None
    scores = design * (targets - chance)[:, None]
    summed = np.stack([np.bincount(whose, column) for column in scores.T], axis=1)
    clusters = len(np.unique(whose))
    inverse = np.asarray(np.linalg.inv(bread), np.float64)
    spread = inverse @ (summed.T @ summed) @ inverse
    robust = np.asarray(spread * clusters / max(clusters - 1, 1), np.float64)
    return found, robust if robust[-1, -1] > inverse[-1, -1] else inverse
