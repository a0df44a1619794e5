"""``hilum evaluate`` from files to report: figures, groups, what is said when it cannot be done."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hilum.cli.main import main
from hilum.dataset import schema
from hilum.dataset.parts import DatasetRun, write_part
from hilum.evaluation.drawings import of_hundred
from hilum.evaluation.label_table import Fact
from hilum.evaluation.results import in_training
from hilum.evaluation.subgroups import groupings
from hilum.language import LANGUAGES
from label_look_alikes import MODEL, NIH, document, reading_row, simulated, written


def run(*words: str | Path, language: str = "C") -> Result:
    """Run a command."""
    return CliRunner().invoke(main, [str(word) for word in words], env={"LANGUAGE": language})


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an evaluation of a model that reads images of maker B worse."""
    folder = tmp_path_factory.mktemp("evaluation")
    readings, labels = written(
        folder, *simulated(3000, 2, worse="B", findings=("Effusion", "Mass"))
    )
    done = run("evaluate", readings, "--labels", labels, "--out", folder / "out",
               "--prevalence", "Effusion=5%")  # fmt: skip
    assert 0 == done.exit_code, done.output
    (folder / "said.txt").write_text(done.output)
    return folder


def whole(folder: Path) -> dict[str, Any]:
    """Return the JSON of an evaluation."""
    found: dict[str, Any] = json.loads((folder / "out" / "evaluation.json").read_text())
    return found


def test_every_file_is_written(worse: Path):
    """A report, JSON, and two tables."""
    names = {path.name for path in (worse / "out").iterdir()}

    assert {"report.html", "evaluation.json", "findings.csv", "groups.csv"} == names


def test_figures_are_those_of_the_truth(worse: Path):
    """Two findings with a fifth of positives each, half of the patients with two images."""
    found = whole(worse)
    effusion = next(each for each in found["findings"] if each["label"] == "Effusion")

    assert (3000, 1500) == (found["flow"]["labelled"], found["patients"])
    assert 0.5 < effusion["area"]["low"] < effusion["area"]["value"] < effusion["area"]["high"] < 1
    point = effusion["point"]
    assert 3000 == sum(
        point[f"{kind}_{what}"] for kind in ("true", "false") for what in ("positives", "negatives")
    )
    assert effusion["ppv_here"]["value"] < point["ppv"]["value"]


def test_the_planted_group_is_named_and_no_other(worse: Path):
    """In the report's words, on the terminal and in the tables."""
    named = {
        (group["grouping"], group["name"])
        for finding in whole(worse)["findings"]
        for group in finding["groups"]
        if any(figure["adjusted"] is not None and figure["adjusted"] <= 0.05
               for figure in group["figures"].values())
    }  # fmt: skip

    assert ("manufacturer", "B") in named
    assert {"manufacturer"} == {grouping for grouping, _ in named}
    assert "manufacturer B: AUROC" in (worse / "said.txt").read_text()
    assert "lower than in the rest" in (worse / "out" / "report.html").read_text()


def test_the_report_needs_nothing_else(worse: Path):
    """No address in it is fetched, and no script runs."""
    report = (worse / "out" / "report.html").read_text(encoding="utf-8")

    assert not re.findall(r'(?:src|href)="(?!data:)', report)
    assert "<script" not in report
    assert 2 < report.count("Research use only") + report.count("patients")
    assert report.count("<svg") > 6


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_speaks_the_language(tmp_path: Path, language: str):
    """The whole of it."""
    readings, labels = written(tmp_path, *simulated(200, 2))
    out = tmp_path / "out"

    done = run("evaluate", readings, "--labels", labels, "--out", out, "--language", language)

    titles = {
        "en": "What this does not show",
        "pt-BR": "O que isto não mostra",
        "es": "Lo que esto no muestra",
    }
    assert 0 == done.exit_code, done.output
    assert titles[language] in (out / "report.html").read_text(encoding="utf-8")


def test_two_models_are_compared_on_the_same_images(tmp_path: Path):
    """The better one is told from the worse; the same one is no better than itself."""
    good, labels = simulated(400, 3)
    random = np.random.default_rng(1)
    noisy = [
        reading_row(row["path"], {"Effusion": float(random.random())}, row["sop_instance_uid"])
        for row in good["readings"]
    ]
    readings, label_file = written(tmp_path, good, labels)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document(noisy, name="other")))

    run("evaluate", readings, "--labels", label_file, "--with", other, "--out", tmp_path / "out")
    paired = whole(tmp_path)["findings"][0]["paired"]
    run("evaluate", readings, "--labels", label_file, "--with", readings, "--out", tmp_path / "out")
    same = whole(tmp_path)["findings"][0]["paired"]

    assert paired["area"]["p"] < 1e-4
    assert paired["area"]["difference"]["low"] > 0.1
    assert (0, 1) == (same["area"]["difference"]["value"], same["area"]["p"])


def test_a_finding_without_positives_is_one_line(tmp_path: Path):
    """It says so, and the others are judged."""
    readings, labels = written(tmp_path, *simulated(60, 4, prevalence=0.0))

    done = run("evaluate", readings, "--labels", labels, "--out", tmp_path / "out")

    assert 0 == done.exit_code, done.output
    assert "no image with it" in done.output


def test_refusals_are_said_in_words(tmp_path: Path):
    """As the readings say them, with how many images each has kept out."""
    good, labels = simulated(20, 4)
    texts = ["Modality CT is not supported", "Modality MR is not supported"]
    rows = [
        {"path": f"{number}.dcm", "status": "refused", "findings": [],
         "reasons": [{"code": "modality", "text": texts[number > 0]}]}
        for number in range(3)
    ]  # fmt: skip
    readings, label_file = written(tmp_path, document(good["readings"] + rows), labels)

    run("evaluate", readings, "--labels", label_file, "--out", tmp_path / "out")

    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Modality MR is not supported (2); Modality CT is not supported (1)" in report
    assert {"modality": 3} == whole(tmp_path)["flow"]["reasons"]


def test_files_that_are_no_images_did_not_arrive(tmp_path: Path):
    """A list beside the images is none of them; it is told, and counted apart."""
    good, labels = simulated(20, 4)
    reasons = [{"code": "not_an_image", "text": "neither DICOM, PNG nor JPEG"}]
    rows = [{"path": "list.csv", "status": "refused", "findings": [], "reasons": reasons}]
    readings, label_file = written(tmp_path, document(good["readings"] + rows), labels)

    run("evaluate", readings, "--labels", label_file, "--out", tmp_path / "out")

    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<b>20</b>images arrived" in report
    assert "not counted: 1 file that is no image" in report


def test_few_positives_are_named_too_few(tmp_path: Path):
    """Figures, with that word beside them."""
    readings, labels = written(tmp_path, *simulated(60, 5, prevalence=0.08))

    done = run("evaluate", readings, "--labels", labels, "--out", tmp_path / "out")

    assert "too few images" in done.output


def test_labels_of_other_findings_say_what_there_is(tmp_path: Path):
    """Both sides are listed."""
    readings, labels = written(
        tmp_path, document([reading_row("a.dcm", {"Effusion": 0.4})]), "file,Fracture\na.dcm,1\n"
    )

    done = run("evaluate", readings, "--labels", labels, "--out", tmp_path / "out")

    assert 1 == done.exit_code
    assert "they have Fracture. The model looks for Effusion." in done.output


def test_training_data_are_said(tmp_path: Path):
    """The model of the readings learned from NIH's images."""
    rows = [
        reading_row(f"/d/{name}", {"Effusion": 0.6, "Nodule": 0.2})
        for name in ("90000001_000.png", "90000001_001.png", "90000002_000.png")
    ]
    readings, labels = written(tmp_path, document(rows), NIH)

    done = run("evaluate", readings, "--labels", labels, "--out", tmp_path / "out")

    assert "In the training data of the model: NIH ChestX-ray14" in done.output
    assert whole(tmp_path)["in_training_data"].startswith("NIH")


@pytest.mark.parametrize(
    ("dataset", "data", "known"),
    [
        ("SIIM", ("NIH ChestX-ray14 (mined)",), True),
        ("VinDr-CXR", ("NIH ChestX-ray14 (mined)",), False),
        ("", ("NIH ChestX-ray14 (mined)",), False),
        ("PadChest", ("PadChest (labels)",), True),
    ],
)
def test_training_data_are_known_by_their_images(
    dataset: str, data: tuple[str, ...], *, known: bool
):
    """SIIM's images are NIH's."""
    assert known is (in_training(dataset, data) is not None)


REVIEWS = """reader,sop_instance_uid,demonstration,label,answer,unaided,counts
ana,1.2.3.0,false,Effusion,present,false,true
rui,1.2.3.0,false,Effusion,absent,true,true
rui,1.2.3.1,false,Effusion,present,true,false
"""


def test_reviews_are_agreement_and_no_reference(tmp_path: Path):
    """No area is made of them; each kind of review is counted apart, replaced answers are not."""
    readings, labels = written(tmp_path, *simulated(60, 6))
    (tmp_path / "reviews.csv").write_text(REVIEWS)

    alone = run("evaluate", readings, "--labels", tmp_path / "reviews.csv", "--out", tmp_path / "x")
    both = run("evaluate", readings, "--labels", labels, "--labels", tmp_path / "reviews.csv",
               "--out", tmp_path / "out")  # fmt: skip

    assert "Reviews are agreement, not a reference" in alone.output
    assert not (tmp_path / "x").exists()
    assert 2 == len(whole(tmp_path)["reviews"]), both.output
    assert "agreement, not a reference" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("language", "facts"),
    [
        ("pt_BR", "paciente, sexo, idade, incidência, fabricante, data"),
        ("es", "paciente, sexo, edad, proyección, fabricante, fecha"),
    ],
)
def test_check_names_facts_in_the_language(tmp_path: Path, language: str, facts: str):
    """Of the patient and of the image."""
    _, labels = written(tmp_path, *simulated(4, 5))

    assert facts in run("labels", "check", labels, language=language).output


def test_check_shows_what_joins_and_what_does_not(tmp_path: Path):
    """Counts by finding, the key, and names that are nearly right."""
    readings, _ = simulated(20, 7)
    path, labels = written(
        tmp_path, readings, "file,Effusion\n000000.dcm,1\n00000-1.dcm,0\n000003.png,\n"
    )

    alone = run("labels", "check", labels)
    done = run("labels", "check", labels, "--readings", path)

    assert 0 == done.exit_code, done.output
    assert "own file, 3 rows" in alone.output
    assert "by file name: 2 of 3 rows find an image" in done.output
    assert "no image: '00000-1.dcm'; the nearest is '000001'" in done.output
    assert "without a label: images/000001.dcm" in done.output


def test_folder_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also the one in which the person is."""
    monkeypatch.chdir(tmp_path)

    assert f"{tmp_path.name} cannot be read: Is a directory" in run("labels", "check", ".").output


def test_plan_needs_no_readings():
    """Before anything is measured."""
    done = run("evaluate", "--plan", "0.05")

    assert 0 == done.exit_code
    assert "930" in done.output
    assert "245" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give READINGS and --labels"),
        (("r.json",), "Give the labels with --labels"),
        (("r.json", "--labels", "nowhere.csv"), "does not exist"),
        (("{r}", "--labels", "{l}", "--prevalence", "Effusion=2"), "--prevalence takes"),
        (("{r}", "--labels", "{l}", "--prevalence", "Fracture=0.1"), "--prevalence takes"),
        (("{r}", "--labels", "{l}", "--column", "Effusion"), "--column takes NAME=VALUE"),
        (("{r}", "--labels", "{l}", "--labels", "{n}"), "labels of different datasets"),
        (("{r}", "--labels", "{l}", "--key", "accession"), "no column of accession number: it"),
        (("{r}", "--labels", "{r}"), "no column|has no rows|not a table"),
        (("{l}", "--labels", "{l}"), "not what hilum read"),
    ],
)
def test_a_wrong_command_is_one_clear_line(tmp_path: Path, words: tuple[str, ...], said: str):
    """No traceback, and nothing is written."""
    readings, labels = written(tmp_path, *simulated(20, 8))
    places = {"{r}": readings, "{l}": labels, "{n}": tmp_path / "nih.csv"}
    places["{n}"].write_text(NIH)

    done = run("evaluate", *(places.get(word, word) for word in words), "--out", tmp_path / "out")

    assert 0 != done.exit_code
    assert re.search(said, done.output), done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_hundred_squares_are_hundred():
    """What is there at all has a square of its own."""
    assert {"a": 98, "b": 1, "c": 1, "d": 0} == of_hundred({"a": 9870, "b": 1, "c": 129, "d": 0})
    for total in (1, 3, 7, 13, 999):
        assert 100 == sum(of_hundred({"a": total, "b": total // 2, "c": 1}).values())


def test_groups_are_made_of_what_people_write():
    """Sex, age, view, maker and month, in the spellings of headers and spreadsheets."""
    found = groupings(
        {
            Fact.SEX: ["Female", "M", "f", "O"],
            Fact.AGE: ["057Y", "12", "80", ""],
            Fact.VIEW: ["PA", "AP_horizontal", "POSTEROANTERIOR", ""],
            Fact.MANUFACTURER: ["Maker  a", "MAKER A", "b", ""],
            Fact.DATE: ["20260315", "15/03/2026", "2026-04", "x"],
        }
    )

    assert {
        "sex": ["F", "M", "F", ""],
        "age": ["40–59", "0–17", "80+", ""],
        "view": ["PA", "AP HORIZONTAL", "PA", ""],
        "manufacturer": ["MAKER A", "MAKER A", "B", ""],
        "month": ["2026-03", "2026-03", "2026-04", ""],
    } == found


def test_results_of_a_dataset_run_are_readings(tmp_path: Path):
    """The folder of `hilum dataset run`, with what it says of devices and months."""
    pytest.importorskip("pyarrow")
    readings, labels = simulated(200, 9)
    run_of = DatasetRun(("Effusion",), {"operating_points": {"Effusion": 0.05}})
    texts = {each.name: None for each in schema.columns(()) if each.null}
    about = {
        "status": "read", "reasons": [], "warnings": [], "decisions": [], "decision_texts": [],
        "pixel_pipeline": "display", "model": MODEL["name"], "model_version": "v1",
        "model_sha256": "a" * 64, "model_verified": True, "demonstration": False,
        "operating_points": "default", "hilum_version": "0", "view": "PA",
    }  # fmt: skip
    rows = [
        {**texts, **about, "path": row["path"], "sop_instance_uid": row["sop_instance_uid"],
         **{f"Effusion {kind}": row["findings"][0][kind] for kind in ("raw", "score", "positive")}}
        for row in readings["readings"]
    ]  # fmt: skip
    (tmp_path / "run").mkdir()
    write_part(tmp_path / "run", run_of, rows)
    files = written(tmp_path, readings, labels)

    run("evaluate", tmp_path / "run", "--labels", files[1], "--out", tmp_path / "out")
    of_folder = whole(tmp_path)["findings"]
    run("evaluate", files[0], "--labels", files[1], "--out", tmp_path / "out")

    assert of_folder[0]["area"]["value"] == pytest.approx(
        whole(tmp_path)["findings"][0]["area"]["value"], abs=1e-4
    )
