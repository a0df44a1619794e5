"""Out of distribution: how far an image lies from those that statistics were fitted on.

The pooled features of the network's last layer are standardised; their distance from the mean
is Mahalanobis', with a shrunk covariance of which the longest axes are kept. What is told of an
image is its percentile among the reference images, each measured with statistics that were
fitted without it: those of an image that took part in the fit would be too small.

Sources
-------
Lee et al., NeurIPS 2018 (distances of features). Ledoit and Wolf, J. Multivar. Anal. 88, 365,
2004 (shrinkage). Rousseeuw and Van Driessen, Technometrics 41, 212, 1999 (robust fit).
"""

import hashlib
import json
import math
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hilum.errors import StatisticsDamaged
from hilum.reading import ReferenceDistance
from hilum.values.half_precision import halved

AXES: Final = 64
"""Longest axes of the covariance that are kept; across all others it is taken as round."""

CORE: Final = 0.95
"""Share of the images that a robust fit rests on: the others may be anything."""

ROUNDS: Final = 3
"""How often the core is chosen anew."""

FOLDS: Final = 5
"""Each image is measured by a fit on all but its fold."""

FLOOR: Final = 0.1
"""Least spread of a feature, over the median of all: one that hardly ever moved is not endless."""

EVEN: Final = 1e-9
"""Variance along an axis, over the largest, below which it is none."""

FEWEST: Final = 2 * FOLDS
"""Images below which nothing can be fitted."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStatistics:
    """Mean and covariance of features."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    """Shape ``(features,)``: of each feature."""
    axes: NDArray[np.float32]
    """Shape ``(axes, features)``: orthonormal, of the standardised features."""
    precision: NDArray[np.float32]
    """Shape ``(axes + 1,)``: one over the variance along each axis, and across the rest."""

    def distances(self, features: NDArray[Any]) -> NDArray[np.float64]:
        """Return the distance of each image; about 1 is usual.

        Parameters
        ----------
        features
            Shape ``(images, features)``.
        """
        away = (features - self.mean) / self.scale
        along = (away @ self.axes.T) ** 2
        rest = np.maximum((away**2).sum(axis=1) - along.sum(axis=1), 0)
        whole = along @ self.precision[:-1] + rest * self.precision[-1]
        found: NDArray[np.float64] = np.sqrt(whole / features.shape[1]).astype(np.float64)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Statistics that were fitted for one model on one pixel pipeline."""

    key: str
    """Model and pixel pipeline: see `reference_key`."""
    version: int
    """Counts the fits of this key, from 1."""
    fitted: str
    """Day of the fit, e.g. ``"2026-11-27"``."""
    statistics: FeatureStatistics
    distances: NDArray[np.float32]
    """Shape ``(images,)``, rising: of each image, by a fit without it."""
    sha256: str = ""
    """Of the file that it was read from."""

    @property
    def images(self) -> int:
        """How many images it was fitted on."""
        return len(self.distances)

    def judge(self, features: NDArray[np.float32], limit: float) -> ReferenceDistance | None:
        """Return how far an image lies from the reference images; None where that has no answer.

        Parameters
        ----------
        features
            Shape ``(features,)``.
        limit
            Percentile from which an image is called unusual.
        """
        if features.shape != self.statistics.mean.shape or not np.isfinite(features).all():
            return None
        (distance,) = self.statistics.distances(halved(features[None]).astype(np.float32))
        nearer = int(np.searchsorted(self.distances, distance))
        return ReferenceDistance(
            percentile=round(100 * nearer / (self.images + 1), 2),
            limit=limit,
            distance=float(f"{distance:.5g}"),
            images=self.images,
            statistics=f"{self.version} {self.sha256[:8]}",
        )

    def to_bytes(self) -> bytes:
        """Return it as a file: NumPy's archive of arrays, without pickles."""
        facts = {"key": self.key, "version": self.version, "fitted": self.fitted}
        stream = BytesIO()
        np.savez(
            stream,
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            mean=self.statistics.mean,
            scale=self.statistics.scale,
            axes=self.statistics.axes,
            precision=self.statistics.precision,
            distances=self.distances,
        )
        return stream.getvalue()

    @classmethod
    def of_bytes(cls, contents: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises
        ------
        StatisticsDamaged
            It is something else.
        """
        try:
            with np.load(BytesIO(contents), allow_pickle=False) as file:
                facts = json.loads(bytes(file["facts"]))
                names = ("mean", "scale", "axes", "precision", "distances")
                mean, scale, axes, precision, distances = (
                    np.asarray(file[name], np.float32) for name in names
                )
            found = cls(
                str(facts["key"]),
                int(facts["version"]),
                str(facts["fitted"]),
                FeatureStatistics(mean, scale, axes, precision),
                distances,
                hashlib.sha256(contents).hexdigest(),
            )
        except (BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError) as exc:
            raise damaged() from exc
        shapes = (mean.shape, axes.shape, precision.shape)
        whole = shapes == (scale.shape, (len(precision) - 1, mean.size), (len(precision),))
        if not whole or not len(distances) or not (scale > 0).all():
            raise damaged()
        return found


def damaged() -> StatisticsDamaged:
    """Return the error for a file that holds no statistics."""
    return StatisticsDamaged(
        "The file of the reference images' statistics is damaged.", "Run `hilum models ood fit`."
    )


def fit(features: NDArray[Any], *, key: str, version: int, fitted: str) -> Reference:
    """Fit statistics on images.

    Parameters
    ----------
    features
        Shape ``(images, features)``; images of which a feature is no number are left out.

    Raises
    ------
    ValueError
        There are fewer than `FEWEST` images.
    """
    whole = halved(features[np.isfinite(features).all(axis=1)]).astype(np.float64)
    if len(whole) < FEWEST:
        raise ValueError(f"{len(whole)} images are too few")
    fold = np.random.default_rng(0).permutation(len(whole)) % FOLDS
    distances = np.empty(len(whole))
    for number in range(FOLDS):
        out = fold == number
        distances[out] = robust(whole[~out]).distances(whole[out])
    return Reference(key, version, fitted, robust(whole), np.sort(distances).astype(np.float32))


def robust(features: NDArray[np.float64]) -> FeatureStatistics:
    """Return the statistics of the core of the images, which is found step by step."""
    count = math.ceil(CORE * len(features))
    middle = np.median(features, axis=0)
    spread = floored(np.median(np.abs(features - middle), axis=0))
    distances = (((features - middle) / spread) ** 2).sum(axis=1)
    for _ in range(ROUNDS):
        found = moments(features[np.argsort(distances, kind="stable")[:count]])
        distances = found.distances(features)
    return found


def moments(features: NDArray[np.float64]) -> FeatureStatistics:
    """Return mean and shrunk covariance, whose axes are those of the smaller Gram matrix."""
    count, size = features.shape
    mean = features.mean(axis=0)
    scale = floored(features.std(axis=0))
    away = (features - mean) / scale
    if count < size:
        variances, sides = np.linalg.eigh(away @ away.T / count)
        long = np.argsort(variances)[::-1][: min(AXES, count - 1)]
        axes = sides[:, long].T @ away
        axes /= np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), np.finfo(float).tiny)
    else:
        variances, sides = np.linalg.eigh(away.T @ away / count)
        long = np.argsort(variances)[::-1][: min(AXES, size - 1)]
        axes = sides[:, long].T
    axes[variances[long] <= EVEN * variances.max()] = 0  # no direction, only rounding
    share = shrinkage(away, variances)
    even = variances.sum() / size
    rest = max(variances.sum() - variances[long].sum(), 0) / (size - len(long))
    shrunk = (1 - share) * np.append(variances[long], rest) + share * even
    precision = 1 / np.maximum(shrunk, 1e-6)
    parts = (np.asarray(part, np.float32) for part in (mean, scale, axes, precision))
    return FeatureStatistics(*parts)


def floored(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the spread of each feature, none of which is zero."""
    moving = spread[spread > 0]
    floor = FLOOR * float(np.median(moving)) if len(moving) else 1.0
    return np.maximum(spread, floor)


def shrinkage(away: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    """Return how far a covariance is drawn towards an even one, 0 to 1 (Ledoit and Wolf, 2004)."""
    count, size = away.shape
    squares = float((variances**2).sum())
    even = float(variances.sum()) / size
    uneven = squares - size * even**2
    chance = (float((((away**2).sum(axis=1)) ** 2).sum()) / count - squares) / count
    return min(max(chance / uneven, 0.0), 1.0) if uneven > 0 else 1.0
