"""How often readers agree with the model: agreement, never a reference.

A reader who was shown the model's findings is no blind reference for them.
"""

from dataclasses import dataclass

import numpy as np

from hilum.evaluation.intervals import Estimate, proportion
from hilum.evaluation.label_table import PRESENT, Key, LabelTable
from hilum.evaluation.readings import ReadingTable


@dataclass(frozen=True, slots=True)
class FindingAgreement:
    """Reviews of one finding, with the model's findings shown or not."""

    label: str
    unaided: bool
    agree: int
    missed: int
    """Reviews that say present where the model does not."""
    false_alarms: int
    """Reviews that say absent where the model says present."""
    share: Estimate
    """Of reviews that agree."""


def agreements(reviews: LabelTable, readings: ReadingTable) -> list[FindingAgreement]:
    """Return how reviews compare with readings, finding by finding; unsure ones do not count."""
    at = {uid: number for number, uid in enumerate(readings.instances) if uid}
    counted: dict[tuple[str, bool], list[tuple[str, int]]] = {}
    for row, uid in enumerate(reviews.keys[Key.INSTANCE]):
        if uid not in at:
            continue
        for column, label in enumerate(reviews.findings):
            said = reviews.truth[row, column]
            if np.isnan(said) or label not in readings.labels:
                continue
            called = bool(readings.positive[at[uid], readings.labels.index(label)])
            present = said == PRESENT
            kind = "agree" if called == present else "missed" if present else "false_alarms"
            counted.setdefault((label, reviews.unaided[row]), []).append((kind, at[uid]))
    found = []
    for (label, unaided), answers in sorted(counted.items()):
        kinds, images = zip(*answers, strict=True)
        agree, missed, alarms = map(kinds.count, ("agree", "missed", "false_alarms"))
        share = proportion(np.array(kinds) == "agree", np.array(images))
        found.append(FindingAgreement(label, unaided, agree, missed, alarms, share))
    return found
