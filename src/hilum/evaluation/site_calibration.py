"""Fits what turns raw values into calibrated probabilities at a site, and tries it on others.

As operating points are: fitted on the images of half of the patients, tried on those of the other
half. The probability holds for patients like these: where the finding is more frequent than among
the labelled images, it is too low.

Sources
-------
Platt, Advances in Large Margin Classifiers (1999), 61 (the curve, and targets that keep it finite).
Peduzzi et al., J Clin Epidemiol 49 (1996), 1373 (ten images with and without for each coefficient).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from hilum.evaluation.calibration import Calibration, calibrate, fitted_logistic
from hilum.evaluation.intervals import Bools, Floats, Groups, groups_of
from hilum.evaluation.operating_points import LEAST, TOO_FEW, Split, halves
from hilum.values.proportions import Z
from hilum.values.site_curve import SiteCurve, log_odds

LEAST_FITTED: Final = 20
"""Images with and without a finding that a curve is fitted on; it is tried on `LEAST` of each."""

NOT_RISING: Final = "not_rising"
"""A higher raw value does not make the finding likelier, or may not: its interval has 0."""

WhyNot = Literal["", "too_few", "not_rising"]
"""Why there is no curve; nothing where there is one."""


@dataclass(frozen=True, slots=True)
class SiteFit:
    """A curve that was fitted, and how it does on the other patients."""

    curve: SiteCurve
    positives: int
    negatives: int
    """Images that it was tried on."""
    before: Calibration
    after: Calibration
    """Of the raw value, and of the calibrated probability."""


def fit_sites(
    raw: Mapping[str, Floats], truth: Mapping[str, Floats], keys: Sequence[str]
) -> dict[str, SiteFit | WhyNot]:
    """Fit and try the curve of each finding; parameters as by `choose_points`.

    Returns
    -------
    dict of str to SiteFit or str
        Why not, where there is none.
    """
    split = Split(halves(keys), groups_of(keys, len(keys)))
    return {
        label: _fitted(values, truth[label], split)
        for label, values in raw.items()
        if label in truth
    }


def _fitted(values: Floats, shown: Floats, split: Split) -> SiteFit | WhyNot:
    known = ~(np.isnan(values) | np.isnan(shown))
    here, there = known & split.first, known & ~split.first
    if fewest(shown[here] > 0) < LEAST_FITTED or fewest(shown[there] > 0) < LEAST:
        return TOO_FEW
    curve = fit_curve(values[here], shown[here] > 0, split.patients[here])
    if curve is None:
        return NOT_RISING
    tried, whose = shown[there] > 0, split.patients[there]
    positives = int(tried.sum())
    return SiteFit(
        curve,
        positives,
        len(tried) - positives,
        calibrate(values[there], tried, whose),
        calibrate(curve.probabilities(values[there]), tried, whose),
    )


def fewest(shown: Bools) -> int:
    """Return how many images show the finding, or do not: whichever is fewer."""
    return int(min(shown.sum(), (~shown).sum()))


def fit_curve(raw: Floats, shown: Bools, whose: Groups) -> SiteCurve | None:
    """Return the curve of Platt; None where a higher raw value may not make the finding likelier.

    Parameters
    ----------
    raw
        Shape ``(images,)``, in [0, 1].
    shown
        The same shape: which images show the finding.
    whose
        The same shape: patients as numbers from 0.
    """
    positives = int(shown.sum())
    targets = np.where(shown, (positives + 1) / (positives + 2), 1 / (len(shown) - positives + 2))
    found = fitted_logistic(np.stack([np.ones(len(raw)), log_odds(raw)], axis=1), targets, whose)
    if found is None:
        return None
    (intercept, slope), variance = map(np.ndarray.tolist, found)
    if slope - Z * variance[1][1] ** 0.5 <= 0:
        return None
    variances = (variance[0][0], variance[0][1], variance[1][1])
    return SiteCurve(intercept, slope, variances, len(raw))
