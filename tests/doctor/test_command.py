"""``hilum doctor`` as a person runs it, with much of it broken."""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doctor_tools import installed
from hilum.doctor import run
from hilum.doctor.check import CheckResult, Level, ok
from hilum.doctor.run import CHECKS, WITHOUT_SETTINGS, run_checks
from hilum.errors import NodeError
from hilum.records import images, studies
from hilum.records.database import open_database
from hilum.records.images import Arrived
from hilum.records.states import Urgency
from hilum.records.studies import StudyFacts
from hilum.settings import Settings
from image_names import image_uids
from orthanc_server import free_ports

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PATIENT = "Somebody^Special"


def doctor(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a data folder and settings of its own."""
    http, dicom, page = map(str, free_ports(3))
    own = {
        "HILUM_SETTINGS": os.devnull,
        "HILUM_DATA_FOLDER": str(folder),
        "HILUM_PACS__HTTP_PORT": http,
        "HILUM_PACS__DICOM_PORT": dicom,
        "HILUM_PAGE__PORT": page,
    }
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HILUM_")}
    return subprocess.run(
        # pynetdicom leaves the socket of a refused connection to the collector
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            "ignore::ResourceWarning",
            "-m",
            "hilum",
            "doctor",
            *arguments,
        ],
        env={**inherited, **own, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def names_of(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return list(dict.fromkeys(check["check"] for check in document["checks"]))


def test_every_line_is_a_level_a_name_and_what_to_do(folder):
    """On a machine where nothing was started yet: one problem, the weights."""
    done = doctor(folder)
    lines = done.stdout.splitlines()

    assert 1 == done.returncode
    assert all(line.split()[0] in set(Level) for line in lines)
    assert [line for line in lines if line.startswith("problem")] == [
        (
            "problem  model: The weights of densenet121-res224-all are not on this machine"
            "  → Run `hilum models pull densenet121-res224-all`."
        )
    ]
    assert "Not a medical device" in done.stderr


def test_json_has_the_same_and_every_check(folder):
    """For a ticket or a monitor."""
    done = doctor(folder, "--json")
    document = json.loads(done.stdout)

    assert (1, "") == (done.returncode, done.stderr)
    assert "hilum.doctor/1" == document["schema"]
    assert ["settings", *(name for name, _ in CHECKS)] == names_of(document)
    assert all({"check", "level", "what", "remedy"} == check.keys() for check in document["checks"])


def test_without_a_problem_the_status_is_0(folder):
    """Warnings do not fail a script."""
    installed(folder, verified=True)
    done = doctor(folder, "--json", HILUM_MODEL__NAME="stand-in")
    levels = [check["level"] for check in json.loads(done.stdout)["checks"]]

    assert (0, "") == (done.returncode, done.stderr)
    assert "warning" in levels
    assert "problem" not in levels


def test_everything_broken_at_once_is_still_told(folder, tmp_path):
    """No PACS, no database, a taken port, an open folder: each check stands alone."""
    folder.chmod(0o755)
    (folder / "hilum.sqlite").write_bytes(b"no database at all" * 100)
    gone, taken = free_ports(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        done = doctor(
            folder,
            "--json",
            HILUM_PACS__URL=f"http://127.0.0.1:{gone}",
            HILUM_PACS__DICOM_PORT=str(gone),
            HILUM_PAGE__PORT=str(taken),
            HILUM_PAGE__OHIF_FOLDER=str(tmp_path),
            HILUM_NODE__MIN_FREE_BYTES=str(1 << 60),
        )
    document = json.loads(done.stdout)
    bad = {c["check"] for c in document["checks"] if c["level"] == "problem"}

    assert (1, "") == (done.returncode, done.stderr)
    assert {"disk", "PACS", "model", "database", "ports", "viewer"} == bad
    assert ["settings", *(name for name, _ in CHECKS)] == names_of(document)
    assert all(c["remedy"] for c in document["checks"] if c["level"] != "ok")


def test_wrong_settings_are_told_and_the_rest_that_can_be(folder, tmp_path):
    """Which file, which name; what needs no setting is looked at all the same."""
    file = tmp_path / "hilum.toml"
    file.write_text("[pacs]\nhttp_prot = 1\n")
    done = doctor(folder, "--json", HILUM_SETTINGS=str(file))
    document = json.loads(done.stdout)
    (first, *_) = document["checks"]

    assert 1 == done.returncode
    assert ("settings", "problem") == (first["check"], first["level"])
    assert "pacs.http_prot" in first["what"]
    assert str(file) in first["remedy"]
    assert {"settings"} | WITHOUT_SETTINGS == set(names_of(document))


def test_settings_file_in_use_is_named(folder, tmp_path):
    """Most trouble is another file than one thinks."""
    file = tmp_path / "hilum.toml"
    file.write_text('[pacs]\naet = "MINE"\n')

    assert f"settings: {file} is valid" in doctor(folder, HILUM_SETTINGS=str(file)).stdout


def test_nothing_of_a_patient_is_told(folder):
    """A worklist full of names leaves no trace in the answer."""
    facts = StudyFacts("1.2.3", patient_name=PATIENT, patient_id="special-7")
    image = Arrived("own", image_uids("1.2.3.4", "1.2.3"), "x", None, Urgency.ROUTINE, NOW)
    with (
        open_database(Settings.load(data_folder=folder)) as database,
        database.transaction() as connection,
    ):
        images.arrived(connection, image)
        studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=NOW)
    said = doctor(folder)

    assert "Waiting: 1" in said.stdout
    assert "special" not in (said.stdout + said.stderr).casefold()


def test_fault_of_a_check_is_one_line_of_it(monkeypatch):
    """Its kind is told, never its text, and the others go on."""

    def fails(_: Settings) -> list[CheckResult]:
        raise ValueError(PATIENT)

    def refuses(_: Settings) -> list[CheckResult]:
        raise NodeError("It is broken.", "Mend it.")

    def works(_: Settings) -> list[CheckResult]:
        return [ok("fine")]

    monkeypatch.setattr(run, "CHECKS", (("one", fails), ("two", refuses), ("three", works)))
    found = {each.name: each.finding for each in run_checks()}

    assert (
        CheckResult(
            Level.PROBLEM, "one could not be checked (ValueError)", "Please report this line."
        )
        == found["one"]
    )
    assert CheckResult(Level.PROBLEM, "It is broken", "Mend it.") == found["two"]
    assert ok("fine") == found["three"]


@pytest.mark.parametrize("level", [Level.WARNING, Level.PROBLEM])
def test_what_is_amiss_always_has_a_remedy(level):
    """A line that leaves a person helpless can't be made."""
    with pytest.raises(ValueError, match="needs a remedy"):
        CheckResult(level, "something is wrong")
