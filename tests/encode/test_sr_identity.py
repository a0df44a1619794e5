"""Patient, study, time, devices and UIDs: copied, stated or derived, never invented."""

from datetime import UTC, datetime, timedelta

import pytest
from pydicom import Dataset

from hilum.encode import ResultContext, refusal_document, report_documents, to_bytes
from hilum.encode.identity import ResultIdentity
from hilum.encode.predecessors import earlier_reports
from hilum.radiograph import ImageUIDs, PixelDecision, PixelPipeline
from hilum.settings import ReportSettings, SRClass
from messages import PORTUGUESE
from sr_cases import LATERAL, SHA256, THREE, finding, generated, identity, read, sent
from sr_reader import parse, rows, walk

SAME = (
    "StudyInstanceUID",
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


@pytest.fixture
def write(settings, reports):
    """Return a function that writes a reading of a header without positives, parsed back."""

    def written(header, chosen=settings, **changes):
        made = reports(read(header, **changes), chosen=chosen)
        return tuple(parse(to_bytes(document)) for document in made)

    return written


def item(**values):
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_identity_is_the_sources(source, write):
    """Both reports have the patient and study of their image, empty where it is empty."""
    for report in write(source):
        for keyword in SAME:
            assert (source.get(keyword) or "") == (report[keyword].value or ""), keyword


def test_identity_keeps_what_qualifies_it(write):
    """Issuers and descriptions travel with the identifiers that they qualify."""
    header = generated(
        IssuerOfPatientID="HOSPITAL",
        PatientAge="054Y",
        IssuerOfAccessionNumberSequence=[item(LocalNamespaceEntityID="RIS")],
    )
    for report in write(header):
        assert "HOSPITAL" == report.IssuerOfPatientID
        assert "054Y" == report.PatientAge
        assert "RIS" == report.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID
        assert header.StudyDescription == report.StudyDescription


@pytest.mark.parametrize(
    ("character_set", "patient"),
    [
        ("ISO_IR 100", "Conceição^João"),
        ("ISO_IR 192", "Conceição^João"),
        ("ISO_IR 144", "Люкceмбypг"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_names_keep_letters_and_character_set(write, character_set, patient):
    """An English report is written in the source's own character set."""
    header = generated(SpecificCharacterSet=character_set, PatientName=patient)
    for report in write(header):
        assert character_set == report.SpecificCharacterSet
        assert patient == report.PatientName


@pytest.mark.parametrize("character_set", [None, "ISO_IR 144", ["", "ISO 2022 IR 87"]])
def test_portuguese_report_needs_a_character_set_that_has_its_letters(write, character_set):
    """What the source's character set cannot hold makes the report UTF-8, names intact."""
    header = generated(SpecificCharacterSet=character_set, PatientName="Silva^Ana")
    text, _ = write(header, ReportSettings(language=PORTUGUESE))

    assert "ISO_IR 192" == text.SpecificCharacterSet
    assert "Silva^Ana" == text.PatientName
    assert "operação" in text.ContentSequence[0].ContentSequence[0].TextValue


def test_undeclared_letters_stay_undeclared_bytes(reports):
    """Who reads them in the image as Latin-1, Cyrillic or Chinese does so in the report too."""
    header = generated(SpecificCharacterSet="ISO_IR 100", PatientName="Conceição^João")
    undeclared = sent(header)
    del undeclared.SpecificCharacterSet
    for document in reports(read(undeclared)):
        report = parse(to_bytes(document))
        assert "SpecificCharacterSet" not in report
        assert "Conceição^João" == report.PatientName


def test_only_ascii_needs_no_character_set(write):
    """Nothing is declared where the source declares nothing and needs nothing."""
    for report in write(generated(SpecificCharacterSet=None)):
        assert "SpecificCharacterSet" not in report


INVALID = "1.2.826.0.1.3680043.08.0123.1"
"""A component with a leading zero, as teaching files have."""


def test_invalid_uids_are_copied_as_they_are(reports):
    """Results of a teaching file land in its study, whatever its UIDs look like."""
    header = generated()
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        header.StudyInstanceUID = header.SeriesInstanceUID = header.SOPInstanceUID = INVALID
    file = to_bytes(reports(read(header), at=NOW, chosen=ReportSettings())[1])

    assert 8 <= file.count(INVALID.encode())
    assert INVALID.encode() in file[file.index(b"\x20\x00\x0d\x00UI") :][:50]


NOW = datetime(2024, 1, 2, 12, tzinfo=UTC)


def test_series_are_two_and_say_ai(write):
    """Each report has a series of its own, out of the modality's numbers, that says AI."""
    text, coded = write(generated())

    assert (901, 902) == (text.SeriesNumber, coded.SeriesNumber)
    assert text.SeriesInstanceUID != coded.SeriesInstanceUID
    for report in (text, coded):
        assert "SR" == report.Modality
        assert "AI" in report.SeriesDescription
        assert 64 >= len(report.SeriesDescription)


def test_flags_say_that_nobody_has_verified_it(write):
    """Complete, preliminary, unverified, without a verifying observer."""
    for report in write(generated()):
        assert "COMPLETE" == report.CompletionFlag
        assert "PRELIMINARY" == report.PreliminaryFlag
        assert "UNVERIFIED" == report.VerificationFlag
        assert "VerifyingObserverSequence" not in report
        assert [] == report.ReferencedPerformedProcedureStepSequence


def test_time_is_the_analysis_in_the_nodes_zone(write):
    """Without an offset in the source, the node's own is written."""
    for report in write(generated()):
        assert "-0300" == report.TimezoneOffsetFromUTC
        assert ("20240102", "103000") == (report.ContentDate, report.ContentTime)
        assert ("20240102", "103000") == (report.SeriesDate, report.SeriesTime)


def test_time_is_in_the_sources_zone_when_it_has_one(write):
    """One offset holds for all times of a file, so the copied study time decides."""
    for report in write(generated(TimezoneOffsetFromUTC="+0930")):
        assert "+0930" == report.TimezoneOffsetFromUTC
        assert ("20240102", "230000") == (report.ContentDate, report.ContentTime)


def test_time_without_an_offset_is_an_error(header, reports):
    """A naive time would be written as if it were the hospital's."""
    naive = datetime(2024, 1, 2)  # noqa: DTZ001
    with pytest.raises(ValueError, match="UTC offset"):
        reports(read(header), at=naive)


def test_picture_without_header_is_an_error(reports):
    """PNG and JPEG have no study to write into."""
    with pytest.raises(ValueError, match="no DICOM results"):
        reports(read(None))


def test_equipment_is_modality_and_algorithm(write):
    """The modality is kept, the algorithm added, with the device's UID (IHE AIR 6.5.3.1)."""
    for report in write(generated()):
        acquired, processed = report.ContributingEquipmentSequence
        assert "109101" == acquired.PurposeOfReferenceCodeSequence[0].CodeValue
        assert "Generated DX" == acquired.ManufacturerModelName
        assert "109102" == processed.PurposeOfReferenceCodeSequence[0].CodeValue
        assert "densenet121-res224-all" == processed.ManufacturerModelName
        assert "1.0" == processed.SoftwareVersions
        assert processed.DeviceUID.startswith("2.25.")
        assert "hilum" == report.ManufacturerModelName


def test_device_observer_agrees_with_the_equipment(write):
    """The four values that IHE AIR wants equal are equal, and no person is claimed."""
    _, coded = write(generated())
    processed = coded.ContributingEquipmentSequence[1]
    said = {
        i.ConceptNameCodeSequence[0].CodeValue: i.get("TextValue") or i.get("UID")
        for i in coded.ContentSequence
    }

    assert processed.DeviceUID == said["121012"]
    assert processed.Manufacturer == said["121014"]
    assert processed.ManufacturerModelName == said["121015"]
    assert "121008" not in said  # Person Observer Name


def test_device_changes_with_the_weights(write):
    """Retrained weights are another device."""
    first, second = (
        write(generated(), model=identity(sha256=sha))[1].ContributingEquipmentSequence[1]
        for sha in (SHA256, "ab" * 32)
    )

    assert first.DeviceUID != second.DeviceUID


def test_request_is_referenced_when_there_is_one(write):
    """Accession number and procedure identifiers of the order, copied."""
    header = generated(
        RequestAttributesSequence=[item(RequestedProcedureID="P7", AccessionNumber="A9")]
    )
    for report in write(header):
        (request,) = report.ReferencedRequestSequence
        assert ("A9", "P7") == (request.AccessionNumber, request.RequestedProcedureID)
        assert header.StudyInstanceUID == request.StudyInstanceUID


def test_request_is_the_accession_number_when_that_is_all(write):
    """An accession number alone names the request."""
    (request,) = write(generated())[1].ReferencedRequestSequence

    assert ("A1", "") == (request.AccessionNumber, request.RequestedProcedureID)


def test_no_request_is_invented(write):
    """An image without an order has reports without one."""
    for report in write(generated(AccessionNumber="")):
        assert "ReferencedRequestSequence" not in report


def test_procedure_is_the_sources_when_it_is_coded(write):
    """The imaging procedure that was analysed, as its order codes it."""
    chest = item(CodeValue="24648-8", CodingSchemeDesignator="LN", CodeMeaning="XR Chest PA upr")
    _, coded = write(generated(ProcedureCodeSequence=[chest]))
    (reported,) = [
        i for i in coded.ContentSequence if i.ConceptNameCodeSequence[0].CodeValue == "121058"
    ]

    assert "24648-8" == reported.ConceptCodeSequence[0].CodeValue
    assert "24648-8" == coded.PerformedProcedureCodeSequence[0].CodeValue


def test_evidence_lists_the_image(write):
    """The source is in the evidence of both reports, in its own study and series."""
    header = generated()
    for report in write(header):
        (study,) = report.CurrentRequestedProcedureEvidenceSequence
        (series,) = study.ReferencedSeriesSequence
        (image,) = series.ReferencedSOPSequence
        assert header.StudyInstanceUID == study.StudyInstanceUID
        assert header.SeriesInstanceUID == series.SeriesInstanceUID
        assert header.SOPInstanceUID == image.ReferencedSOPInstanceUID
        assert "PertinentOtherEvidenceSequence" not in report


def test_newer_reading_names_its_predecessor(header, reports):
    """Each report names the earlier one of its kind, whatever their order."""
    earlier = reports(read(header))
    newer = reports(read(header, model=identity(sha256="ab" * 32)), predecessors=earlier[::-1])
    for old, document in zip(earlier, newer, strict=True):
        report = parse(to_bytes(document))
        (study,) = report.PredecessorDocumentsSequence
        (reference,) = study.ReferencedSeriesSequence[0].ReferencedSOPSequence
        assert old.SOPInstanceUID == reference.ReferencedSOPInstanceUID
        assert old.SOPClassUID == reference.ReferencedSOPClassUID
        assert old.SOPInstanceUID != report.SOPInstanceUID


def test_report_with_another_title_is_no_predecessor(header, reports):
    """Neither report takes a third kind of hilum's for an earlier one of its own."""
    (third, _) = reports(read(header, model=identity(sha256="ab" * 32)))
    third.ConceptNameCodeSequence[0].CodeValue = "SUMMARY"

    newer = reports(read(header), predecessors=[third])

    assert all("PredecessorDocumentsSequence" not in document for document in newer)


def test_writing_again_replaces_nothing(header, reports):
    """The same report is not its own predecessor."""
    first = reports(read(header))
    again = reports(read(header), predecessors=first)

    assert all("PredecessorDocumentsSequence" not in document for document in again)


def test_earlier_reports_are_found_in_the_study(header, when, reports):
    """Among all that the archive holds, only our reports on this image, the newest first."""
    old = reports(read(header))
    new = reports(read(header, model=identity(version="2.0")), at=when + timedelta(days=1))
    other = reports(read(generated(SOPInstanceUID="1.2.3")))
    foreign = parse(to_bytes(old[0]))
    foreign.ManufacturerModelName = "somebody else's"

    assert (*new, *old) == earlier_reports(header, [header, *old, *other, foreign, *new])


def uids(header=None, settings=None, **changes) -> tuple[str, ...]:
    made = report_documents(
        ResultContext.of(
            read(header or generated(), **changes), when=NOW, settings=settings or ReportSettings()
        ),
        (),
    )
    return tuple(uid for one in made for uid in (one.SOPInstanceUID, one.SeriesInstanceUID))


def test_uids_are_the_same_every_time(reports):
    """Reading twice, at another time even, gives the same four UIDs."""
    later = reports(
        read(generated(), THREE), at=datetime(2025, 1, 1, tzinfo=UTC), chosen=ReportSettings()
    )

    assert uids() == tuple(u for one in later for u in (one.SOPInstanceUID, one.SeriesInstanceUID))
    assert 4 == len(set(uids()))


CONTENT_CHANGES = {
    "image": {"header": generated(SOPInstanceUID="1.2.3")},
    "weights": {"model": identity(sha256="ab" * 32)},
    "version": {"model": identity(version="2.0")},
    "labels": {"labels": ["Effusion"]},
    "pixels": {"pipeline": PixelPipeline.TORCHXRAYVISION},
    "stored pixels": {"pixel_digest": "01" * 32},
    "values of a decision": {"decisions": (PixelDecision("monochrome1_inverted", "otherwise"),)},
    "language": {"settings": ReportSettings(language=PORTUGUESE)},
    "sop class": {"settings": ReportSettings(sr_class=SRClass.ENHANCED)},
    "warnings": {"warnings": ()},
}


@pytest.mark.parametrize("change", CONTENT_CHANGES)
def test_uids_change_with_the_content(change):
    """Whatever changes what a report says gives it other UIDs, so none is ever reused."""
    assert not set(uids()) & set(uids(**CONTENT_CHANGES[change]))


def test_uids_change_with_the_thresholds(header, reports):
    """Another operating point is another answer."""
    reading = read(header, labels=["Effusion"])
    moved = read(header, labels=["Effusion"])
    object.__setattr__(moved, "findings", (finding("Effusion", 0.3, 0.2),))
    first, second = (reports(one)[0] for one in (reading, moved))

    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_uids_are_valid_and_known():
    """A derived UID is 2.25 and a decimal UUID; this one changes with the encoding alone."""
    uid = ResultIdentity(ImageUIDs("1", "1.2", "1.2.3"), SHA256, "").uid("text report")

    assert "2.25.19001144285925559638805238524268967815" == uid


def test_refusal_has_a_uid_of_its_own(header, when, settings):
    """A refusal for other reasons is another document; the same refusal is the same one."""
    first, again = (
        refusal_document(header, [LATERAL], when=at, settings=settings) for at in (when, NOW)
    )

    assert first.SOPInstanceUID == again.SOPInstanceUID
    assert first.SOPInstanceUID not in uids(header)


def test_reports_leave_the_header_alone(header, reports):
    """Writing changes nothing in what was read."""
    before = to_bytes(header)
    reports(read(header))

    assert before == to_bytes(header)


def test_private_scheme_is_declared(write):
    """Whoever meets 99TXRV learns whose it is."""
    for report in write(generated()):
        (scheme,) = report.CodingSchemeIdentificationSequence
        assert "99TXRV" == scheme.CodingSchemeDesignator
        assert scheme.CodingSchemeUID.startswith("2.25.")
        assert "hilum project" == scheme.CodingSchemeResponsibleOrganization


def test_content_template_is_named(write):
    """TID 1500 at the root of the coded report; the text report follows none."""
    text, coded = write(generated())

    assert "1500" == coded.ContentTemplateSequence[0].TemplateIdentifier
    assert "126000" == coded.ConceptNameCodeSequence[0].CodeValue
    assert "ContentTemplateSequence" not in text


def test_no_three_dimensional_coordinates(write):
    """The same tree fits all three SOP Classes, because it has none."""
    _, coded = write(generated())

    assert "SCOORD3D" not in {i.ValueType for i in walk(coded)}
    assert rows(coded)
