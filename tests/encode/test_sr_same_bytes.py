"""The fast way writes what highdicom writes, byte for byte, every time."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom import Dataset

from hilum.encode import plain, report_documents, to_bytes
from hilum.encode.document import build
from hilum.encode.report import describe
from hilum.settings import ReasonLanguage, ReportSettings, SRClass
from sr_cases import THREE, generated, read, regions_of


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
    for document in describe(read(source, scores), regions, when=when, settings=settings):
        assert to_bytes(plain.build(document)) == to_bytes(build(document))


@pytest.mark.parametrize("sr_class", SRClass)
@pytest.mark.parametrize("language", ReasonLanguage)
def test_same_bytes_for_every_setting(header, when, sr_class, language):
    """SOP Class and language change the file, not the agreement."""
    settings = ReportSettings(sr_class=sr_class, language=language)
    reading = read(header, THREE)
    for document in describe(reading, regions_of(header, *THREE), when=when, settings=settings):
        assert to_bytes(plain.build(document)) == to_bytes(build(document))


def test_same_bytes_with_picture_and_predecessor(header, when, settings):
    """References to a picture and to an earlier report agree too."""
    earlier = report_documents(read(header), (), when=when, settings=settings)
    described = describe(
        read(header, THREE),
        regions_of(header, *THREE),
        when=when,
        settings=settings,
        visual_explanation=earlier[0],
        predecessors=earlier,
    )
    for document in described:
        assert to_bytes(plain.build(document)) == to_bytes(build(document))


def files(header: Dataset, when, settings) -> list[bytes]:
    documents = report_documents(
        read(header, THREE), regions_of(header, *THREE), when=when, settings=settings
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
        env={"PYTHONPATH": f"{here}:{here.parent}", "PYTHONHASHSEED": "1"},
    )
    expected = [sha256(file).hexdigest() for file in files(header, when, settings)]

    assert expected == done.stdout.split()


def test_written_report_can_be_used_before_it_is_stored(header, when, settings):
    """The data set that is returned reads like any other, content tree included."""
    _, coded = report_documents(read(header), (), when=when, settings=settings)
    measurements = coded.ContentSequence[9]

    assert "126010" == measurements.ConceptNameCodeSequence[0].CodeValue
    assert to_bytes(coded) == fresh_file(when, settings)


def fresh_file(when, settings) -> bytes:
    _, coded = report_documents(read(generated()), (), when=when, settings=settings)
    return to_bytes(coded)
