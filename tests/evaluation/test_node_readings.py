"""``hilum evaluate node:``: what a node analyzed, in whatever mode, against labels."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli.main import main
from hilum.eligibility import Reason
from hilum.language import Message
from hilum.node.retrying_archive import archive_name
from hilum.records import Database, audit, images, readings, studies
from hilum.records.database import open_database
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.studies import StudyFacts
from hilum.settings import NodeMode, Settings
from image_names import image_uids
from page_studies import invented

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings of a node with records of its own."""
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    return Settings.load()


def add(
    database: Database, archive: str, number: int, mode: NodeMode, score: float | None = None
) -> None:
    """Let an image come, and be analyzed, or refused without a score."""
    uids, when = image_uids(f"1.{number}", f"1.{number}.9"), AT + timedelta(minutes=number)
    study = uids.study_instance_uid
    facts = StudyFacts(
        study, f"NAME^{number}", f"PID{number}", sex="FM"[number % 2], age_years=40.0,
        accession_number=f"A{number}", study_date="20260301",
    )  # fmt: skip
    with database.transaction() as connection:
        new = Arrived(archive, uids, f"{number}", "d", Urgency.ROUTINE, when, mode)
        job = images.arrived(connection, new)
        assert job is not None
        studies.arrived(connection, archive, facts, urgency=Urgency.ROUTINE, now=when)
        images.begin(connection, job, when)
        why = () if score is not None else (Reason("modality", Message("CT")),)
        state = State.STORED if score is not None else State.REFUSED
        images.settle(connection, job, Settlement(state, why), when)
        if score is not None:
            made = invented(Effusion=score)
            document = {**made.document, "pixel_pipeline": "display"}
            readings.put(connection, job, replace(made, document=document), mode)


@pytest.fixture
def node(settings: Settings, tmp_path: Path) -> Path:
    """Return labels for a node that analyzed sixty images silently and two live."""
    archive = archive_name(settings)
    lines = ["accession number;Effusion"]
    with open_database(settings) as database:
        for number in range(60):
            present = number % 3 == 0
            score = 0.6 + number / 500 * (1 if present else -1)
            add(database, archive, number, NodeMode.SILENT, score)
            lines.append(f"A{number};{present:d}")
        add(database, archive, 60, NodeMode.LIVE, 0.9)
        add(database, archive, 61, NodeMode.SILENT)
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(lines))
    return labels


def hilum(*words: str | Path) -> Result:
    """Run the command line."""
    return CliRunner().invoke(main, [str(word) for word in words], env={"LANGUAGE": "C"})


def test_what_was_found_in_silence_is_evaluated(node: Path, settings: Settings, tmp_path: Path):
    """Joined by accession number, with the patients; no image is read again, and it is recorded."""
    out = tmp_path / "out"
    done = hilum("evaluate", "node:silent", "--labels", node, "--out", out)

    assert 0 == done.exit_code, done.output
    found = json.loads((out / "evaluation.json").read_text())
    assert {"read": 60, "refused": 1} == {key: found["flow"][key] for key in ("read", "refused")}
    assert ("accession number", 60) == (found["labels"]["joined_by"], found["patients"])
    assert [20] == [each["positives"] for each in found["findings"]]
    for file in out.iterdir():
        assert "PID1" not in file.read_text()
        assert "NAME^" not in file.read_text()
    with open_database(settings) as database, database.look() as connection:
        (line,) = (each.line for each in audit.lines(connection))
    assert ("readings.evaluated", 61) == (line.action, line.detail["images"])


def test_labels_are_checked_against_the_node(node: Path):
    """All modes, where none is named."""
    done = hilum("labels", "check", node, "--readings", "node:")

    assert "by accession number: 60 of 60 rows find an image" in done.output
    assert "60 of 61 images have a label" in done.output


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("node:quiet", "names no mode of a node"),
        ("node:audit", "has no image that was analyzed"),
    ],
)
def test_what_is_not_there_is_one_line(node: Path, name: str, said: str):
    """With what there is."""
    done = hilum("evaluate", name, "--labels", node)

    assert 1 == done.exit_code
    assert said in done.stderr
    assert 1 == len(done.stderr.strip().splitlines())
