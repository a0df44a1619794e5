"""Every report, of every kind of source and reading, is valid and reads back."""

from collections.abc import Callable
from datetime import datetime

import highdicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
)

from hilum.encode import ResultContext, refusal_document, report_documents, to_bytes
from hilum.language import LANGUAGES
from hilum.settings import ReportSettings, SRClass
from radiographs import dicom_file
from sr_cases import LATERAL, SOURCES, THREE, generated, identity, read, real, regions_of
from sr_reader import drawn, parse, rows
from sr_validators import disagreements, dump, objections, pixelmed, suspicions

Case = Callable[[Dataset, datetime, ReportSettings], tuple[Dataset, ...]]


def three(header: Dataset, when: datetime, settings: ReportSettings) -> tuple[Dataset, ...]:
    regions = regions_of(header, "Effusion", "Lung Opacity", "Cardiomegaly")
    return report_documents(
        ResultContext.of(read(header, THREE), when=when, settings=settings), regions
    )


def one(header: Dataset, when: datetime, settings: ReportSettings) -> tuple[Dataset, ...]:
    reading = read(header, {"Pneumothorax": 0.83})
    regions = regions_of(header, "Pneumothorax")
    return report_documents(ResultContext.of(reading, when=when, settings=settings), regions)


def none(header: Dataset, when: datetime, settings: ReportSettings) -> tuple[Dataset, ...]:
    return report_documents(ResultContext.of(read(header), when=when, settings=settings), ())


def two_regions(header: Dataset, when: datetime, settings: ReportSettings) -> tuple[Dataset, ...]:
    reading = read(header, {"Lung Opacity": 0.71})
    regions = regions_of(header, "Lung Opacity", "Lung Opacity")
    return report_documents(ResultContext.of(reading, when=when, settings=settings), regions)


def refusal(header: Dataset, when: datetime, settings: ReportSettings) -> tuple[Dataset, ...]:
    return (refusal_document(header, [LATERAL], when=when, settings=settings),)


CASES: dict[str, Case] = {
    "three positives": three,
    "one positive": one,
    "no positive": none,
    "two regions of one finding": two_regions,
    "refusal": refusal,
}


@pytest.mark.parametrize("case", CASES)
def test_every_report_of_every_source_is_valid(tmp_path, source, case, when, settings):
    """No validator has anything new to say, dsrdump prints it, highdicom reads it back."""
    for number, document in enumerate(CASES[case](source, when, settings)):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(to_bytes(document))

        assert [] == objections(path)
        assert [] == suspicions(path)
        assert "UNVERIFIED" in dump(path)
        assert document.SOPInstanceUID == highdicom.sr.srread(path).SOPInstanceUID


def test_reports_agree_with_their_source(tmp_path, source, when, settings):
    """Patient and study are the same entities in the image and in what is written of it."""
    paths = []
    for number, dataset in enumerate((source, *three(source, when, settings))):
        paths.append(tmp_path / f"{number}.dcm")
        if not hasattr(dataset, "file_meta"):
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        paths[-1].write_bytes(dicom_file(dataset))

    assert [] == disagreements(*paths)


@pytest.mark.parametrize("keyword", ["PatientID", "CompletionFlag", "SeriesNumber"])
def test_validation_bites(tmp_path, header, when, settings, keyword):
    """A report that lacks something is objected to."""
    text, _ = three(header, when, settings)
    del text[keyword]
    path = tmp_path / "planted.dcm"
    path.write_bytes(to_bytes(text))

    assert any("Error" in line and keyword in line for line in objections(path))


def test_check_of_values_bites(tmp_path, header, when, settings):
    """A value that its attribute may not have is objected to."""
    text, _ = three(header, when, settings)
    path = tmp_path / "planted.dcm"
    path.write_bytes(to_bytes(text).replace(b"TM\x06\x00103000", b"TM\x06\x0010:30:"))

    assert suspicions(path)


def test_comparison_with_the_source_bites(tmp_path, header, when, settings):
    """A report with another patient's birth date is noticed."""
    text, _ = three(header, when, settings)
    text.PatientBirthDate = "19010101"
    paths = [tmp_path / "source.dcm", tmp_path / "report.dcm"]
    for path, dataset in zip(paths, (header, text), strict=True):
        path.write_bytes(dicom_file(dataset))

    assert any("PatientBirthDate" in line for line in disagreements(*paths))


@pytest.mark.parametrize("sr_class", SRClass)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sop_class_and_language_is_valid(tmp_path, header, when, sr_class, language):
    """The same tree is legal in all three SOP Classes, with Portuguese letters too."""
    settings = ReportSettings(sr_class=sr_class, language=language)
    text, coded = three(header, when, settings)
    for document in (text, coded):
        path = tmp_path / "report.dcm"
        path.write_bytes(to_bytes(document))

        assert [] == objections(path)
        assert dump(path)

    chosen = {
        SRClass.COMPREHENSIVE_3D: Comprehensive3DSRStorage,
        SRClass.COMPREHENSIVE: ComprehensiveSRStorage,
        SRClass.ENHANCED: EnhancedSRStorage,
    }
    assert EnhancedSRStorage == text.SOPClassUID
    assert chosen[sr_class] == coded.SOPClassUID


def test_demonstration_and_own_labels_are_valid(tmp_path, header, reports):
    """Stamps and the codes of labels that no table has break nothing."""
    labels = ["Effusion", "Catheter_Tip (site's own, Ж)", "A label that is much too long" * 4]
    reading = read(
        header,
        {labels[1]: 0.9},
        labels=labels,
        model=identity(demonstration=True, verified=False),
    )
    regions = regions_of(header, labels[1])
    for document in reports(reading, regions):
        path = tmp_path / "report.dcm"
        path.write_bytes(to_bytes(document))

        assert [] == objections(path)
        assert dump(path)


def test_reference_to_the_picture_is_valid(tmp_path, header, reports):
    """The regions may refer to a picture of the heatmaps, which is then evidence too."""
    picture = Dataset()
    picture.SOPClassUID = SecondaryCaptureImageStorage
    picture.SOPInstanceUID = "1.2.826.0.1.3680043.8.498.9"
    picture.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.8"
    picture.StudyInstanceUID = header.StudyInstanceUID
    _, coded = reports(read(header, THREE), regions_of(header, *THREE), visual_explanation=picture)
    path = tmp_path / "report.dcm"
    path.write_bytes(to_bytes(coded))

    assert [] == objections(path)
    evidence = [uid for *_, uid, _ in highdicom.sr.srread(path).get_evidence()]
    assert [header.SOPInstanceUID, picture.SOPInstanceUID] == evidence
    assert all(picture.SOPInstanceUID in region.images for region in drawn(parse(to_bytes(coded))))


def test_highdicom_finds_the_regions(tmp_path, header, when, settings):
    """A consumer that knows TID 1500 gets each region with its finding and its image."""
    _, coded = three(header, when, settings)
    path = tmp_path / "report.dcm"
    path.write_bytes(to_bytes(coded))
    groups = highdicom.sr.srread(path).content.get_planar_roi_measurement_groups()

    assert ["Pleural effusion", "Opacity", "Cardiomegaly"] == [
        g.finding_type.meaning for g in groups
    ]
    assert (33, 2) == groups[0].roi.value.shape
    assert 18 == len(rows(parse(to_bytes(coded))))


@pytest.mark.validator
@pytest.mark.timeout(600)
def test_pixelmed_knows_the_template(tmp_path, chest_path, when, settings):
    """PixelMed recognises TID 1500 and objects to one thing: a context group of its edition."""
    paths = []
    for case, header in (("three positives", real(chest_path)), ("no positive", generated())):
        for number, document in enumerate(CASES[case](header, when, settings)):
            paths.append(tmp_path / f"{case.split()[0]}-{number}.dcm")
            paths[-1].write_bytes(to_bytes(document))

    # CID 100 has no radiograph of the chest; it is extensible, and IHE AIR wants the procedure.
    known = 'Code (399208008,SCT,"Plain chest X-ray") not found in context group 100'
    for path, errors in pixelmed(paths).items():
        assert [] == [error for error in errors if not error.endswith(known)], path.name


def test_sources_are_of_many_kinds():
    """The matrix has not lost a row."""
    assert 8 == len(SOURCES)
