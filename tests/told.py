"""Outcomes of images as messages tell them, made up for the tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.encode.messages.outcome import ImageOutcome, image_facts
from hilum.settings import ReportSettings
from invented import make_reading, radiograph_of
from radiographs import make_radiograph

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=timezone(timedelta(hours=-3)))
AT = datetime(2026, 11, 22, 13, 30, 2, tzinfo=UTC)
ID = UUID("4cd605e7-afa2-5360-b5b9-c5e9fb5c76f4")
SCORES = {"Pneumothorax": 0.95, "Mass": 0.8}


def analyzed(source: Dataset | None = None, *, corrects: bool = False, **attributes: Any) -> Any:
    """Return the outcome of an image with a pneumothorax and a mass."""
    if source is None:
        source = make_radiograph(**attributes)
    reading = make_reading(radiograph_of(source), SCORES)
    findings = [
        {"label": each.label, "score": each.score, "positive": each.positive}
        for each in reading.findings
    ]
    document = {"schema": "hilum.reading/1", "notice": "Research use only.", "model": {}}
    return ImageOutcome(
        ID,
        AT,
        WHEN,
        image_facts(source),
        reading,
        {**document, "readings": [{"findings": findings}]},
        (),
        corrects,
        ReportSettings(),
    )


def refused(**attributes: Any) -> ImageOutcome:
    """Return the outcome of an image that was not analyzed."""
    reasons = (Reason("view", "the view | is lateral"),)
    return replace(analyzed(**attributes), reading=None, document=None, reasons=reasons)
