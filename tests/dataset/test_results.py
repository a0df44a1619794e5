"""Where the results of one reading go, and what becomes of it when they cannot."""

from datetime import UTC, datetime

import pytest

from hilum import pipeline
from hilum.dataset.results import ResultFiles, ResultsInPacs, write_results
from hilum.errors import SourceUnreadable
from hilum.outcome import Outcome, Read, Status
from hilum.pacs.orthanc.client import Orthanc
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
    with Orthanc("http://127.0.0.1:1") as orthanc:
        outcome = write_results(picture, [ResultsInPacs(orthanc, Settings.load())])

    assert Status.FAILED is outcome.status
    assert "chest.png is a picture without a study" in outcome.reasons[0].text


def test_folder_that_cannot_be_written_ends_the_run(picture, tmp_path):
    """What is wrong with the folder is wrong for every image: nothing else is read."""
    (tmp_path / "file").touch()
    files = ResultFiles(tmp_path / "file" / "out", Settings.load(), {"chest.png": "chest"})

    with pytest.raises(SourceUnreadable, match="cannot be written"):
        write_results(picture, [files])
