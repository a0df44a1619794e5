"""A share that was counted, and how sure it is."""

import math
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.95
"""Confidence of every interval."""

Z: Final = NormalDist().inv_cdf((1 + LEVEL) / 2)
"""Its normal quantile, 1.96."""


def wilson(count: float, total: float) -> tuple[float, float]:
    """Return Wilson's interval of a share; (NaN, NaN) of nothing.

    Parameters
    ----------
    count, total
        How many of how many; an effective number need not be whole.

    Sources
    -------
    Wilson, JASA 22 (1927), 209.
    """
    if total <= 0:
        return math.nan, math.nan
    share, square = count / total, Z * Z / total
    middle = (share + square / 2) / (1 + square)
    half = Z * math.sqrt(max(share * (1 - share), 0) / total + square / total / 4) / (1 + square)
    low = 0.0 if count <= 0 else middle - half
    return max(low, 0.0), 1.0 if count >= total else min(middle + half, 1.0)
