"""How a patient's scores went: over the studies that one model read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hilum.radiograph import ImageUIDs
from hilum.records.stored_reading import StoredReading
from hilum.records.worklist import StudyRow
from hilum.values.dates import read_date
from hilum.web.charts import Score
from hilum.web.sessions import Visitor
from hilum.web.worklist import spoken
from hilum.wording import day_text


@dataclass(frozen=True, slots=True)
class ScoreHistory:
    """A label's scores over the patient's studies, the oldest first."""

    scores: Mapping[str, Sequence[Score]]
    others: int
    """Studies that another model read: their scores are not comparable and not drawn."""


def cover_of(row: StudyRow) -> ImageUIDs:
    """Return the image that a study is shown by; of a study without images one that is nowhere."""
    return ImageUIDs(row.study_instance_uid, row.cover_series, row.cover)


def score_history(
    rows: Sequence[StudyRow],
    reading: StoredReading | None,
    found: Mapping[ImageUIDs, Mapping[str, Any]],
    who: Visitor,
) -> ScoreHistory:
    """Return the scores of the patient's studies that the same model read."""
    if reading is None or len(rows) < 2:  # noqa: PLR2004  one study is no course
        return ScoreHistory({}, 0)
    model = reading.document["model"]
    scores: dict[str, list[Score]] = {}
    others = 0
    for row in sorted(rows, key=lambda each: (each.study_date, each.study_time)):
        document = reading.document if row is rows[0] else found.get(cover_of(row))
        if document is None:
            continue
        if document["model"]["sha256"] != model["sha256"]:
            others += 1
            continue
        day, dated = day_text(row.study_date, who.language), read_date(row.study_date)
        for each in document["readings"][0]["findings"]:
            value, positive = each["score"], each["positive"]
            label = f"{day}: {spoken(value, positive=positive, who=who)}"
            score = Score(value, positive, label, dated.first if dated else None)
            scores.setdefault(each["label"], []).append(score)
    return ScoreHistory(scores, others)
