"""From logits to findings: sigmoid, and TorchXRayVision's normalisation."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.reading import Finding


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logistic function of logits, any shape; in [0, 1], unitless.

    It is computed through the hyperbolic tangent, which overflows for no logit.
    """
    return 0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64)))


def normalise(raw: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put each raw value on the scale where 0.5 is its operating point.

    Piecewise linear: 0 → 0, the operating point → 0.5, 1 → 1.

    Parameters
    ----------
    raw
        Shape ``(labels,)``, in [0, 1].
    points
        Shape ``(labels,)``, in (0, 1).

    Returns
    -------
    NDArray[np.float64]
        Shape ``(labels,)``, in [0, 1]. Not a probability.

    Sources
    -------
    ``torchxrayvision.models.op_norm`` (1.5.7).
    """
    below = raw / (points * 2.0)
    above = 1.0 - (1.0 - raw) / ((1.0 - points) * 2.0)
    return np.where(raw < points, below, above)


def to_findings(
    labels: Sequence[str], logits: NDArray[np.float32], points: Sequence[float]
) -> tuple[Finding, ...]:
    """Pair labels with what the network said of them.

    Parameters
    ----------
    logits
        Shape ``(len(labels),)``, float32.
    points
        Operating point of each label, in (0, 1).

    Raises
    ------
    ValueError
        The three differ in length, or a logit is not a number.
    """
    raw = sigmoid(logits)
    scores = normalise(raw, np.asarray(points, dtype=np.float64))
    return tuple(
        Finding(label=label, raw=float(value), operating_point=point, score=float(score))
        for label, value, point, score in zip(labels, raw, points, scores, strict=True)
    )
