"""``hilum phantom``: images and truth in a folder."""

import json
from pathlib import Path

from click.testing import CliRunner, Result
from pydicom import dcmread

from hilum.cli import main


def phantom(*arguments: str | Path) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["phantom", *map(str, arguments)])


def test_image_and_truth_lie_beside_each_other(tmp_path: Path):
    """Each seed gives one DICOM file and one JSON file, and a line that names the finding."""
    result = phantom(
        tmp_path / "new", "--count", "2", "--seed", "7", "--finding", "effusion", "--size", "96"
    )

    assert 0 == result.exit_code, result.output
    assert ["phantom-7.dcm", "phantom-7.json", "phantom-8.dcm", "phantom-8.json"] == sorted(
        path.name for path in (tmp_path / "new").iterdir()
    )
    assert "Effusion" in result.output
    assert "PHANTOM-7" == dcmread(tmp_path / "new" / "phantom-7.dcm").PatientID
    assert ["Effusion"] == json.loads((tmp_path / "new" / "phantom-7.json").read_text())["labels"]


def test_healthy_shows_nothing(tmp_path: Path):
    """``--healthy`` leaves every truth empty."""
    result = phantom(tmp_path, "--count", "1", "--healthy", "--size", "64")

    assert "no finding" in result.output
    assert [] == json.loads((tmp_path / "phantom-1.json").read_text())["findings"]


def test_healthy_with_a_finding_is_wrong_usage(tmp_path: Path):
    """What cannot be is refused before anything is drawn."""
    assert 2 == phantom(tmp_path, "--healthy", "--finding", "mass").exit_code
    assert 2 == phantom(tmp_path, "--finding", "gout").exit_code


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path):
    """A file in the way gives one line and status 1, no traceback."""
    (tmp_path / "taken").write_text("in the way")
    result = phantom(tmp_path / "taken" / "folder", "--count", "1", "--size", "64")

    assert 1 == result.exit_code
    assert "cannot be written" in result.stderr
