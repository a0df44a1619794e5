"""A reader's review: valid, says what was meant, and is never taken for the model's own."""

from datetime import datetime
from pathlib import Path

import highdicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from hilum.encode import (
    Assessed,
    Assessment,
    ResultContext,
    earlier_reports,
    report_documents,
    review_report,
    to_bytes,
)
from hilum.encode.kinds import REVIEW
from hilum.encode.review_report import AI_STATEMENT, OPINION, OPINIONS, TITLE
from hilum.language import ENGLISH, LANGUAGES
from hilum.settings import ReportSettings, SRClass, SREncoder
from radiographs import dicom_file
from sr_cases import THREE, read, regions_of
from sr_reader import below, parse
from sr_validators import disagreements, dump, objections, suspicions

LABELS = ("Effusion", "Mass", "Edema", "Nodule")

ASSESSMENT = Assessment(
    "ana.lucia",
    (
        Assessed("Effusion", positive=True, opinion="agree"),
        Assessed("Mass", positive=True, opinion="disagree"),
        Assessed("Edema", positive=False, opinion="disagree"),
        Assessed("Nodule", positive=False, opinion="unsure"),
    ),
    missing=("Pneumothorax", "rib notching, left 4th to 8th"),
    comment="Comparison with 2019: unchanged; the effusion is old.",
    labels=LABELS,
)


def judged(header: Dataset, when: datetime, settings: ReportSettings) -> Dataset:
    """Return the model's coded report on an image."""
    reading = read(header, THREE)
    return report_documents(
        ResultContext.of(reading, when=when, settings=settings), regions_of(header, *THREE)
    )[1]


def review(
    header: Dataset, when: datetime, settings: ReportSettings, given: Assessment = ASSESSMENT
) -> Dataset:
    """Return a review on it."""
    return review_report(
        header,
        given,
        key="once",
        when=when,
        settings=settings,
        judged=judged(header, when, settings),
    )


def name(item: Dataset) -> str:
    """Return the meaning of an item's concept."""
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def said(report: Dataset) -> dict[str, dict[str, str]]:
    """Return finding → what a coded row says of it, by concept."""
    found = {}
    for row in below(parse(to_bytes(report)), "C0034375"):
        for item in below(row):
            if "ContentSequence" not in item:
                continue
            facts = {
                name(child): child.ConceptCodeSequence[0].CodeMeaning
                for child in item.ContentSequence
                if child.ValueType == "CODE"
            }
            coded = item.ValueType == "CODE"
            value = item.ConceptCodeSequence[0].CodeMeaning if coded else item.TextValue
            found[name(item) if coded else value] = {"value": value, **facts}
    return found


@pytest.mark.parametrize("sr_class", SRClass)
@pytest.mark.parametrize("language", LANGUAGES)
def test_review_on_every_source_is_valid(tmp_path, source, when, sr_class, language):
    """No validator has anything to say, dsrdump prints it, highdicom reads it back."""
    settings = ReportSettings(sr_class=sr_class, language=language)
    path = tmp_path / "review.dcm"
    path.write_bytes(to_bytes(review(source, when, settings)))

    assert [] == objections(path)
    if language is ENGLISH:  # dcmpschk 3.6.7 takes accents in a UT for an error
        assert [] == suspicions(path)
    assert "ana.lucia" in dump(path)
    assert highdicom.sr.srread(path).SOPInstanceUID


def test_name_with_accents_is_kept(tmp_path, header, when, settings):
    """Whatever the image's own character set."""
    given = Assessment("Lúcia \\^山田", ASSESSMENT.findings)
    path = tmp_path / "review.dcm"
    path.write_bytes(to_bytes(review(header, when, settings, given)))

    assert [] == objections(path)
    names = {str(e.value) for e in parse(path.read_bytes()).iterall() if e.keyword == "PersonName"}
    assert {"Lúcia   山田^"} == names


def test_review_is_the_bytes_of_highdicom(header, when, settings):
    """As every other report."""
    by_highdicom = settings.model_copy(update={"encoder": SREncoder.HIGHDICOM})
    theirs = review(header, when, by_highdicom)

    assert to_bytes(theirs) == to_bytes(review(header, when, settings))


def test_rows_say_what_the_reader_sees(header, when, settings):
    """Whoever disagrees with "absent" says that it is present."""
    rows = said(review(header, when, settings))

    ours, opinion = "Statement of the AI", "Reader's opinion of the AI's statement"
    assert {
        "Pleural effusion": ("Present", "Present", "Agrees"),
        "Lung mass": ("Absent", "Present", "Disagrees"),
        "Pulmonary edema": ("Present", "Absent", "Disagrees"),
        "Nodule of lung": ("Undetermined", "Absent", "Unsure"),
    } == {
        label: (row["value"], row[ours], row[opinion]) for label, row in rows.items() if ours in row
    }
    assert "Missed by the AI" == rows["Pneumothorax"][opinion]
    assert "Missed by the AI" == rows["rib notching, left 4th to 8th"][opinion]


def test_review_names_who_and_what_it_judges(header, when, settings):
    """A person observed; the coded report is the predecessor; nobody verified it."""
    report = parse(to_bytes(review(header, when, settings)))
    earlier = judged(header, when, settings)

    observed = {name(item): item for item in report.ContentSequence}
    assert "Person" == observed["Observer Type"].ConceptCodeSequence[0].CodeMeaning
    assert "ana.lucia^" == str(observed["Person Observer Name"].PersonName)
    reference = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert earlier.SOPInstanceUID == reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert "UNVERIFIED" == report.VerificationFlag
    assert "hilum" == report.ManufacturerModelName


def test_rows_carry_the_tracking_uids_of_the_model(header, when, settings):
    """So that a program finds the pair of each."""
    model = judged(header, when, settings)
    uids = {str(uid) for uid in _uids(parse(to_bytes(model)))}

    tracked = {str(uid) for uid in _uids(parse(to_bytes(review(header, when, settings))))}
    assert 4 == len(tracked)
    assert tracked <= uids


def _uids(report: Dataset) -> list[str]:
    return [
        element.value
        for element in report.iterall()
        if element.keyword == "UID" and str(element.value).startswith("2.25.")
    ]


def test_review_is_no_predecessor_of_a_reading(header, when, settings):
    """A new reading replaces the model's reports, not what people said of them."""
    model, person = judged(header, when, settings), review(header, when, settings)

    assert (model,) == earlier_reports(header, [person, model])


def test_same_key_is_the_same_instance(header, when, settings):
    """A form that is sent twice stores one report; another review is another."""
    report = review(header, when, settings)
    other = review_report(header, ASSESSMENT, key="again", when=when, settings=settings)

    assert to_bytes(report) == to_bytes(review(header, when, settings))
    assert report.SOPInstanceUID != other.SOPInstanceUID
    assert "PredecessorDocumentsSequence" not in other


def test_review_agrees_with_its_source(tmp_path, source, when, settings):
    """Patient and study are the same entities."""
    paths = []
    for number, dataset in enumerate((source, review(source, when, settings))):
        paths.append(tmp_path / f"{number}.dcm")
        if not hasattr(dataset, "file_meta"):
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths[-1].write_bytes(dicom_file(dataset))

    assert [] == disagreements(*paths)


def test_demonstration_is_stamped(header, when, settings):
    """In the title, in the series and in the text."""
    given = Assessment("ana", ASSESSMENT.findings, demonstration=True)
    report = review(header, when, settings, given)

    assert report.SeriesDescription.startswith("DEMONSTRATION")
    assert "DEMONSTRATION" in parse(to_bytes(report)).ConceptNameCodeSequence[0].CodeMeaning


def test_conformance_page_has_every_code():
    """With its meaning, and the number of the series."""
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")

    for code in (TITLE, OPINION, AI_STATEMENT, *OPINIONS.values()):
        assert f"| `{code.value}` | {code.meaning} |" in page
    assert f"| {REVIEW.series} | SR | a reader submits one" in page


def test_other_opinions_are_refused():
    """A misspelt one is never taken for another."""
    with pytest.raises(ValueError, match="maybe"):
        Assessed("Mass", positive=True, opinion="maybe")
