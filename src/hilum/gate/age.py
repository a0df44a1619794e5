"""How old the patient was when the image was taken."""

from datetime import date
from typing import Final

from pydicom import Dataset

from hilum.gate.header import value

YEARS: Final = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
"""Unit of Age String → years (PS3.5 6.2)."""


def age_years(header: Dataset) -> float | None:
    """Return the patient's age at the study in years, None when the header does not tell."""
    stated = value(header, "PatientAge")
    if len(stated) == len("040Y") and stated[:3].isdigit() and stated[3] in YEARS:
        return int(stated[:3]) * YEARS[stated[3]]
    born = _day(value(header, "PatientBirthDate"))
    for keyword in ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate"):
        taken = _day(value(header, keyword))
        if born is not None and taken is not None and taken >= born:
            return (taken - born).days / 365.25
    return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("20240102") else None
    except ValueError:
        return None
