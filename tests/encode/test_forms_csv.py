"""CSV: one row an image."""

import csv
from dataclasses import replace
from io import StringIO

import pytest

from hilum.eligibility import Reason
from hilum.encode.forms.csv_table import CsvTable
from hilum.language import ENGLISH
from hilum.outcome import Outcome, Read, Status
from hilum.pixels import radiograph_from_dicom
from hilum.radiograph import ImageUIDs
from hilum.settings import PixelSettings
from hilum.wording import in_language, score_text
from invented import LABELS, make_reading, radiograph_of
from messages import PORTUGUESE
from radiographs import make_radiograph

LATERAL = Reason("not_frontal", 'not frontal: View Position is "LL", not PA')


def read(path="a.dcm", **scores):
    reading = make_reading(radiograph_of(make_radiograph(SOPInstanceUID="1.2.3")), scores)
    return Outcome(path, Status.READ, ImageUIDs("1.1", "1.2", "1.2.3"), read=Read(reading))


REFUSED = Outcome("b.dcm", Status.REFUSED, ImageUIDs("1.1", "", "1.2.4"), (LATERAL,))
FAILED = Outcome("c.txt", Status.FAILED, None, (Reason("not_dicom", "not DICOM"),))


def parsed(outcomes):
    """Return the rows as any reader of CSV sees them."""
    return list(csv.DictReader(StringIO("".join(CsvTable(LABELS).lines(outcomes)), newline="")))


def test_one_row_an_image_whatever_became_of_it():
    """Read, refused and failed images all have their row, in order."""
    rows = parsed([read(), REFUSED, FAILED])

    assert ["a.dcm", "b.dcm", "c.txt"] == [row["path"] for row in rows]
    assert ["read", "refused", "failed"] == [row["status"] for row in rows]
    assert 'not_frontal: not frontal: View Position is "LL", not PA' == rows[1]["reasons"]


def test_all_rows_have_the_same_columns():
    """A refused image's cells are empty, not missing."""
    for row in parsed([read(), REFUSED]):
        assert CsvTable(LABELS).columns == tuple(row)
    assert "" == CsvTable(LABELS).row(REFUSED)["Mass score"]


def test_every_finding_is_written_with_its_operating_point():
    """Score, sign, raw value and threshold are those of the reading."""
    outcome = read(Mass=0.8125)

    row = CsvTable(LABELS).row(outcome)

    for finding in outcome.reading.findings:
        assert score_text(finding, ENGLISH) == row[f"{finding.label} score"]
        assert finding.raw == pytest.approx(float(row[f"{finding.label} raw"]), abs=1e-7)
        assert finding.operating_point == float(row[f"{finding.label} operating_point"])
        assert ("true" if finding.positive else "false") == row[f"{finding.label} positive"]
    assert "Mass" == row["positives"]


def test_image_is_named_by_all_its_uids():
    """A SOP Instance UID alone may be that of two images; what the image lacks is empty."""
    rows = parsed([read(), REFUSED, FAILED])
    names = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")

    assert [("1.1", "1.2", "1.2.3"), ("1.1", "", "1.2.4"), ("", "", "")] == [
        tuple(row[name] for name in names) for row in rows
    ]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (ENGLISH, "MONOCHROME1, small values are bright: inverted."),
        (PORTUGUESE, "MONOCHROME1, valores pequenos são claros: invertida."),
    ],
)
def test_decisions_are_told_beside_their_codes(language, text):
    """In the language of the reports, as in the JSON document."""
    image = make_radiograph(PhotometricInterpretation="MONOCHROME1")
    radiograph = radiograph_from_dicom(image, PixelSettings())
    decisions = in_language(language, radiograph.decisions)
    reading = make_reading(replace(radiograph, decisions=decisions))
    row = CsvTable(LABELS).row(Outcome("a.dcm", Status.READ, read=Read(reading)))

    assert "monochrome1_inverted" in row["pixel_decisions"].split("; ")
    assert text in row["pixel_decision_texts"]
    assert all(each.text in row["pixel_decision_texts"] for each in reading.radiograph.decisions)


def test_the_model_is_named_in_every_row():
    """Rows of different models can be told apart after they were joined."""
    row = CsvTable(LABELS).row(read())

    assert ("densenet121-res224-all", "1.0", "ab" * 32, "true", "false") == tuple(
        row[name]
        for name in ("model", "model_version", "model_sha256", "model_verified", "demonstration")
    )


def test_lines_come_as_the_images_do():
    """The header is there before the first image is read: a long run is written as it goes."""
    asked = []

    def outcomes():
        for outcome in (read(), REFUSED):
            asked.append(outcome)
            yield outcome

    lines = CsvTable(LABELS).lines(outcomes())

    assert next(lines).startswith("path,study_instance_uid,series_instance_uid,")
    assert 1 == len(asked)


def test_no_images_give_the_names_of_the_columns():
    """An empty run is an empty table, not an empty file."""
    assert [",".join(CsvTable(LABELS).columns) + "\r\n"] == list(CsvTable(LABELS).lines([]))


@pytest.mark.parametrize("path", ["=1+1.dcm", "@SUM(A1).dcm", "+1.dcm", "-1.dcm"])
def test_a_file_name_is_never_a_formula(path):
    """What a spreadsheet would run is marked as text."""
    assert f"'{path}" == CsvTable(LABELS).row(read(path))["path"]


def test_the_word_probability_does_not_occur():
    """No column calls a score one."""
    assert "probab" not in "".join(CsvTable(LABELS).columns).lower()
