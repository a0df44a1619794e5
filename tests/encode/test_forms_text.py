"""The plain-text report."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hilum import RESEARCH_USE_ONLY
from hilum.eligibility import Reason
from hilum.encode.forms.plain_text import text
from hilum.encode.provenance import NO_PROBABILITY
from hilum.language import ENGLISH, LANGUAGES
from hilum.wording import finding_name
from invented import LABELS, MODEL, make_reading, radiograph_of
from messages import PORTUGUESE
from radiographs import make_radiograph

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SCORES = {"Mass": 0.8, "Effusion": 0.91}


@pytest.fixture
def reading():
    source = make_radiograph(SOPInstanceUID="1.2.3.4", PatientName="Somebody^Else")
    return make_reading(radiograph_of(source), SCORES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_findings_are_there_by_their_names(reading, language):
    """Each finding has its line, in the language of the report."""
    report = text(reading, when=WHEN, language=language)

    for label in LABELS:
        assert finding_name(label, language) in report


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_report_says_research_only(reading, language):
    """The statement is in every report, and that a score is no probability."""
    report = " ".join(text(reading, when=WHEN, language=language).split())

    assert language.say(RESEARCH_USE_ONLY) in report
    assert language.say(NO_PROBABILITY) in report


def test_positives_come_first(reading):
    """The highest score leads."""
    report = text(reading, when=WHEN, language=ENGLISH)

    assert report.index("Pleural effusion") < report.index("Mass") < report.index("Hernia")
    assert "2 of 18" in report


def test_it_fits_a_terminal(reading):
    """No line is wider than 80 columns, whatever the warnings and decisions say."""
    model = replace(MODEL, demonstration=True, verified=False)
    doubtful = replace(
        reading, model=model, warnings=(Reason("long", "something is doubtful " * 20),)
    )

    report = text(doubtful, when=WHEN, language=PORTUGUESE)

    assert max(len(line) for line in report.splitlines()) <= 80


def test_it_says_what_was_read_when_and_by_what(reading):
    """Image, time, model, hash and thresholds are named; the patient is not."""
    report = text(reading, when=WHEN, language=ENGLISH)

    for fact in ("1.2.3.4", "2026-11-22 10:30", "densenet121-res224-all 1.0", "ab" * 32):
        assert fact in report
    assert "Somebody" not in report


def test_demonstration_and_unverified_weights_are_said(reading):
    """Neither can be overlooked."""
    doubtful = replace(reading, model=replace(MODEL, demonstration=True, verified=False))

    report = text(doubtful, when=WHEN, language=ENGLISH)

    assert "DEMONSTRATION" in report
    assert "not verified" in report


def test_a_picture_has_a_report_too():
    """PNG and JPEG have no UID; the report says so."""
    report = text(make_reading(), when=WHEN, language=PORTUGUESE)

    assert "não é DICOM" in report
