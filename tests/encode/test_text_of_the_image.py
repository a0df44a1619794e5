"""Text that came with the image reads in every result as in the image, for every reader of both."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import highdicom
import pytest
from pydicom import Dataset, dcmread

from hilum import encode, pipeline
from hilum.eligibility import Reason
from hilum.encode import Assessed, Assessment, review_report, to_bytes
from hilum.encode.forms.plain_text import text as text_form
from hilum.explain import regions
from hilum.files import dicom
from hilum.language import ENGLISH, LANGUAGES, Language
from hilum.settings import (
    DefaultCharacterSet,
    ExtraObject,
    ReportSettings,
    Settings,
)
from hilum.values.texts import decoded
from hilum.wording import in_language
from invented import bump, make_reading, radiograph_of
from messages import PORTUGUESE
from mixed_text import CASES, Case
from orthanc_server import OrthancServer
from sr_cases import both_ways
from sr_validators import objections

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom|highdicom")
"""Both warn of what a header holds; the fast way does not look."""

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
languages = pytest.mark.parametrize("language", [ENGLISH, PORTUGUESE])

WHEN = datetime(2026, 11, 26, 12, tzinfo=UTC)
SCORES = {"Effusion": 0.91, "Mass": 0.8}
SAID_OF = (*SCORES, "Hernia")
"""Two that are positive and one that is not: the text around them is what these tests are about."""

MAPS = {"Effusion": bump(5, 1), "Mass": bump(2, 4)}
OBJECTIONS = (Reason("not_frontal", "not a frontal view: View Position is LL"),)
KEPT = [case for case in CASES.values() if "text_kept" in case.decisions]


@cache
def reading_of(case: Case):
    """Return an invented reading of an image, with the decisions on its text."""
    image = decoded(dicom.parse(case.file, name="it"), case.default)
    radiograph = replace(radiograph_of(image.dataset), decisions=image.decisions)
    whole = make_reading(radiograph, SCORES, MAPS)
    return replace(
        whole,
        findings=tuple(each for each in whole.findings if each.label in SAID_OF),
        heatmaps=tuple(each for each in whole.heatmaps if each.label in SAID_OF),
    )


@cache
def results_of(case: Case, language: Language) -> tuple[bytes, ...]:
    """Return everything that hilum writes of an image, as files."""
    comment = "Old" if language == ENGLISH else "Ampliação"
    settings = Settings.load().changed("report", language=language, objects=tuple(ExtraObject))
    settings = settings.changed("report", report_refusals=True)
    settings = settings.changed("pacs", default_character_set=case.default)
    reading = reading_of(case)
    results = pipeline.report(reading, settings, when=WHEN)
    image = dicom.parse(case.file, name="it")
    refusal = pipeline.report_refusal(image, OBJECTIONS, settings, when=WHEN)
    review = review_report(
        reading.radiograph.header,
        Assessment("ana", (Assessed("Mass", positive=True, opinion="agree"),), comment=comment),
        key="once",
        when=WHEN,
        settings=settings.report,
        judged=results[-1],
    )
    return tuple(map(to_bytes, (*results, *refusal, review)))


def read_back(case: Case, language: Language = ENGLISH) -> Iterator[Dataset]:
    """Yield every result as pydicom reads it."""
    for file in results_of(case, language):
        yield dcmread(BytesIO(file))


def written(case: Case, language: Language, folder: Path, *, reports: bool) -> list[Path]:
    """Write every result, or the reports alone, into a folder; return where they are."""
    wanted: list[Path] = []
    for result, file in zip(read_back(case, language), results_of(case, language), strict=True):
        if result.Modality == "SR" or not reports:
            wanted.append(folder / f"{len(wanted)}.dcm")
            wanted[-1].write_bytes(file)
    return wanted


def declared(dataset: Dataset) -> str | None:
    """Return Specific Character Set with backslashes, None for none."""
    value = dataset.get("SpecificCharacterSet")
    return value if value is None or isinstance(value, str) else "\\".join(value)


@languages
@cases
def test_every_result_has_the_text_of_the_image(case: Case, language: Language):
    """Names, requests and codes, whatever the kind of result."""
    kinds = set()
    for result in read_back(case, language):
        kinds.add(result.Modality)
        assert case.name == str(result.PatientName)
        assert case.request == result.ProcedureCodeSequence[0].CodeMeaning
        for request in result.get("ReferencedRequestSequence", ()):
            assert case.request == request.RequestedProcedureDescription
            assert case.request == request.RequestedProcedureCodeSequence[0].CodeMeaning
        for item in result.get("PerformedProcedureCodeSequence", ()):
            assert case.request == item.CodeMeaning

    assert {"SR", "OT", "SEG", "PR", "KO"} <= kinds


@cases
def test_the_image_s_own_character_set_is_kept_where_it_holds_all(case: Case):
    """Old archives do not read UTF-8; what fits into the image's own set stays in it."""
    assert {case.written} == {declared(result) for result in read_back(case)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", KEPT)
def test_unknown_text_is_the_same_bytes_undeclared(case: Case, language: Language):
    """What a reader of the image makes of them, a reader of the result makes of them too."""
    for file in results_of(case, language):
        result = dicom.parse(file, name="a result")
        assert "SpecificCharacterSet" not in result
        assert case.stored == result.get_item("PatientName").value.rstrip(b" ")
        item = result.ProcedureCodeSequence[0]
        assert case.stored_request == item.get_item("CodeMeaning").value.rstrip(b" ")


def test_beside_unknown_text_ours_has_no_accents():
    """Their bytes would be other letters for each reader."""
    text = results_of(CASES["windows-1251"], PORTUGUESE)[-4]

    assert text.isascii() or b"Nao usar para diagn" in text
    assert "Não".encode("latin-1") not in text


@cases
def test_fast_is_plain(case: Case):
    """What highdicom writes, byte for byte; where our own text has accents, which is harder."""
    settings = ReportSettings(language=PORTUGUESE)
    reading = reading_of(case)
    for ours, by_highdicom in both_ways(reading, regions(reading), WHEN, settings):
        assert by_highdicom == ours


@cases
def test_highdicom_reads_the_report(case: Case):
    """With the name."""
    for file in results_of(case, ENGLISH):
        if dcmread(BytesIO(file)).Modality == "SR":
            assert case.name == str(highdicom.sr.srread(BytesIO(file)).PatientName)


@pytest.mark.parametrize(
    ("program", "heads"), [("dcmdump", "+F"), ("dsrdump", "+Pf")], ids=["dcmdump", "dsrdump"]
)
@cases
def test_dcmtk_shows_the_name(case: Case, program: str, heads: str, tmp_path):
    """Converted to UTF-8; where nothing is declared, in the bytes of the image."""
    kanji = "IR 87" in (case.written or "")  # which Debian's build does not convert
    convert = ["+U8"] if case.written and not kanji else []
    name = case.name.encode() if case.written and not kanji else case.stored
    files = written(case, ENGLISH, tmp_path, reports=program == "dsrdump")

    done = subprocess.run([program, "-q", heads, *convert, *files], capture_output=True, check=True)

    shown = done.stdout.split(f"{program} (".encode())[1:]
    assert len(files) == len(shown)
    assert all(name.partition(b"^")[0] in each for each in shown)


@cases
def test_dciodvfy_has_no_objection_of_its_own(case: Case, tmp_path):
    """To text in an unknown character set it objects in the image already."""
    for path in written(case, PORTUGUESE, tmp_path, reports=True):
        errors = [line for line in objections(path) if line.startswith("Error")]
        if not case.written:
            errors = [line for line in errors if "invalid for character repertoire" not in line]
        assert [] == errors


@pytest.mark.orthanc
def test_orthanc_shows_the_name(empty_orthanc: OrthancServer):
    """In its own tags of each result; where nothing is declared, as in those of the image."""
    with empty_orthanc.client() as orthanc:
        for case in CASES.values():
            shown = orthanc.attributes(orthanc.store(case.file).reference)["PatientName"]
            for file in results_of(case, ENGLISH):
                tags = orthanc.attributes(orthanc.store(file).reference)
                expected = case.name if case.written or case.declared else shown
                assert expected == tags["PatientName"]
            empty_orthanc.clear()


@cases
def test_forms_name_the_decisions(case: Case):
    """JSON, CSV and plain text have them, as the SR has."""
    reading = reading_of(case)
    said = [decision.text for decision in reading.radiograph.decisions]
    text = text_form(reading, when=WHEN, language=ENGLISH)

    assert all(each[:40] in " ".join(text.split()) for each in said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_decision_on_the_text_is_in_the_report(language: Language):
    """In the language of the site."""
    image = decoded(dicom.parse(CASES["utf-8"].file, name="it"))
    (decision,) = in_language(language, image.decisions)
    reading = make_reading(
        replace(radiograph_of(image.dataset), decisions=(decision,)), SCORES, MAPS
    )
    settings = ReportSettings(language=language)
    (_, coded) = encode.report_documents(
        encode.ResultContext.of(reading, when=WHEN, settings=settings), ()
    )
    text = {str(e.value) for e in coded.iterall() if e.keyword == "TextValue"}

    assert f"pixel_decision=text_recognized: {decision.text}" in text


def test_settings_name_what_orthanc_knows():
    """One word for both."""
    assert "Windows1251" == DefaultCharacterSet.WINDOWS_1251
