"""Readings come from any file that hilum writes, and nothing else is taken for one."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hilum.eligibility import Reason
from hilum.encode.forms.csv_table import CsvTable
from hilum.errors import SourceUnreadable
from hilum.evaluation.readings import of_document, of_run, read_readings
from label_look_alikes import MODEL, document, reading_row

CT = Reason("modality", "Modality CT is not supported")
SCORES = {"Effusion": 0.7, "Mass": 0.2}


def table_row(path: str, **changed: str) -> dict[str, str]:
    """Return a row as `hilum read --csv` writes it."""
    row = dict.fromkeys(CsvTable(list(SCORES)).columns, "")
    row |= {"path": path, "status": "read", "model": MODEL["name"], "model_version": "v1"}
    row |= {"model_sha256": "a" * 64, "demonstration": "false", "operating_points": "default"}
    row |= {"pixel_pipeline": "display", "sop_instance_uid": "'1.2"}
    for label, score in SCORES.items():
        row |= {f"{label} score": f"{score:.2f}", f"{label} raw": str(score / 10)}
        row[f"{label} positive"] = str(score >= 0.5).lower()
    return row | changed


def write_table(path: Path, *rows: dict[str, str]) -> Path:
    """Write rows as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, CsvTable(list(SCORES)).columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_document_and_table_say_the_same(tmp_path: Path):
    """What was refused is counted and not read."""
    refused = {
        "path": "b.dcm", "status": "refused", "findings": [],
        "reasons": [{"code": "modality", "text": "Modality CT is not supported"}],
    }  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps(document([reading_row("a.dcm", SCORES), refused])))
    write_table(
        tmp_path / "r.csv",
        table_row("a.dcm"),
        table_row("b.dcm", status="refused", reasons="modality: Modality CT is not supported"),
    )

    for name in ("r.json", "r.csv"):
        found = read_readings(tmp_path / name)
        assert (("a.dcm",), ("Effusion", "Mass")) == (found.paths, found.labels)
        assert [0.07, 0.02] == pytest.approx(found.raw[0].tolist())
        assert [True, False] == found.positive[0].tolist()
        assert {"read": 1, "refused": 1} == dict(found.flow)
        assert {CT: 1} == dict(found.reasons)
    assert ("1.2",) == read_readings(tmp_path / "r.csv").instances


def test_rows_of_two_models_are_not_mixed(tmp_path: Path):
    """One file, one model: else scores of one would be judged as the other's."""
    path = write_table(tmp_path / "r.csv", table_row("a"), table_row("b", model_sha256="b" * 64))

    with pytest.raises(SourceUnreadable, match="mixes readings of different models"):
        read_readings(path)
    with pytest.raises(SourceUnreadable, match="mixes readings of different models"):
        of_document(document([reading_row("a", SCORES), reading_row("b", {"Mass": 0.1})]), "r")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.json", '{"schema": "hilum.reading/1", "readi', "cut off"),
        ("r.json", '{"schema": "other/1"}', "not what hilum read"),
        ("r.json", '{"schema": "hilum.reading/1"}', "not what hilum read"),
        ("r.csv", "file,Effusion score\na,0.4\n", "not what hilum read"),
        ("r.csv", "", "no rows"),
    ],
)
def test_other_files_are_one_clear_line(tmp_path: Path, name: str, content: str, said: str):
    """Cut off, of another program, of another kind."""
    (tmp_path / name).write_text(content)

    with pytest.raises(SourceUnreadable, match=said):
        read_readings(tmp_path / name)


def test_scores_that_are_no_numbers_are_said(tmp_path: Path):
    """A spreadsheet has saved them its own way."""
    path = write_table(tmp_path / "r.csv", table_row("a", **{"Effusion raw": "0,07"}))

    with pytest.raises(SourceUnreadable, match="in the column 'Effusion raw'"):
        read_readings(path)


def test_nothing_analyzed_is_said(tmp_path: Path):
    """There is nothing to evaluate."""
    path = write_table(tmp_path / "r.csv", table_row("a", status="refused"))

    with pytest.raises(SourceUnreadable, match="no image that was analyzed"):
        read_readings(path)


def test_results_of_a_dataset_run_are_read_by_columns():
    """With what they say of patient, age and month."""
    text = np.array
    columns = {
        "path": text(["a", "b"], object), "status": text(["read", "refused"], object),
        "sop_instance_uid": text(["1.2", ""], object),
        "study_instance_uid": text(["1", ""], object),
        "model": text(["m", "m"], object), "model_version": text(["v1"] * 2, object),
        "model_sha256": text(["a"] * 2, object), "operating_points": text(["default"] * 2, object),
        "pixel_pipeline": text(["display"] * 2, object), "demonstration": text([False, False]),
        "reasons": text([[], ["modality", "too_small"]], object),
        "reason_text": text(["", "Modality CT is not supported; too small: 9; 64 needed"], object),
        "age_years": text([57.5, np.nan], np.float32),
        "study_month": text(["2026-03", ""], object), "patient": text(["x", ""], object),
        "Effusion score": text([0.7, np.nan], np.float32), "Effusion positive": text([True, False]),
        "Effusion raw": text([0.07, np.nan], np.float32),
    }  # fmt: skip

    found = of_run(columns, "folder")

    assert {"patient": ["x"], "age": ["57.5"], "date": ["2026-03"]} == dict(found.facts)
    assert {CT: 1, Reason("too_small", "too small: 9; 64 needed"): 1} == dict(found.reasons)
    assert 0.07 == pytest.approx(found.raw[0, 0])


@pytest.mark.parametrize(("said", "found"), [("TRUE", True), ("FALSE", False)])
def test_a_csv_that_a_spreadsheet_saved_again_says_the_same(tmp_path, said, found):
    """It writes true and false in capitals: no finding is lost by that."""
    row = table_row("a.dcm", demonstration="TRUE", **{"Effusion positive": said})
    row["Mass positive"] = "FALSE"
    path = tmp_path / "readings.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)

    table = read_readings(path)
    assert [[found, False]] == table.positive.tolist()
    assert table.demonstration
    path.write_text(path.read_text().replace(f",{said},", ",VERDADEIRO,"))
    with pytest.raises(SourceUnreadable, match="spreadsheets change"):
        read_readings(path)
