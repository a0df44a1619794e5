"""One row of a dataset run's results: what became of one image."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from pydicom import Dataset

from hilum import __version__
from hilum.outcome import Outcome
from hilum.radiograph import ImageUIDs, PixelPipeline
from hilum.reading import DECIMALS, SITE_PROBABILITY, ModelIdentity, Reading
from hilum.values.ages import age_of
from hilum.values.attributes import first_text
from hilum.values.dates import read_date
from hilum.values.persons import names_somebody

Row = dict[str, Any]
"""Column → value; see `hilum.dataset.schema`."""

PATIENT_DIGITS: Final = 16

FACTS: Final = {
    "sex": "PatientSex",
    "view": "ViewPosition",
    "manufacturer": "Manufacturer",
    "device_model": "ManufacturerModelName",
    "station": "StationName",
}
"""Column → attribute whose text it has."""

IN_CAPITALS: Final = ("sex", "view")


def row_of(outcome: Outcome, header: Dataset | None, about: Mapping[str, Any]) -> Row:
    """Return the row of one image, without the columns of findings unless it was read.

    Parameters
    ----------
    header
        The image's attributes, with text decoded; None for what is no DICOM file.
    about
        What every row of the run says; see `of_run`.
    """
    reading = outcome.reading
    uids = outcome.uids or ImageUIDs("", "", "")
    return {
        "path": outcome.path,
        **{name: uid or None for name, uid in uids._asdict().items()},
        **facts_of(header),
        "status": outcome.status.value,
        **_reasons(outcome),
        **_pixels(reading),
        **about,
        "seconds": outcome.seconds.get("all"),
        **({} if reading is None else _findings(reading)),
    }


def of_run(model: ModelIdentity, pipeline: PixelPipeline) -> Row:
    """Return what every row of a run says."""
    return {
        "pixel_pipeline": pipeline.value,
        "model": model.name,
        "model_version": model.version,
        "model_sha256": model.sha256,
        "model_verified": model.verified,
        "demonstration": model.demonstration,
        "operating_points": model.operating_points,
        "hilum_version": __version__,
    }


def facts_of(header: Dataset | None) -> Row:
    """Return what a header says of patient, view, device and date; None for what it does not."""

    def said(keyword: str) -> str:
        return "" if header is None else first_text(header, keyword)

    facts: Row = {column: said(keyword) or None for column, keyword in FACTS.items()}
    facts |= {column: facts[column].upper() for column in IN_CAPITALS if facts[column]}
    return facts | {
        "patient": _patient(said("IssuerOfPatientID"), said("PatientID")),
        "age_years": None if header is None else age_of(said).years,
        "study_month": _month(said("StudyDate")),
    }


def _month(text: str) -> str | None:
    """Return year and month of a date, None when it does not tell them."""
    day = read_date(text)
    months = set() if day is None else {f"{each:%Y-%m}" for each in (day.first, day.last)}
    return months.pop() if len(months) == 1 else None


def _patient(issuer: str, patient_id: str) -> str | None:
    if not names_somebody(patient_id):
        return None
    return hashlib.sha256(f"{issuer}\0{patient_id}".encode()).hexdigest()[:PATIENT_DIGITS]


def _reasons(outcome: Outcome) -> Row:
    codes = [reason.code for reason in outcome.reasons]
    texts = "; ".join(reason.text for reason in outcome.reasons)
    read = outcome.reading is not None
    return {
        "reasons": [] if read else codes,
        "reason_text": None if read else texts,
        "warnings": codes if read else [],
    }


def _pixels(reading: Reading | None) -> Row:
    if reading is None:
        return {"decisions": [], "decision_texts": [], "rows": None, "columns": None}
    radiograph = reading.radiograph
    return {
        "decisions": [decision.code for decision in radiograph.decisions],
        "decision_texts": [str(decision.text) for decision in radiograph.decisions],
        "rows": radiograph.rows,
        "columns": radiograph.columns,
    }


def _findings(reading: Reading) -> Row:
    values: Row = {}
    for finding in reading.findings:
        values[f"{finding.label} score"] = round(finding.score, DECIMALS)
        values[f"{finding.label} positive"] = finding.positive
        values[f"{finding.label} raw"] = round(finding.raw, DECIMALS)
        site = finding.probability
        values[f"{finding.label} {SITE_PROBABILITY}"] = site and round(site.value, DECIMALS)
    return values
