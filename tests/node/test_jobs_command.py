"""``hilum jobs``: the records for people."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli import main
from hilum.eligibility import Reason
from hilum.jobs.queue import Queue
from hilum.records import Database, forwards, images, studies
from hilum.records.database import sqlite_url
from hilum.records.forwards import ForwardState
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency
from image_names import image_uids

NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDS = {
    "stored": Settlement(
        State.STORED, results=("2.25.7",), model="net v1", seconds={"fetch": 0.1, "predict": 0.2}
    ),
    "refused": Settlement(State.REFUSED, (Reason("not_chest", "not a chest"),)),
    "failed": Settlement(State.FAILED, (Reason("pacs", "the PACS said no"),)),
    "gone": Settlement(State.GONE),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    return tmp_path


@pytest.fixture
def filled(folder: Path):
    """Return records with one image in each state that ends, and one that is held."""
    with Database(sqlite_url(folder / "hilum.sqlite")) as database:
        Queue(database)
        with database.transaction() as connection:
            for number, (name, end) in enumerate([*ENDS.items(), ("held", None)]):
                new = Arrived(
                    "own",
                    image_uids(f"1.2.{number}", "1.9"),
                    f"id-{name}",
                    None,
                    Urgency.ROUTINE,
                    NOW,
                )
                job = images.arrived(connection, new, held=True)
                if end is not None:
                    images.begin(connection, job, NOW)
                    images.settle(connection, job, end, NOW)
        yield database


def jobs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["jobs", *arguments])


@pytest.mark.usefixtures("folder")
def test_empty_records_say_so():
    """Before anything arrived, the list says that."""
    assert "No image has arrived yet." in jobs().stderr


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("arguments", [(), ("list",)])
def test_list_shows_each_image_with_its_reasons(arguments):
    """Without a subcommand too, each image has a line."""
    done = jobs(*arguments)

    assert "2024-01-02 03:04:05  Not analyzed         id-refused  not a chest" in done.stdout
    assert "2024-01-02 03:04:05  Waiting for a model  id-held" in done.stdout
    assert "1 Waiting for a model, 1 Analyzed, 1 Not analyzed, 1 Failed, 1 Deleted" in done.stderr


@pytest.mark.usefixtures("filled")
def test_list_can_be_narrowed():
    """Only the states that were asked for are listed, at most as many as were asked for."""
    lines = jobs("list", "--state", "failed", "--state", "held").stdout.splitlines()

    assert {"id-failed", "id-held"} == set(re.findall("id-[a-z]+", " ".join(lines)))
    assert 1 == len(jobs("list", "--limit", "1").stdout.splitlines())
    assert 5 == len(jobs("list", "--study", "1.9").stdout.splitlines())
    assert "" == jobs("list", "--study", "1.8").stdout


def test_list_names_patients_only_when_asked(filled):
    """Name, ID and accession number of the study that an image is in."""
    tags = {"patient_name": "DOE^JANE", "patient_id": "77", "accession_number": "ACC-1"}
    facts = studies.StudyFacts("1.9", **tags)
    with filled.transaction() as connection:
        studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=NOW)
    plain, full = jobs("list"), jobs("list", "--show", "patient", "--show", "accession")

    assert not any(value in plain.stdout for value in tags.values())
    assert all(value in full.stdout for value in tags.values())


@pytest.mark.usefixtures("filled")
def test_list_speaks_the_language_of_the_terminal():
    """States are words, not values of the database."""
    done = CliRunner().invoke(main, ["jobs"], env={"LANGUAGE": "pt_BR"})

    assert "Não analisada" in done.stdout
    assert "1 Aguardando modelo, 1 Analisada" in done.stderr


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("name", ["id-stored", "1.2.0"])
def test_show_tells_all_about_one(name):
    """By either identifier: state, run, model, seconds by stage, results."""
    said = jobs("show", name).stdout

    assert "state             Analyzed" in said
    assert "SOP Instance UID  1.2.0" in said
    assert "run               1" in said
    assert "model             net v1" in said
    assert "seconds           fetch 0.100, predict 0.200" in said
    assert "result            2.25.7" in said


def test_show_tells_where_results_went(filled):
    """Each target has a line with how far it is and why not farther."""
    with filled.transaction() as connection:
        forward = forwards.add(
            connection, Job("own", image_uids("1.2.0", "1.9"), "id-stored", 1), "peer:A", NOW
        )
        forwards.change(connection, forward, ForwardState.FAILED, "no answer", NOW)

    assert "forward           peer:A failed, 1 attempt: no answer" in jobs("show", "1.2.0").stdout


@pytest.mark.usefixtures("filled")
def test_show_tells_why():
    """The reasons are shown in plain words and with their code."""
    assert "because           the PACS said no (pacs)" in jobs("show", "id-failed").stdout


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("command", ["show", "retry"])
def test_unknown_image_is_one_line(command):
    """An identifier that nobody knows is one clear line and status 1."""
    done = jobs(command, "nobody")

    assert (1, "hilum: No image nobody has arrived. See hilum jobs list.\n") == (
        done.exit_code,
        done.stderr,
    )


def queued(database: Database) -> set[tuple[str, int]]:
    with database.look() as connection:
        found = images.entries(connection, "own", {State.QUEUED})
    return {(entry.reference, entry.run) for entry in found}


def test_retry_queues_what_failed(filled):
    """All that failed waits for another run, and nothing else does."""
    assert "1 of 1 will be analyzed again." in jobs("retry", "--all-failed").stdout
    assert {("id-failed", 2)} == queued(filled)


def test_retry_takes_names(filled):
    """A refused image is tried again when it is named; a stored one is left as it is."""
    assert "1 of 2 will be analyzed again." in jobs("retry", "1.2.1", "id-stored").stdout
    assert {("id-refused", 2)} == queued(filled)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("arguments", [(), ("id-failed", "--all-failed")])
def test_retry_needs_names_or_all_of_them(arguments):
    """Neither, or both, is wrong usage."""
    assert 2 == jobs("retry", *arguments).exit_code


def test_uid_of_several_images_is_asked_back(filled):
    """Which one is meant is said by Orthanc's identifier, and never guessed."""
    end = Settlement(State.FAILED, (Reason("pacs", "the PACS said no"),))
    with filled.transaction() as connection:
        other = image_uids("1.2.2", "1.8")  # the UID of what failed
        new = Arrived("own", other, "id-other", None, Urgency.ROUTINE, NOW)
        images.settle(connection, images.arrived(connection, new), end, NOW)
    shown, retried = jobs("show", "1.2.2"), jobs("retry", "1.2.2")
    said = " ".join(shown.stderr.split())

    assert "2 images have the SOP Instance UID 1.2.2." in said
    assert "id-other in study 1.8" in said
    assert "id-failed in study 1.9" in said
    assert said == " ".join(retried.stderr.split())
    assert "study             1.8" in jobs("show", "id-other").stdout
    assert "1 of 1 will be analyzed again." in jobs("retry", "id-other").stdout
