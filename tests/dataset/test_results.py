"""Where the results of one reading go, and what becomes of it when they cannot."""

import json
from datetime import UTC, datetime

import pytest

from hilum import pipeline
from hilum.dataset.results import ResultFiles, ResultsInPacs, write_results
from hilum.encode.forms import FORMS
from hilum.errors import SourceUnreadable
from hilum.outcome import Outcome, Read, Status
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pipeline import Writing
from hilum.settings import Settings
from invented import flat, make_reading

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def read_and_written(reading):
    """Return a reading with its results."""
    return Read(reading, pipeline.write(reading, Settings.load(), Writing(NOW)))


@pytest.fixture
def picture():
    """Return the outcome of a PNG that was read."""
    return Outcome("chest.png", Status.READ, read=read_and_written(make_reading(flat(300, 300))))


def test_picture_has_no_study_to_be_stored_in(picture):
    """Asked to store what came as PNG, hilum says that it did not."""
    with OrthancArchive("http://127.0.0.1:1") as orthanc:
        outcome = write_results(picture, [ResultsInPacs(orthanc, Settings.load())])

    assert Status.FAILED is outcome.status
    assert "chest.png is a PNG or JPEG: there is no study" in outcome.reasons[0].text


def test_picture_is_written_in_the_forms_that_need_no_header(picture, tmp_path):
    """FHIR's identifiers are derived from an image's, and a PNG has none."""
    files = ResultFiles(tmp_path, Settings.load(), {"chest.png": "chest"}, list(FORMS))
    outcome = write_results(picture, [files])
    document = json.loads((tmp_path / "chest.findings.json").read_text(encoding="utf-8"))

    names = ["overlay.png", "findings.json", "findings.csv", "findings.txt"]
    assert [str(tmp_path / f"chest.{name}") for name in names] == list(outcome.outputs)
    assert [outcome.outputs[0]] == document["readings"][0]["outputs"]


def test_folder_that_cannot_be_written_ends_the_run(picture, tmp_path):
    """What is wrong with the folder is wrong for every image: nothing else is read."""
    (tmp_path / "file").touch()
    files = ResultFiles(tmp_path / "file" / "out", Settings.load(), {"chest.png": "chest"}, [])

    with pytest.raises(SourceUnreadable, match="cannot be written"):
        write_results(picture, [files])
