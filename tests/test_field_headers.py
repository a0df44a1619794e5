"""Headers as the field sends them, the whole way: gate, pixels, network, reports."""

import warnings
from datetime import UTC, datetime
from io import BytesIO

import pydicom
import pytest
from pydicom import Dataset

from hilum.language import ENGLISH, LANGUAGES, Language
from hilum.node.process_file import read_file
from hilum.node.processed import ProcessedImage
from hilum.outcome import Status
from hilum.pipeline import PipelineContext
from hilum.predict import load_model
from hilum.settings import Settings
from radiographs import dicom_file, make_radiograph, write_raw
from sr_reader import walk

WHEN = datetime(2026, 11, 26, 12, tzinfo=UTC)


def context(language: Language = ENGLISH, **gate: object) -> PipelineContext:
    """Return a reader whose model was made for adults."""
    settings = (
        Settings().changed("model", name="demonstration").changed("report", language=language)
    )
    settings = settings.changed("gate", **gate) if gate else settings
    model = load_model(settings)
    model.card = model.card.model_copy(update={"min_age_years": 18})
    return PipelineContext(model, settings, in_demonstration=True)


def answered(image: Dataset, by: PipelineContext) -> ProcessedImage:
    """Return what becomes of an image that comes as a file."""
    return read_file(dicom_file(image), by, (), when=WHEN)


def report_texts(answer: ProcessedImage) -> str:
    """Return every text of the structured reports, on one line."""
    made = [pydicom.dcmread(BytesIO(result.file)) for result in answer.results]
    items = [item for each in made if each.Modality == "SR" for item in walk(each)]
    texts = [str(item.TextValue) for item in items if "TextValue" in item]
    return " ".join(" ".join(texts).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_ages_that_disagree_are_told_in_the_report(language: Language):
    """Read by the birth date, and page, JSON and report say that the two disagree."""
    image = make_radiograph(PatientAge="000Y", PatientBirthDate="19600101", StudyDate="20230615")
    answer = answered(image, context(language))

    assert Status.READ is answer.status
    (told,) = [each.text for each in answer.reasons if each.code == "age_contradiction"]
    assert "000Y" in told
    assert told in report_texts(answer)


def test_what_was_put_right_in_the_file_is_told_in_the_report():
    """What file, text and pixels took stands in one list of decisions."""
    answer = read_file(dicom_file(make_radiograph()) + bytes(100), context(), (), when=WHEN)

    decisions = answer.reading.document["readings"][0]["pixels"]["decisions"]
    (told,) = [each["text"] for each in decisions if each["code"] == "bytes_after_data"]
    assert told in report_texts(answer)


@pytest.mark.parametrize("age", ["7", "7Y", "07Y", "8M"])
def test_nearly_valid_age_of_a_child_is_refused(age: str):
    """And no result is made."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*for VR AS")
        image = make_radiograph(PatientAge=age, PatientBirthDate=None)
        answer = answered(image, context())

    assert Status.REFUSED is answer.status
    assert ["too_young"] == [each.code for each in answer.reasons]


@pytest.mark.parametrize("language", LANGUAGES)
def test_decimal_comma_is_told_in_the_report(language: Language):
    """With what it was read as."""
    image = make_radiograph(PatientAge="045Y")
    write_raw(image, "WindowCenter", "2048,5")
    answer = answered(image, context(language))

    assert Status.READ is answer.status
    assert "Window Center 2048,5" in report_texts(answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_unknown_body_part_is_quoted_in_the_report(language: Language):
    """Whoever reads the report sees the word."""
    answer = answered(make_radiograph(BodyPartExamined="XYZZY"), context(language))

    assert "XYZZY" in report_texts(answer)


def test_secondary_capture_without_modality_is_read_where_a_site_says_so():
    """As public collections have frontal chests: View Position, and nothing else."""
    nothing = (
        *("Modality", "BodyPartExamined", "AnatomicRegionSequence", "ViewCodeSequence"),
        *("StudyDescription", "SeriesDescription", "PatientOrientation", "PatientBirthDate"),
        *("WindowCenter", "WindowWidth", "PresentationIntentType", "StudyDate", "ImageType"),
    )
    capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "PatientAge": "051Y"}
    bare = make_radiograph(**dict.fromkeys(nothing), **capture)
    refused = answered(bare, context())
    read = answered(bare, context(modalities=("CR", "DX", "SC", "NONE")))

    assert ["modality", "secondary_capture"] == [each.code for each in refused.reasons]
    assert all("gate.modalities" in each.text for each in refused.reasons)
    assert Status.READ is read.status
    assert ["body_part_unknown"] == [each.code for each in read.reasons]
