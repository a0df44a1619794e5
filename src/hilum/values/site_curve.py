"""From a model's raw value to a probability, by a curve that was fitted on a site's own images.

Sources
-------
Platt, Advances in Large Margin Classifiers (1999), 61: a logistic curve. An isotonic one follows
single images where a site has a few hundred, and makes different scores equal.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.values.proportions import Z

EDGE: Final = 1e-6
"""How near to 0 and 1 a raw value or a score counts."""


@dataclass(frozen=True, slots=True)
class SiteProbability:
    """What people call a calibrated probability at this site."""

    value: float
    low: float
    high: float
    """In (0, 1), with its 95 % interval."""
    images: int
    """On so many the curve was fitted."""


@dataclass(frozen=True, slots=True)
class SiteCurve:
    """A logistic curve of the log odds of the raw value."""

    intercept: float
    slope: float
    """Log odds at a raw value of 0.5, and per log odds of the raw value; the latter above 0."""
    variances: tuple[float, float, float]
    """Of the intercept, of both together (covariance), of the slope; images of one patient count
    as such."""
    images: int

    def __post_init__(self) -> None:
        values = (self.intercept, self.slope, *self.variances)
        if not all(map(math.isfinite, values)) or self.slope <= 0 or self.images < 1:
            raise ValueError("a curve rises, and rests on images")

    def probabilities(self, raw: ArrayLike) -> NDArray[np.float64]:
        """Return the probability of each raw value, any shape."""
        return expit(self.intercept + self.slope * log_odds(raw))

    def of(self, raw: float) -> SiteProbability:
        """Return what a raw value in [0, 1] means at the site."""
        odds = float(log_odds(raw))
        middle = self.intercept + self.slope * odds
        own, shared, rising = self.variances
        half = Z * math.sqrt(max(own + 2 * odds * shared + odds * odds * rising, 0.0))
        value, low, high = (float(expit(middle + each)) for each in (0.0, -half, half))
        return SiteProbability(value, low, high, self.images)


def log_odds(share: ArrayLike) -> NDArray[np.float64]:
    """Return the log odds of shares in [0, 1], any shape."""
    inside = np.clip(np.asarray(share, np.float64), EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def expit(odds: ArrayLike) -> NDArray[np.float64]:
    """Return the share of log odds; it overflows for none."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(odds, np.float64))))
