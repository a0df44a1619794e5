"""The report as PDF, by itself and in DICOM: legible, whole, and with the numbers of all others."""

import csv
import io
import json
import re
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from unicodedata import normalize

import pydicom
import pytest
from PIL import Image, ImageChops, ImageCms

from hilum.encode import ResultContext, extra_objects, reading_document, secondary_capture, to_bytes
from hilum.encode.forms import FORMS, FormSource
from hilum.encode.forms.pdf import pdf
from hilum.encode.forms.pdf_archive import srgb
from hilum.explain import heat, overlay, regions
from hilum.language import ENGLISH, LANGUAGES, Language
from hilum.outcome import Outcome, Read, Status
from hilum.reading import Reading
from hilum.settings import ExtraObject, ReportSettings, Settings
from hilum.wording import finding_name
from invented import MODEL, bump, make_reading, radiograph_of
from messages import PORTUGUESE
from radiographs import make_radiograph

WHEN = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
PREFLIGHT = ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "jaxb-api")
PREFLIGHT += ("javax.activation",)
SCORES = {"Effusion": 0.914, "Mass": 0.4999}


def reading_of(**attributes: str) -> Reading:
    """Return a reading of an image that says so of itself."""
    maps = {"Effusion": bump(5, 1), "Mass": bump(2, 4)}
    return make_reading(radiograph_of(make_radiograph(**attributes)), SCORES, maps)


def words_in(document: bytes, folder: Path) -> str:
    """Return the text of a PDF, as poppler reads it."""
    (folder / "report.pdf").write_bytes(document)
    command = ["pdftotext", "-layout", folder / "report.pdf", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_is_legible_in_every_language(language: Language, tmp_path: Path):
    """With its accents, the statement, and whose image it is."""
    reading = reading_of(
        PatientName="Conceição^João", PatientID="PT-7", SpecificCharacterSet="ISO_IR 192"
    )
    said = words_in(pdf(reading, when=WHEN, language=language), tmp_path)

    assert "Conceição" in said
    assert "PT-7" in said
    assert language.say("Research use only. Not a medical device. Not for diagnosis.") in said
    for finding in reading.findings:
        assert finding_name(finding.label, language) in said
    assert "\ufffd" not in said


def test_fonts_are_in_the_file(tmp_path: Path):
    """No viewer replaces them."""
    (tmp_path / "a.pdf").write_bytes(pdf(reading_of(), when=WHEN, language=PORTUGUESE))
    command = ["pdffonts", tmp_path / "a.pdf"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    fonts = [line.split()[3:6] for line in listed.stdout.splitlines()[2:]]

    assert [["yes"] * 3] * 2 == fonts


def test_the_same_reading_gives_the_same_bytes():
    """Like every result."""
    reading = reading_of()

    assert pdf(reading, when=WHEN, language=ENGLISH) == pdf(reading, when=WHEN, language=ENGLISH)


def named(name: str, folder: Path) -> str:
    """Return the words of a report on somebody."""
    reading = reading_of(PatientName=name, PatientID="X-1", SpecificCharacterSet="ISO_IR 192")
    return words_in(pdf(reading, when=WHEN, language=ENGLISH), folder)


@pytest.mark.parametrize("name", ["<b>Doe", "</para>&amp;", "\u202egpj", "A^B^C^D^E", "=", "^^^^"])
def test_no_name_breaks_the_report(name: str, tmp_path: Path):
    """Nothing of it is markup."""
    assert "X-1" in named(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Παπαδόπουλος^Γιώργος", "Παπαδόπουλος, Γιώργος"),
        ("Щербакова^Юлия", "Щербакова, Юлия"),
        ("Nguyễn^Thị Hồng Đào", "Nguyễn, Thị Hồng Đào"),
        (normalize("NFD", "Nguyễn^Thị"), "Nguyễn, Thị"),
        ("Łukasiewicz^Żaneta", "Łukasiewicz, Żaneta"),
        ("Սարգսյան^Արամ", "Սարգսյան, Արամ"),
        ("ბერიძე^ნინო", "ბერიძე, ნინო"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou"),
        ("==やまだ^Tarou", "▯▯▯, Tarou"),
    ],
)
def test_names_are_in_their_own_letters(name: str, shown: str, tmp_path: Path):
    """With accents that stand alone joined to them."""
    assert shown in named(name, tmp_path)


@pytest.mark.parametrize(
    "name", ["山田^太郎", "홍^길동", "כהן^דוד", "محمد^أحمد", "ศรี", "मोदी", "🩻"]
)
def test_a_letter_that_cannot_be_shown_is_a_box_with_a_note(name: str, tmp_path: Path):
    """Never a question mark, which a name may have, nor a name that reads backwards."""
    said = named(name, tmp_path)

    assert "▯ stands for a letter that this PDF cannot show" in said
    assert not set(said) & set(name) - set("^")


def test_whole_names_have_no_note(tmp_path: Path):
    """Where nothing is missing."""
    assert "▯" not in named("Conceição?^João", tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_archive_takes_it(language: Language, tmp_path: Path):
    """PDF/A-1b, with the overlay and with letters that are not in the fonts."""
    made = encapsulated(language, picture=True, PatientName="Đào^太郎")
    (tmp_path / "a.pdf").write_bytes(made.EncapsulatedDocument[: made.EncapsulatedDocumentLength])

    assert "is a valid PDF/A-1b file" in preflight(tmp_path / "a.pdf")


def test_its_colours_are_those_of_srgb():
    """By the profile that is in it."""
    colours = Image.frombytes("RGB", (64, 64), bytes(range(256)) * 48)
    ours = ImageCms.ImageCmsProfile(BytesIO(srgb()))
    shown = ImageCms.profileToProfile(colours, ours, ImageCms.createProfile("sRGB"))

    assert ImageChops.difference(colours, shown).getextrema() <= ((0, 1),) * 3


def preflight(path: Path) -> str:
    """Return what PDFBox says of a file."""
    found = [Path("/usr/share/java", f"{jar}.jar") for jar in PREFLIGHT]
    if not all(jar.exists() for jar in found):
        pytest.skip("Debian's packages libpdfbox2-java and libjaxb-api-java are not installed")
    command = ["java", "-cp", ":".join(map(str, found))]
    command += ["org.apache.pdfbox.preflight.Validator_A1b", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_every_form_has_the_same_numbers(tmp_path: Path):
    """PDF, text and CSV to the digit that people see; JSON and FHIR rounded to it."""
    reading = reading_of()
    read = Read(reading)
    outcome = Outcome("a.dcm", Status.READ, reading.radiograph.uids, read=read)
    document = reading_document(outcome, MODEL, Settings())
    source = FormSource(outcome, reading, document, WHEN, ReportSettings())
    made = {name: form.make(source) for name, form in FORMS.items()}
    pages, text = words_in(made["pdf"], tmp_path), made["text"].decode()
    (row,) = csv.DictReader(io.StringIO(made["csv"].decode()))
    observations = [
        each["resource"]
        for each in json.loads(made["fhir"])["entry"]
        if each["resource"]["resourceType"] == "Observation"
    ]

    for finding, observed in zip(reading.findings, observations, strict=True):
        name = re.escape(finding_name(finding.label, ENGLISH))
        shown = row[f"{finding.label} score"]
        assert f"{observed['component'][0]['valueQuantity']['value']:.2f}" == shown
        for form in (pages, text):
            assert shown == re.search(rf"{name} +(\S+) +(?:PRESENT|absent)", form)[1]


def encapsulated(
    language: Language, *, picture: bool = False, **attributes: str
) -> pydicom.Dataset:
    """Return the report as the DICOM object that a site asked for."""
    reading = reading_of(**attributes)
    settings = ReportSettings(objects=(ExtraObject.ENCAPSULATED_PDF,), language=language)
    of = ResultContext.of(reading, when=WHEN, settings=settings)
    sheet = overlay(reading, when=WHEN, language=language)
    drawn = secondary_capture(sheet, of) if picture else None
    (made,) = extra_objects(of, regions(reading), heat=heat, picture=drawn)
    return pydicom.dcmread(BytesIO(to_bytes(made)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_dcmtk_takes_the_document_out_of_the_object(language: Language, tmp_path: Path):
    """As it went in, with the overlay on a page of its own."""
    made = encapsulated(language, picture=True)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    subprocess.run(["dcm2pdf", tmp_path / "a.dcm", tmp_path / "a.pdf"], check=True)
    information = subprocess.run(
        ["pdfinfo", tmp_path / "a.pdf"], capture_output=True, text=True, check=True
    ).stdout

    length = made.EncapsulatedDocumentLength
    assert made.EncapsulatedDocument[:length] == (tmp_path / "a.pdf").read_bytes()[:length]
    assert re.search(r"Pages: +2\n", information)


def test_the_object_says_what_it_is_of():
    """In the study of its image, with a title, a code and the image that it came from."""
    source = make_radiograph()
    made = encapsulated(PORTUGUESE, SOPInstanceUID=source.SOPInstanceUID)

    assert ("application/pdf", "YES") == (
        made.MIMETypeOfEncapsulatedDocument,
        made.BurnedInAnnotation,
    )
    assert "Achados de IA em radiografia de tórax" in made.DocumentTitle
    assert made.ConceptNameCodeSequence[0].CodeValue
    (of,) = made.SourceInstanceSequence
    assert source.SOPInstanceUID == of.ReferencedSOPInstanceUID
