"""``hilum read``: every file is accounted for, for people and for programs."""

import csv
import json
import subprocess
import zipfile

import jsonschema
import pytest
from PIL import Image
from pydicom import dcmread

from hilum.encode import document_schema
from radiographs import dicom_file, make_radiograph

PHANTOM = {"QualityControlImage": "YES"}
"""What the demonstration model may read anywhere."""


@pytest.fixture
def phantom(tmp_path):
    """Return the path of a radiograph that is no patient's."""
    path = tmp_path / "phantom.dcm"
    path.write_bytes(dicom_file(make_radiograph(**PHANTOM)))
    return path


@pytest.fixture
def read(hilum):
    """Return a function that runs `hilum read` with the demonstration model."""
    return lambda *arguments, **variables: hilum(
        "read", "--model", "demonstration", *arguments, **variables
    )


def test_reading_prints_every_finding(read, phantom):
    """One file: a table with all findings of the model, its name, and what it is not."""
    done = read(phantom)

    assert 0 == done.returncode, done.stderr
    assert 10 == sum(1 for line in done.stdout.splitlines() if "█" in line or "····" in line)
    assert "DEMONSTRATION" in done.stderr
    assert "Not a medical device" in done.stderr


def test_document_keeps_its_schema(read, phantom, leg_path, tmp_path):
    """Read, refused and failed files all have a row, and the schema holds for each."""
    (tmp_path / "broken.dcm").write_bytes(phantom.read_bytes()[:5000])
    done = read(phantom, leg_path, tmp_path / "broken.dcm", "--json", tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))

    jsonschema.validate(document, document_schema())
    assert ["read", "refused", "failed"] == [row["status"] for row in document["readings"]]
    assert 1 == done.returncode


def test_schema_bites(read, phantom, tmp_path):
    """A document whose finding lost its code is not valid."""
    read(phantom, "--json", tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    del document["readings"][0]["findings"][0]["code"]

    with pytest.raises(jsonschema.ValidationError, match="'code' is a required property"):
        jsonschema.validate(document, document_schema())


def test_refusal_names_every_reason(read, leg_path, tmp_path):
    """A leg is refused in words and in codes, and that is an answer, not a failure."""
    done = read(leg_path, "--json", tmp_path / "r.json")
    (row,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["readings"]

    assert 0 == done.returncode, done.stderr
    assert {"not_chest", "demonstration_model"} <= {reason["code"] for reason in row["reasons"]}
    assert "EXTREMITY" in done.stdout


def test_patients_are_not_read_by_the_demonstration_model(read, chest_path):
    """A real radiograph is refused by a model that was not trained on patients."""
    done = read(chest_path)

    assert "refused" in done.stdout
    assert "demonstration model does not read images of patients" in done.stdout


def test_folder_archive_and_what_is_no_image(read, phantom, tmp_path):
    """A folder with a ZIP and a text file: everything in it is named once."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("no image")
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.write(phantom, "a/phantom.dcm")
    done = read(folder, "--json", tmp_path / "r.json")
    rows = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["readings"]

    assert 0 == done.returncode, done.stderr
    assert [("images.zip!a/phantom.dcm", "read"), ("notes.txt", "refused")] == [
        (row["path"].removeprefix(f"{folder}/"), row["status"]) for row in rows
    ]


def test_results_are_written_beside_each_other(read, phantom, tmp_path):
    """--out gives reports, overlay and every form; dciodvfy finds no error in the DICOM."""
    done = read(phantom, "--out", tmp_path / "out")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())

    assert 0 == done.returncode, done.stderr
    assert [
        "phantom.fhir.json",
        "phantom.findings.csv",
        "phantom.findings.json",
        "phantom.findings.pdf",
        "phantom.findings.sr.dcm",
        "phantom.findings.txt",
        "phantom.overlay.dcm",
        "phantom.overlay.png",
        "phantom.regions.sr.dcm",
    ] == written
    for path in (tmp_path / "out").glob("*.dcm"):
        checked = subprocess.run(
            ["dciodvfy", "-new", path], capture_output=True, text=True, check=False
        )
        assert "Error" not in checked.stderr, checked.stderr


def test_results_are_stored_in_the_same_study(read, phantom, empty_orthanc):
    """--store puts the results beside the image in the PACS, and only there."""
    pacs = {
        "HILUM_PACS__URL": empty_orthanc.url,
        "HILUM_PACS__USERNAME": empty_orthanc.username,
        "HILUM_PACS__PASSWORD": empty_orthanc.password,
    }
    with empty_orthanc.client() as orthanc:
        orthanc.store(phantom.read_bytes())
        done = read(phantom, "--store", **pacs)
        study = str(dcmread(phantom, stop_before_pixels=True).StudyInstanceUID)

        assert 0 == done.returncode, done.stderr
        assert 4 == len(orthanc.find("Instance", {"StudyInstanceUID": study}))
        assert 1 == len(orthanc.find("Study", {}))


def test_results_do_not_stand_alone(read, phantom, empty_orthanc):
    """--store says what to do about an image that the PACS does not have, and goes on."""
    pacs = {
        "HILUM_PACS__URL": empty_orthanc.url,
        "HILUM_PACS__USERNAME": empty_orthanc.username,
        "HILUM_PACS__PASSWORD": empty_orthanc.password,
    }
    done = read(phantom, phantom, "--store", **pacs)

    assert 1 == done.returncode
    assert 2 == done.stdout.count("Send the image first with `hilum send`")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "densnet121-res224-all", __file__), "Did you mean densenet121-res224-all?"),
        ((__file__,), "hilum models pull"),
        (("missing.dcm",), "missing.dcm does not exist"),
    ],
)
def test_mistake_is_one_clear_line(hilum, arguments, said):
    """An unknown model, missing weights, a missing file: said once, without a traceback."""
    done = hilum("read", *arguments)

    assert 1 == done.returncode
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("--pixels", "guess", "x.dcm"), ("--nonsense",), ("--form", "csv", __file__)],
)
def test_wrong_usage_has_its_own_status(hilum, arguments):
    """Status 2 is for what is wrong on the command line."""
    assert 2 == hilum("read", *arguments).returncode


def test_interrupted_document_is_resumed(read, phantom, tmp_path):
    """What was read before a kill is not read again; the document is whole in the end."""
    other = tmp_path / "other.dcm"
    other.write_bytes(dicom_file(make_radiograph(**PHANTOM)))
    read(phantom, "--json", tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    (row,) = document.pop("readings")
    (tmp_path / "r.json").unlink()
    wanted = {"out": None, "store": False}
    lines = [{"head": document, "wanted": wanted}, {"key": row["path"], "row": row}]
    (tmp_path / "r.json.partial").write_text(
        "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
    )
    done = read(phantom, other, "--json", tmp_path / "r.json")
    rows = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["readings"]

    assert "1 file was already analyzed; remaining: 1." in done.stderr
    assert [str(phantom), str(other)] == [each["path"] for each in rows]
    assert str(phantom) not in done.stdout


def test_image_without_a_uid_has_no_results(read, phantom, tmp_path):
    """Nothing can refer to it: that is its failure, and the images after it are read."""
    header = dcmread(phantom)
    del header.StudyInstanceUID
    header.save_as(tmp_path / "nameless.dcm")
    done = read(tmp_path / "nameless.dcm", phantom, "--out", tmp_path / "out")

    assert 1 == done.returncode
    assert "The image has no StudyInstanceUID" in done.stdout
    assert "1 read, 0 refused, 1 failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_results_of_a_long_name_have_a_shorter_one(read, phantom, tmp_path):
    """A name that fills what the file system allows leaves room for the ending of a result."""
    source = phantom.rename((tmp_path / ("é" * 120)).with_suffix(".dcm"))
    done = read(source, "--out", tmp_path / "out")

    assert 0 == done.returncode, done.stderr
    assert 9 == len(list((tmp_path / "out").iterdir()))


def test_picture_without_header_is_not_a_phantom(read, tmp_path):
    """A PNG says nothing about whose it is: the demonstration model refuses it."""
    Image.new("L", (512, 512), 90).save(tmp_path / "chest.png")
    done = read(tmp_path / "chest.png")

    assert "refused" in done.stdout


def test_table_has_a_row_for_each_file(read, phantom, leg_path, tmp_path):
    """--csv: one row a file, whatever became of it, with the scores of what was read."""
    done = read(phantom, leg_path, "--csv", tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert 0 == done.returncode, done.stderr
    assert ["read", "refused"] == [row["status"] for row in rows]
    assert 0.0 <= float(rows[0]["Effusion score"]) <= 1.0
    assert "" == rows[1]["Effusion score"]


def test_sources_of_one_name_do_not_overwrite_each_other(read, tmp_path):
    """Two files of the same name in different folders leave two sets of results."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.dcm").write_bytes(dicom_file(make_radiograph(**PHANTOM)))
    read(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")

    assert {"image.findings.sr.dcm", "image-2.findings.sr.dcm"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_images_with_one_uid_have_results_of_their_own(read, tmp_path):
    """Two studies, one SOP Instance UID, one file name: nothing is written over."""
    paths, studies = [], {"1.2.40.1", "1.2.40.2"}
    for study in sorted(studies):
        path = tmp_path / study / "image.dcm"
        path.parent.mkdir()
        same = {"SOPInstanceUID": "1.2.40.9", "SeriesInstanceUID": "1.2.40.8"}
        path.write_bytes(dicom_file(make_radiograph(StudyInstanceUID=study, **same, **PHANTOM)))
        paths.append(path)
    done = read(*paths, "--out", tmp_path / "out", "--json", tmp_path / "r.json")
    rows = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["readings"]
    reports = [dcmread(path) for path in (tmp_path / "out").glob("*findings.sr.dcm")]

    assert 0 == done.returncode, done.stderr
    assert not set(rows[0]["outputs"]) & set(rows[1]["outputs"])
    assert studies == {str(report.StudyInstanceUID) for report in reports}
    assert 2 == len(reports) == len({str(report.SOPInstanceUID) for report in reports})
