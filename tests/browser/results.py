"""Studies as a PACS holds them after a reading: the radiograph and our results."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from pydicom import Dataset, dcmread

from hilum import encode, explain
from hilum.reading import Reading
from hilum.settings import ReportSettings
from invented import bump, make_reading, real_chest

WHEN: Final = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)

THREE_SCORES: Final = {"Effusion": 0.912, "Lung Opacity": 0.71, "Cardiomegaly": 0.663}
THREE_MAPS: Final = {
    "Effusion": bump(4.7, 4.9, sigma=0.6),
    "Lung Opacity": bump(3.2, 1.3, sigma=0.8),
    "Cardiomegaly": bump(4.5, 3.6),
}
"""Where a reader would expect them on RG1: left base, right middle field, heart."""


class Results(NamedTuple):
    """One radiograph and all that is written about it.

    Attributes
    ----------
    source
        The radiograph with its pixels.
    reading
        What was found, or what was made up here.
    picture, text, coded
        Secondary Capture, text report, coded report.
    """

    source: Dataset
    reading: Reading
    picture: Dataset
    text: Dataset
    coded: Dataset


def write(source: Dataset, reading: Reading, **report: object) -> Results:
    """Return what the node would store about a reading, as the pipeline wires it."""
    settings = ReportSettings.model_validate(report)
    sheet = explain.overlay(reading, when=WHEN, language=settings.language)
    picture = encode.secondary_capture(
        sheet, encode.ResultContext.of(reading, when=WHEN, settings=settings)
    )
    text, coded = encode.report_documents(
        encode.ResultContext.of(reading, when=WHEN, settings=settings),
        explain.regions(reading),
        visual_explanation=picture,
    )
    return Results(source, reading, picture, text, coded)


def three_positives(path: str, **report: object) -> Results:
    """Return results with three positive findings on the real radiograph."""
    reading = make_reading(real_chest(path), THREE_SCORES, THREE_MAPS)
    return write(dcmread(path), reading, **report)


def one_positive(path: str) -> Results:
    """Return results with an effusion only."""
    scores = {"Effusion": THREE_SCORES["Effusion"]}
    return write(dcmread(path), make_reading(real_chest(path), scores, THREE_MAPS))


def two_regions_of_one(path: str) -> Results:
    """Return results with an opacity in both lungs."""
    both = bump(3.2, 1.3, sigma=0.7) + bump(3.0, 5.2, sigma=0.7, peak=5.0)
    reading = make_reading(real_chest(path), {"Lung Opacity": 0.71}, {"Lung Opacity": both})
    return write(dcmread(path), reading)


def none_positive(path: str) -> Results:
    """Return results without any positive finding."""
    return write(dcmread(path), make_reading(real_chest(path)))
