"""One score has one form: what a person sees as 0.98 is 0.98 wherever they look."""

import csv
from io import StringIO

import pytest
from pydicom.sr.codedict import codes

from hilum.encode import ResultContext, report_documents
from hilum.encode.forms.csv_table import CsvTable
from hilum.encode.forms.fhir import fhir
from hilum.encode.forms.plain_text import text
from hilum.outcome import Outcome, Read, Status
from hilum.wording import shown_score
from sr_cases import read, regions_of
from sr_reader import number, rows, texts, walk

LABEL, CODE, CONCEPT = "Effusion", "60046008", "SCORE08"


def line_of(text: str) -> list[str]:
    """Return the words of the finding's line of a text table."""
    (line,) = (each for each in text.splitlines() if each.startswith("Pleural effusion"))
    return line.split()


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (0.97568, "0.98"),
        (0.5, "0.50"),
        (0.49999, "0.49"),
        (0.91249, "0.91"),
        (0.004, "0.00"),
        (1.0, "1.00"),
    ],
)
def test_score_is_the_same_in_every_form(header, when, settings, score, shown):
    """Both reports, CSV, FHIR and plain text; none is rounded across the operating point."""
    reading = read(header, {LABEL: score})
    table, coded = report_documents(
        ResultContext.of(reading, when=when, settings=settings), regions_of(header, LABEL)
    )
    outcome = Outcome("a.dcm", Status.READ, reading.radiograph.uids, read=Read(reading))
    (row,) = csv.DictReader(StringIO("".join(CsvTable([LABEL]).lines([outcome]))))
    (fhir_score,) = (
        part["valueQuantity"]
        for entry in fhir(reading, when=when, settings=settings)["entry"]
        for part in entry["resource"].get("component", ())
        if part["code"]["coding"][0]["code"] == CONCEPT
    )
    drawn = {number(each) for each in walk(coded) if each.ValueType == "NUM" and is_score(each)}

    assert shown == f"{rows(coded)[CODE].score:.2f}"
    assert {float(shown)} == drawn
    assert shown == row[f"{LABEL} score"]
    assert (float(shown), "{score}") == (fhir_score["value"], fhir_score["code"])
    assert shown in line_of("\n".join(texts(table, "121071")))
    assert shown in line_of(text(reading, when=when, language=settings.language))


def is_score(item):
    return item.ConceptNameCodeSequence[0].CodeValue == CONCEPT


def test_no_score_is_in_percent_or_a_likelihood(header, when, settings):
    """Nothing in the coded report makes a probability of it."""
    _, coded = report_documents(
        ResultContext.of(read(header, {LABEL: 0.9}), when=when, settings=settings),
        regions_of(header, LABEL),
    )
    units = {
        each.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue
        for each in walk(coded)
        if each.ValueType == "NUM"
    }

    assert {"{score}", "1", "{pixels}"} == units
    assert codes.DCM.CertaintyOfFinding.value not in {
        each.ConceptNameCodeSequence[0].CodeValue for each in walk(coded)
    }


@pytest.mark.parametrize(
    ("score", "positive", "expected"),
    [
        (0.912, True, 0.91),
        (0.5, True, 0.5),
        (0.49999999, True, 0.5),
        (0.499996, False, 0.49),
        (0.4998, False, 0.49),
        (0.0, False, 0.0),
        (1.0, True, 1.0),
    ],
)
def test_rounding_never_crosses_the_operating_point(score, positive, expected):
    """No finding reads 0.50 and absent."""
    assert expected == shown_score(score, positive=positive)
