"""Invented answers of a model, for the tests of drift."""

from datetime import datetime

import numpy as np

from hilum.records.drift import Seen

LABELS = tuple(f"Label {number}" for number in range(18))
MODEL = "net 1 0123abcd"


def answers(rng: np.random.Generator, count: int, *, moved: float = 0.0) -> np.ndarray:
    """Return raw values (count, labels) of a population; `moved` shifts the logits of half."""
    means = np.linspace(-4, 0.5, len(LABELS))
    common = rng.normal(0, 0.7, (count, 1))  # an image that is bad is bad for all labels
    logits = means + common + rng.normal(0, 1.1, (count, len(LABELS)))
    logits[:, : len(LABELS) // 2] += moved
    return 1 / (1 + np.exp(-logits))


def seen(month: datetime, raw: np.ndarray | None, refusals: tuple[str, ...] = ()) -> Seen:
    """Return one image."""
    values = {} if raw is None else dict(zip(LABELS, raw.tolist(), strict=True))
    decisions = () if raw is None else ("monochrome1_inverted",)
    return Seen(MODEL, month, values, refusals, decisions)
