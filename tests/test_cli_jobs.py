"""``hilum jobs``: the ledger for people."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli import main
from hilum.jobs.ledger import Ledger, Settlement, ledger_file
from hilum.jobs.states import State
from hilum.verdict import Reason

NOW = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
ENDS = {
    "id-stored": Settlement(State.STORED, "1.2.1", results=("2.25.7",)),
    "id-refused": Settlement(State.REFUSED, "1.2.2", (Reason("not_chest", "not a chest"),)),
    "id-failed": Settlement(State.FAILED, "1.2.3", (Reason("pacs", "the PACS said no"),)),
    "id-own": Settlement(State.OWN, "2.25.7"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    return tmp_path


@pytest.fixture
def filled(folder: Path) -> Path:
    with Ledger(ledger_file(folder), "own") as ledger:
        for instance, end in ENDS.items():
            ledger.begin(instance, 1, now=NOW)
            ledger.settle(instance, end, now=NOW)
    return folder


def jobs(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["jobs", *arguments])


@pytest.mark.usefixtures("folder")
def test_empty_ledger_says_so():
    """Before anything arrived, the list says that."""
    assert "No image has been taken up yet." in jobs().stderr


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("arguments", [(), ("list",)])
def test_list_shows_each_image_with_its_reasons(arguments):
    """Without a subcommand too, each image has a line; our own results are only counted."""
    done = jobs(*arguments)

    assert "2024-01-02 03:04:05  refused   id-refused  not a chest" in done.stdout
    assert "id-own" not in done.stdout
    assert "1 stored, 1 refused, 1 failed, 1 own" in done.stderr


@pytest.mark.usefixtures("filled")
def test_list_can_be_narrowed():
    """Only the states that were asked for are listed, at most as many as were asked for."""
    lines = jobs("list", "--state", "failed", "--state", "own").stdout.splitlines()

    assert {"id-failed", "id-own"} == {line.split()[3] for line in lines}
    assert 1 == len(jobs("list", "--limit", "1").stdout.splitlines())


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("name", ["id-stored", "1.2.1"])
def test_show_tells_all_about_one(name):
    """By either identifier, state, times and results are shown."""
    done = jobs("show", name)

    assert "state             stored" in done.stdout
    assert "SOP Instance UID  1.2.1" in done.stdout
    assert "result            2.25.7" in done.stdout


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


def test_retry_lets_failed_images_wait(filled):
    """All that failed waits for another attempt, and nothing else does."""
    assert "1 of 1 will be read again." in jobs("retry", "--all-failed").stdout
    with Ledger(ledger_file(filled), "own") as ledger:
        assert ["id-failed"] == [entry.instance_id for entry in ledger.entries((State.WAITING,))]


def test_retry_takes_names(filled):
    """A refused image is tried again when it is named; a stored one is left as it is."""
    assert "1 of 2 will be read again." in jobs("retry", "1.2.2", "id-stored").stdout
    with Ledger(ledger_file(filled), "own") as ledger:
        assert ["id-refused"] == [entry.instance_id for entry in ledger.entries((State.WAITING,))]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("arguments", [(), ("id-failed", "--all-failed")])
def test_retry_needs_names_or_all_of_them(arguments):
    """Neither, or both, is wrong usage."""
    assert 2 == jobs("retry", *arguments).exit_code
