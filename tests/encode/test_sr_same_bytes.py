"""The fast way writes what highdicom writes, byte for byte, every time."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.encode import (
    ResultContext,
    highdicom_encoder,
    refusal_document,
    report_documents,
    to_bytes,
)
from hilum.errors import EncodingFailed, SettingInvalid
from hilum.language import LANGUAGES
from hilum.settings import ReportSettings, Settings, SRClass, SREncoder
from sr_cases import THREE, both_ways, generated, read, regions_of


@pytest.fixture
def _tolerated() -> Iterator[None]:
    """Let highdicom warn of what a header holds; the fast way does not look."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="pydicom|highdicom")
        yield


@pytest.mark.usefixtures("_tolerated")
@pytest.mark.parametrize("scores", [THREE, {}], ids=["positives", "none"])
def test_fast_and_plain_give_the_same_bytes(source, scores, when, settings):
    """Whatever the source, highdicom's own constructors give the same file."""
    regions = regions_of(source, *scores)
    for ours, by_highdicom in both_ways(read(source, scores), regions, when, settings):
        assert by_highdicom == ours


@pytest.mark.parametrize("sr_class", SRClass)
@pytest.mark.parametrize("language", LANGUAGES)
def test_same_bytes_for_every_setting(header, when, sr_class, language):
    """SOP Class and language change the file, not the agreement."""
    settings = ReportSettings(sr_class=sr_class, language=language)
    regions = regions_of(header, *THREE)
    for ours, by_highdicom in both_ways(read(header, THREE), regions, when, settings):
        assert by_highdicom == ours


def test_same_bytes_with_picture_and_predecessor(header, when, settings, reports):
    """References to a picture and to an earlier report agree too."""
    earlier = reports(read(header))
    made = both_ways(
        read(header, THREE),
        regions_of(header, *THREE),
        when,
        settings,
        visual_explanation=earlier[0],
        predecessors=earlier,
    )
    for ours, by_highdicom in made:
        assert by_highdicom == ours


def files(header: Dataset, when, settings) -> list[bytes]:
    documents = report_documents(
        ResultContext.of(read(header, THREE), when=when, settings=settings),
        regions_of(header, *THREE),
    )
    return [to_bytes(document) for document in documents]


def test_twice_gives_the_same_bytes(header, when, settings):
    """Nothing of the wall clock or of chance gets into a report."""
    assert files(header, when, settings) == files(header, when, settings)


def test_another_process_gives_the_same_bytes(header, when, settings):
    """Neither does anything of the process, such as the order of a hash."""
    program = (
        "import hashlib, sys\n"
        "from datetime import datetime\n"
        "from hilum.settings import ReportSettings\n"
        "from sr_cases import generated\n"
        "from test_sr_same_bytes import files\n"
        "when = datetime.fromisoformat(sys.argv[1])\n"
        "made = files(generated(), when, ReportSettings())\n"
        "print(*(hashlib.sha256(file).hexdigest() for file in made))"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program, when.isoformat()],
        capture_output=True,
        check=True,
        text=True,
        env={
            "PYTHONPATH": f"{here}:{here.parent}:{here.parents[1] / 'src'}",
            "PYTHONHASHSEED": "1",
        },
    )
    expected = [sha256(file).hexdigest() for file in files(header, when, settings)]

    assert expected == done.stdout.split()


def test_written_report_can_be_used_before_it_is_stored(header, when, settings, reports):
    """The data set that is returned reads like any other, content tree included."""
    _, coded = reports(read(header))
    measurements = coded.ContentSequence[9]

    assert "126010" == measurements.ConceptNameCodeSequence[0].CodeValue
    assert to_bytes(coded) == fresh_file(when, settings)


def fresh_file(when, settings) -> bytes:
    _, coded = report_documents(
        ResultContext.of(read(generated()), when=when, settings=settings), ()
    )
    return to_bytes(coded)


def test_setting_chooses_who_writes_the_same_bytes(header, when, settings, monkeypatch):
    """With `report.encoder = "highdicom"` its constructors write every report."""
    by_highdicom = ReportSettings(encoder=SREncoder.HIGHDICOM)
    ours = files(header, when, settings)
    made = []
    monkeypatch.setattr(
        highdicom_encoder,
        "build",
        lambda document, build=highdicom_encoder.build: made.append(document) or build(document),
    )

    assert ours == files(header, when, by_highdicom)
    reasons = (Reason("too_small", "Too small"),)
    refusals = [
        to_bytes(refusal_document(header, reasons, when=when, settings=chosen))
        for chosen in (settings, by_highdicom)
    ]

    assert refusals[0] == refusals[1]
    assert 3 == len(made)


def test_report_that_highdicom_does_not_take_is_one_line(header, when, monkeypatch):
    """What it objects to is told without its text, which may quote the patient."""

    def refuse(_document):
        raise ValueError("Silva^Ana is no name")

    monkeypatch.setattr(highdicom_encoder, "build", refuse)

    with pytest.raises(EncodingFailed, match=r"does not accept the report.*encoder = \"hilum\""):
        files(header, when, ReportSettings(encoder=SREncoder.HIGHDICOM))


def test_encoder_that_is_not_installed_is_told_when_settings_are_read(monkeypatch):
    """An extra that is missing is no surprise of the first image."""
    monkeypatch.setattr("hilum.settings.reading.find_spec", lambda _: None)

    with pytest.raises(SettingInvalid, match=r"pip install 'hilum\[highdicom\]'"):
        Settings.load(report={"encoder": "highdicom"})
