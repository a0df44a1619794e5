"""``hilum demo``: the main job, end to end, and everything that must be refused."""

import json
import subprocess

import jsonschema
import pytest
from pydicom import dcmread

from hilum.encode import document_schema

CLOSED = {"HILUM_MODEL__MIRROR": "http://127.0.0.1:9/"}
"""Nobody answers there: the weights cannot be downloaded, as on a closed network."""


READ = 6
"""Images of the demonstration that are read: two radiographs, four phantoms."""


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory, run_hilum):
    """Return what one demonstration printed, and its folder."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = run_hilum("demo", "--out", folder, HOME=folder.parent, **CLOSED)
    return done, folder


@pytest.fixture
def rows(demonstration):
    """Return the rows of the JSON document, by the image's name."""
    text = (demonstration[1] / "readings.json").read_text(encoding="utf-8")
    return {row["path"]: row for row in json.loads(text)["readings"]}


@pytest.mark.orthanc
def test_demonstration_succeeds_without_a_network(demonstration):
    """Exit status 0, and it says which model read the images and why."""
    done, _ = demonstration

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "demonstration model is used instead" in done.stdout
    assert "DEMONSTRATION" in done.stdout
    assert "Not a medical device" in done.stdout


def test_chest_radiographs_are_read_over_both_routes(rows):
    """The real radiograph is read uncompressed over C-STORE and as JPEG 2000 over REST."""
    assert "read" == rows["chest"]["status"] == rows["chest-jpeg2000"]["status"]
    assert rows["chest"]["findings"] == rows["chest-jpeg2000"]["findings"]
    assert rows["chest"]["sop_instance_uid"] != rows["chest-jpeg2000"]["sop_instance_uid"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("leg", "not_chest"), ("ct", "modality"), ("mr", "modality")],
)
def test_what_the_model_may_not_read_is_refused(rows, name, code):
    """A leg, a CT and an MR image: refused, each with its reason."""
    assert "refused" == rows[name]["status"]
    assert code in {reason["code"] for reason in rows[name]["reasons"]}


def test_truth_stands_beside_the_answer(demonstration, rows):
    """Each phantom is read, and what is to be found on it is printed under its line."""
    lines = demonstration[0].stdout.splitlines()
    truths = [line.split("truth:")[1].strip() for line in lines if "truth:" in line]

    assert ["normal", "Pleural effusion", "Pneumothorax", "lateral view"] == truths
    assert [] == [f for f in rows["phantom-healthy"]["findings"] if f["positive"]]
    for name, label in (("effusion", "Effusion"), ("pneumothorax", "Pneumothorax")):
        found = {f["label"] for f in rows[f"phantom-{name}"]["findings"] if f["positive"]}
        assert label in found


def test_lateral_view_is_told_from_the_pixels(rows, demonstration):
    """Its header does not say; no frontal phantom is taken for one, and the terminal says so."""
    told = {
        name
        for name, row in rows.items()
        if "lateral_by_pixels" in {reason["code"] for reason in row["reasons"]}
    }

    assert {"phantom-lateral"} == told
    assert "demonstration-view" in rows["phantom-lateral"]["view"]["network"]
    assert 1 == demonstration[0].stdout.count("the pixels look like a lateral view")


def test_broken_file_is_not_lost_in_silence(rows, demonstration):
    """A file that was cut off never reaches the PACS; its row and its line say so."""
    assert "failed" == rows["broken"]["status"]
    assert "is truncated" in demonstration[0].stdout


def test_document_keeps_its_schema(demonstration):
    """readings.json is a ``hilum.reading/1`` document like any other."""
    document = json.loads((demonstration[1] / "readings.json").read_text(encoding="utf-8"))

    jsonschema.validate(document, document_schema())


def test_results_came_back_from_the_pacs_in_the_study_of_their_image(demonstration, chest_path):
    """Each report belongs to the study and patient of the radiograph it is about."""
    source = dcmread(chest_path, stop_before_pixels=True)
    reports = [dcmread(path) for path in demonstration[1].glob("chest.*.dcm")]

    assert 3 == len(reports)
    assert {str(source.StudyInstanceUID)} == {str(r.StudyInstanceUID) for r in reports}
    assert {source.PatientID} == {r.PatientID for r in reports}


def test_results_are_valid_and_legible(demonstration):
    """Dciodvfy finds no error in any object; each report is there as text, each picture too."""
    objects = sorted(demonstration[1].glob("*.dcm"))

    assert 3 * READ == len(objects)
    for path in objects:
        checked = subprocess.run(
            ["dciodvfy", "-new", path], capture_output=True, text=True, check=False
        )
        assert "Error" not in checked.stderr, f"{path.name}: {checked.stderr}"
    assert READ == len(list(demonstration[1].glob("*.jpg")))
    texts = [
        path.read_text(encoding="utf-8") for path in demonstration[1].glob("*.findings.sr.txt")
    ]
    assert READ == len(texts)
    assert all("A score is not a probability" in text for text in texts)


def test_demonstration_is_stamped_everywhere(demonstration):
    """No report can be taken for one of a trained model."""
    for path in demonstration[1].glob("*.dcm"):
        assert "DEMONSTRATION" in dcmread(path, stop_before_pixels=True).SeriesDescription
    assert "DEMONSTRATION" in (demonstration[1] / "index.html").read_text(encoding="utf-8")


def test_second_demonstration_replaces_the_first(demonstration, run_hilum):
    """Safe to run again; what is no demonstration is never deleted."""
    _, folder = demonstration
    done = run_hilum("demo", "--out", folder.parent, HOME=folder.parent, **CLOSED)

    assert 1 == done.returncode
    assert "holds something other than a demonstration" in done.stderr
    assert (folder / "readings.json").exists()
