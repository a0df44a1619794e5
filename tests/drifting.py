"""Invented answers of a model and invented self-tests, for whoever tells of them."""

from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection

from hilum.records import constancy, drift
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestStart
from hilum.records.drift import DriftSample

LABELS = tuple(f"Label {number}" for number in range(18))
MODEL = "net 1 0123abcd"


def answers(rng: np.random.Generator, count: int, *, moved: float = 0.0) -> np.ndarray:
    """Return raw values (count, labels) of a population; `moved` shifts the logits of half."""
    context = np.linspace(-4, 0.5, len(LABELS))
    common = rng.normal(0, 0.7, (count, 1))  # an image that is bad is bad for all labels
    logits = context + common + rng.normal(0, 1.1, (count, len(LABELS)))
    logits[:, : len(LABELS) // 2] += moved
    return 1 / (1 + np.exp(-logits))


def seen(month: datetime, raw: np.ndarray | None, refusals: tuple[str, ...] = ()) -> DriftSample:
    """Return one image."""
    values = {} if raw is None else dict(zip(LABELS, raw.tolist(), strict=True))
    decisions = () if raw is None else ("monochrome1_inverted",)
    return DriftSample(MODEL, month, values, refusals, decisions)


def drifted(connection: Connection, archive: str, *, moved: float, now: datetime) -> None:
    """Count 100 images in the month before `now`, and 60 in its own whose scores moved.

    For settings with a reference of 100 images and 50 as the least.
    """
    rng = np.random.default_rng(4)
    before = now.replace(day=1) - timedelta(days=1)
    for month, count, by in ((before, 100, 0.0), (now, 60, moved)):
        for raw in answers(rng, count, moved=by):
            drift.count(connection, archive, seen(month, raw), reference_images=100)


def was_tested(
    connection: Connection,
    archive: str,
    ended: SelfTestEnd,
    at: datetime,
    mode: SelfTestMode = SelfTestMode.LIVE,
) -> None:
    """Write down a self-test that ended so."""
    number = constancy.begin(
        connection, SelfTestStart(archive, mode, at, at, "1.2", "1.2.3", "digest")
    )
    constancy.end(connection, number, ended, at, keep=5)
