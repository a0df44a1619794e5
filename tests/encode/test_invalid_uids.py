"""Teaching files have UIDs with leading zeros; their results are written all the same."""

import json
import warnings
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread

from hilum import pipeline
from hilum.encode import to_bytes
from hilum.encode.forms.fhir import fhir
from hilum.encode.forms.plain_text import text as text_form
from hilum.files.dicom import text
from hilum.language import ENGLISH
from hilum.reading import Heatmap, Reading
from hilum.settings import ExtraObject, Settings
from invented import bump
from radiographs import dicom_file, make_radiograph
from sr_cases import LATERAL, THREE, read

INVALID = {
    "SOPInstanceUID": "1.2.840.007.1",
    "StudyInstanceUID": "1.2.840.08.2",
    "SeriesInstanceUID": "1.2.840.09.3",
    "FrameOfReferenceUID": "1.2.840.010.4",
}


@pytest.fixture
def teaching_file() -> Dataset:
    """Return the header of an image whose own UIDs break the standard."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom rightly warns of the file that is made here
        file = dicom_file(make_radiograph(**INVALID))
    return dcmread(BytesIO(file), stop_before_pixels=True)


@pytest.fixture
def settings() -> Settings:
    """Return settings that ask for every object there is."""
    return Settings().changed("report", objects=tuple(ExtraObject), report_refusals=True)


def reading_of(header: Dataset) -> Reading:
    """Return a reading with three positives that have regions."""
    reading = read(header, THREE)
    field = reading.heatmaps[0].field_of_view
    maps = tuple(Heatmap(finding.label, bump(3, 3), field) for finding in reading.findings)
    return replace(reading, heatmaps=maps)


def test_results_repeat_them_as_they_are(teaching_file, settings, when):
    """Every object is written without a warning, into the study that the image is in."""
    reading = reading_of(teaching_file)
    results = pipeline.report(reading, settings, when=when)
    refusal = pipeline.report_refusal(teaching_file, (LATERAL,), settings, when=when)

    assert 10 == len(results)
    for result in (*results, *refusal):
        written = dcmread(BytesIO(to_bytes(result)))
        assert INVALID["StudyInstanceUID"] == text(written, "StudyInstanceUID")


def test_newer_reports_name_their_predecessors(teaching_file, settings, when):
    """Reports that came back from the archive are found by the image's own UID."""
    reading = reading_of(teaching_file)
    earlier = [
        dcmread(BytesIO(to_bytes(result)))
        for result in pipeline.report(reading, settings, when=when)
    ]
    portuguese = settings.changed("report", language="pt")
    *_, words, coded = pipeline.report(reading, portuguese, when=when, earlier=earlier)

    for report in (words, coded):
        (study,) = report.PredecessorDocumentsSequence
        assert INVALID["StudyInstanceUID"] == text(study, "StudyInstanceUID")


def test_other_forms_name_them(teaching_file, settings, when):
    """Plain text and FHIR name the image by its UID."""
    reading = reading_of(teaching_file)
    plain = text_form(reading, when=when, language=ENGLISH)
    bundle = json.dumps(fhir(reading, when=when, settings=settings.report))

    assert INVALID["SOPInstanceUID"] in plain
    assert INVALID["SOPInstanceUID"] in bundle
