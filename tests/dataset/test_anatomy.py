"""``hilum read --anatomy``: the ratio on the terminal, in JSON and CSV, as DICOM and picture."""

import csv
import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from pydicom import dcmread

from hilum import phantom
from hilum.cli import main
from hilum.encode import document_schema
from radiographs import dicom_file

SEED = 900_007


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a phantom and what was made of it."""
    made = tmp_path_factory.mktemp("anatomy")
    image = phantom.make(SEED, findings=("cardiomegaly",), size=256).dataset
    (made / "chest.dcm").write_bytes(dicom_file(image))
    return made


@pytest.fixture(scope="module")
def told(folder: Path) -> Result:
    """Return what the command says."""
    environment = {
        "HILUM_DATA_FOLDER": str(folder / "data"),
        "HILUM_ANATOMY__MODEL": "demonstration-anatomy",
    }
    options = ["--model", "demonstration", "--anatomy", "--json", str(folder / "found.json")]
    options += ["--csv", str(folder / "found.csv"), "--out", str(folder / "out")]
    return CliRunner(env=environment).invoke(main, ["read", str(folder / "chest.dcm"), *options])


@pytest.mark.usefixtures("told")
def test_json_has_ratio_and_lines(folder: Path):
    """By its schema, near to the truth."""
    document = json.loads((folder / "found.json").read_text())
    jsonschema.validate(document, document_schema())
    anatomy = document["readings"][0]["anatomy"]
    truth = phantom.make(SEED, findings=("cardiomegaly",), size=256).truth

    assert anatomy["cardiothoracic_ratio"] == pytest.approx(truth.cardiothoracic_ratio, abs=0.1)
    assert ["Right Lung", "Left Lung", "Heart"] == [each["name"] for each in anatomy["structures"]]
    assert 2 == len(anatomy["heart_width"]["line"])


@pytest.mark.usefixtures("told")
def test_csv_has_the_ratio(folder: Path):
    """The same number as in the JSON document."""
    (row,) = csv.DictReader((folder / "found.csv").read_text().splitlines())
    document = json.loads((folder / "found.json").read_text())
    ratio = document["readings"][0]["anatomy"]["cardiothoracic_ratio"]

    assert ratio == float(row["cardiothoracic_ratio"])
    assert "demonstration-anatomy 1" == row["anatomy_model"]


def test_terminal_says_it(told: Result):
    """One sentence below the findings."""
    assert 0 == told.exit_code, told.output
    assert "Cardiothoracic ratio 0." in told.output


@pytest.mark.usefixtures("told")
def test_folder_has_masks_measurements_and_picture(folder: Path):
    """Beside the results of the reading."""
    out = folder / "out"
    kinds = {each.name: dcmread(each).Modality for each in out.glob("chest.anatomy*.dcm")}

    assert {"chest.anatomy.seg.dcm": "SEG", "chest.anatomy.sr.dcm": "SR"} == kinds
    with Image.open(out / "chest.anatomy.png") as picture:
        assert picture.width > 400
