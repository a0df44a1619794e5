"""How many images does an answer need? ``hilum evaluate --plan``.

Sources
-------
Hanley and McNeil, Radiology 143 (1982), 29. Wilson, JASA 22 (1927), 209.
"""

import math
from collections.abc import Callable

from hilum.evaluation.ranking import FEWEST, hanley_variance
from hilum.values.proportions import Z, wilson


def _fewest(enough: Callable[[int], bool]) -> int:
    """Return the smallest number that is enough; what is enough stays so."""
    high = 2
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def images_for_area(half_width: float, area: float, prevalence: float) -> int:
    """Return how many images an AUROC needs for an interval of ± `half_width`.

    Parameters
    ----------
    half_width
        In (0, 0.5).
    area
        That is expected, in (0, 1).
    prevalence
        Share of images that show the finding, in (0, 1).
    """

    def enough(images: int) -> bool:
        positives, negatives = images * prevalence, images * (1 - prevalence)
        if min(positives, negatives) < FEWEST:  # the report would say too few
            return False
        return Z * math.sqrt(hanley_variance(area, positives, negatives)) <= half_width

    return _fewest(enough)


def cases_for_share(half_width: float, share: float) -> int:
    """Return how many images a sensitivity or specificity needs for ± `half_width`.

    Those with the finding count for a sensitivity, those without for a specificity.
    """

    def enough(cases: int) -> bool:
        low, high = wilson(share * cases, cases)
        return (high - low) / 2 <= half_width

    return _fewest(enough)
