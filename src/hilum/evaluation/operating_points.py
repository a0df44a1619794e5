"""Chooses operating points on the images of half of the patients, and tries them on the others'.

A threshold looks better on the images on which it was chosen than it is: what counts is how it
does on the other half. TorchXRayVision's own rule for ``ppv80`` takes the threshold before the
first that has a predictive value of 0.8, which may rest on a single image; here one rests on
`LEAST`.

Sources
-------
Youden, Cancer 3 (1950), 32. Leeflang et al., Clin Chem 54 (2008), 729 (bias of data-driven
thresholds).
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple, Self

import numpy as np

from hilum.errors import SettingInvalid
from hilum.evaluation.intervals import Bools, Floats, Groups, groups_of
from hilum.evaluation.operating import PointFigures, at_point

LEAST: Final = 10
"""Images with and without a finding that a threshold is chosen on, and positives of a PPV."""

TOO_FEW: Final = "too_few"
NOT_REACHED: Final = "not_reached"
"""Why a rule chooses no threshold: fewer images than `LEAST`, or none reaches the target."""

Why = Literal["", "too_few", "not_reached"]
"""These, and nothing where one was chosen."""

TINY: Final = 1e-9
"""A share that is less than its target by rounding alone reaches it."""


class RuleKind(StrEnum):
    """What a threshold is chosen for."""

    SENSITIVITY = "sensitivity"
    """The highest threshold that reaches it."""
    SPECIFICITY = "specificity"
    PPV = "ppv"
    """The lowest one that does."""
    YOUDEN = "youden"
    """The one with the greatest sum of both, if that is more than chance's."""


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """How thresholds are chosen."""

    kind: RuleKind
    target: float = 0.0
    """What is to be reached, in (0, 1); 0 of `YOUDEN`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule that is written ``sensitivity=0.95`` or ``youden``.

        Raises
        ------
        SettingInvalid
            It is written otherwise.
        """
        name, _, value = text.strip().casefold().partition("=")
        kind = next((each for each in RuleKind if each == name.strip()), None)
        try:
            target = float(value.replace(",", ".").removesuffix("%") or 0)
            target /= 100 if value.endswith("%") else 1
        except ValueError:
            target = math.nan
        needs_target = kind is not RuleKind.YOUDEN
        if kind is None or not 0 <= target < 1 or needs_target is (target == 0):
            raise SettingInvalid(
                "{text!r} is no rule to choose operating points by.",
                "Write sensitivity=0.95, specificity=0.95, ppv=0.8 or youden.",
                text=text,
            )
        return cls(kind, target)

    def __str__(self) -> str:
        return f"{self.kind}={self.target:g}" if self.target else self.kind.value


@dataclass(frozen=True, slots=True)
class ChosenPoint:
    """The operating point of one finding."""

    threshold: float
    """On the raw value, in (0, 1)."""
    why: Why
    """Why the rule did not choose it, and it stays as it was: `TOO_FEW` or `NOT_REACHED`; empty
    when the rule did."""
    positives: int
    negatives: int
    """Images on which it was chosen."""
    held_out: PointFigures | None
    """How it does on the other patients; None where there is none with a label."""


def halves(keys: Sequence[str]) -> Bools:
    """Return on which images thresholds are chosen: those of half of the patients.

    The same patients in whatever order, and nearly the same when others are added.

    Parameters
    ----------
    keys
        Patient of each image; where that is not known, what names the image.

    Returns
    -------
    NDArray[np.bool_]
        Shape ``(images,)``.
    """
    ordered = sorted(set(keys), key=lambda key: hashlib.sha256(key.encode()).digest())
    first = set(ordered[: (len(ordered) + 1) // 2])
    return np.array([key in first for key in keys], dtype=np.bool_)


class Split(NamedTuple):
    """Which images thresholds are chosen on, and whose each is."""

    first: Bools
    patients: Groups
    """Both of shape ``(images,)``."""


def choose_points(
    rule: ChoiceRule,
    raw: Mapping[str, Floats],
    truth: Mapping[str, Floats],
    keys: Sequence[str],
    default: Mapping[str, float],
) -> dict[str, ChosenPoint]:
    """Choose the operating point of each finding, and try it.

    Parameters
    ----------
    raw
        Label → shape ``(images,)``: the model's raw values; NaN where it gave none.
    truth
        Label → the same shape: 1 shown, 0 not shown, NaN unknown.
    keys
        As by `halves`.
    default
        Label → the threshold that stays where none can be chosen.
    """
    split = Split(halves(keys), groups_of(keys, len(keys)))
    return {
        label: _chosen(rule, values, truth[label], default[label], split)
        for label, values in raw.items()
        if label in truth
    }


def _chosen(
    rule: ChoiceRule, values: Floats, shown: Floats, default: float, split: Split
) -> ChosenPoint:
    known = ~(np.isnan(values) | np.isnan(shown))
    here, there = known & split.first, known & ~split.first
    threshold, why = threshold_of(rule, values[here], shown[here] > 0)
    point = default if threshold is None else threshold
    tried = None
    if there.any():
        tried = at_point(values[there] >= point, shown[there] > 0, split.patients[there])
    positives = int((shown[here] > 0).sum())
    return ChosenPoint(point, why, positives, int(here.sum()) - positives, tried)


def threshold_of(rule: ChoiceRule, values: Floats, shown: Bools) -> tuple[float | None, Why]:
    """Return the threshold that a rule chooses; None, and why, where it cannot.

    It lies half-way to the next lower value, so that no image is on it.

    Parameters
    ----------
    values
        Shape ``(images,)``, in [0, 1].
    shown
        The same shape: which images show the finding.
    """
    positives, negatives = int(shown.sum()), int((~shown).sum())
    if min(positives, negatives) < LEAST:
        return None, TOO_FEW
    levels, inverse = np.unique(-values, return_inverse=True)  # the highest value first
    hits = np.cumsum(np.bincount(inverse, shown))
    false = np.cumsum(np.bincount(inverse, ~shown))
    sensitivity, specificity = hits / positives, 1 - false / negatives
    gain = sensitivity + specificity - 1
    reached = {
        RuleKind.SENSITIVITY: sensitivity >= rule.target - TINY,
        RuleKind.SPECIFICITY: specificity >= rule.target - TINY,
        RuleKind.PPV: (hits / (hits + false) >= rule.target - TINY) & (hits + false >= LEAST),
        RuleKind.YOUDEN: (gain >= gain.max() - TINY) & (gain > TINY),
    }[rule.kind]
    places = np.flatnonzero(reached)
    if not len(places):
        return None, NOT_REACHED
    place = places[0] if rule.kind is RuleKind.SENSITIVITY else places[-1]
    value = float(-levels[place])
    below = float(-levels[place + 1]) if place + 1 < len(levels) else 0.0
    threshold = (value + below) / 2
    if not 0 < threshold < 1:
        return None, NOT_REACHED
    return threshold, ""
