"""``hilum selftest`` through a real Orthanc and a running node."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hilum.pacs import credentials
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.phantom import make
from hilum.radiograph import ImageUIDs
from hilum.records import Database, constancy, drift, images
from hilum.records.database import sqlite_url
from hilum.records.states import SETTLED, State
from hilum.records.tables import FORWARD, STUDY
from hilum.settings import Settings
from orthanc_server import free_ports, require
from stand_in import STAND_IN, install_stand_in

pytestmark = pytest.mark.orthanc

LONG_S = 60.0
"""Longer than anything here takes on a loaded machine; reached only when it went wrong."""

READY = "Ctrl-C stops it."


@dataclass(frozen=True)
class Installation:
    """A node that runs, in a folder and on ports of its own."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [sys.executable, "-W", "error", "-m", "hilum", *arguments]
        return subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
        )

    def orthanc(self) -> OrthancArchive:
        """Return a client of its PACS."""
        port = int(self.environment["HILUM_PACS__HTTP_PORT"])
        settings = Settings.load(data_folder=self.folder).changed("pacs", http_port=port)
        return credentials.load(settings).orthanc()

    def database(self) -> Database:
        """Return its records."""
        return Database(sqlite_url(self.folder / "hilum.sqlite"))


def eventually(look: Callable[[], Any]) -> Any:
    """Return what `look` gives once it gives anything; fail after a long while."""
    deadline = time.monotonic() + LONG_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return a node that reads with a model for patients, and forwards what it stores."""
    require("Orthanc")
    folder = tmp_path_factory.mktemp("selftest") / "data"
    install_stand_in(folder)
    http_port, dicom_port = free_ports(2)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HILUM_")}
    environment = {
        **inherited,
        "HILUM_SETTINGS": os.devnull,
        "HILUM_DATA_FOLDER": str(folder),
        "HILUM_PACS__HTTP_PORT": str(http_port),
        "HILUM_PACS__DICOM_PORT": str(dicom_port),
        "HILUM_MODEL__NAME": STAND_IN,
        "HILUM_PAGE__ENABLED": "false",
        "HILUM_NODE__MIN_FREE_BYTES": "0",
        "HILUM_NODE__INFERENCE_WORKERS": "1",
        "HILUM_NODE__FORWARD_TO": '["peer:nobody"]',
    }
    command = [sys.executable, "-W", "error", "-m", "hilum", "up"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as node:
        try:
            assert node.stdout is not None
            for line in node.stdout:
                if line.startswith(READY):
                    break
            yield Installation(folder, environment)
        finally:
            node.send_signal(signal.SIGTERM)
            node.communicate(timeout=LONG_S)


def test_phantom_goes_there_and_back_and_nothing_stays(installation: Installation):
    """Recorded, then ok; PACS, worklist, forwards and drift know nothing of it afterwards."""
    first, second = installation.run("selftest"), installation.run("selftest")

    assert (0, 0) == (first.returncode, second.returncode), first.stderr + second.stderr
    assert "recorded: " in first.stdout
    assert "ok: " in second.stdout
    for stage in ("send", "fetch", "prepare", "predict", "report", "store", "verify", "all"):
        assert f"{stage} " in second.stdout
    with closing(installation.orthanc()) as orthanc:
        assert [] == orthanc.json("GET", "/studies")
    with installation.database() as database, database.look() as connection:
        assert {} == images.counts(connection, "own")
        assert {} == drift.windows(connection, "own")
        assert 0 == connection.scalar(select(func.count()).select_from(STUDY))
        assert 0 == connection.scalar(select(func.count()).select_from(FORWARD))
        latest = constancy.latest(connection, "own")
    assert latest is not None
    assert constancy.SelfTestState.OK is latest.ended.state


def test_live_answer_is_the_one_of_the_offline_test(installation: Installation):
    """One reference serves both: the chain changes nothing."""
    installation.run("selftest", "--record")
    said = json.loads(installation.run("selftest", "--offline", "--json").stdout)

    assert ("ok", 0.0) == (said["state"], pytest.approx(said["worst"], abs=1e-6))


def test_moved_answer_is_an_alarm_that_names_the_finding(installation: Installation):
    """As after an upgrade that changes what the model says."""
    installation.run("selftest", "--record")
    with installation.database() as database, database.transaction() as connection:
        known = constancy.reference(connection, STAND_IN)
        assert known is not None
        document = known[0].document()
        document["findings"]["Nodule"]["raw"] += 0.02
        constancy.record(connection, constancy.PhantomResponse.of(document), known[1])
    alarm = installation.run("selftest")

    assert 1 == alarm.returncode
    assert f"ALARM {STAND_IN} 2" in alarm.stdout
    assert "Nodule: raw " in alarm.stdout
    assert "changed by -0.02" in alarm.stdout


def test_kept_phantom_stays_until_somebody_deletes_it(installation: Installation):
    """Its results name the phantom, so nobody takes them for a patient's."""
    assert 0 == installation.run("selftest", "--record", "--keep").returncode
    with closing(installation.orthanc()) as orthanc:
        (study,) = orthanc.find("Study", {"PatientID": "PHANTOM-SELFTEST"})
        series = orthanc.json("GET", f"/studies/{study}/series")
        patient = orthanc.json("GET", f"/studies/{study}")["PatientMainDicomTags"]
        orthanc.request("DELETE", f"/studies/{study}")

    assert {"CR", "OT", "SR"} == {one["MainDicomTags"]["Modality"] for one in series}
    assert "PHANTOM^SELFTEST" == patient["PatientName"]


def test_same_phantom_from_anybody_else_is_refused(installation: Installation, tmp_path: Path):
    """Also while a self-test is under way, and it counts as refused where drift is watched."""
    path = tmp_path / "phantom.dcm"
    dataset = make(64, findings=("effusion", "mass"), size=256).dataset
    dataset.save_as(path, enforce_file_format=True)
    port = installation.environment["HILUM_PACS__DICOM_PORT"]
    with subprocess.Popen(
        [sys.executable, "-m", "hilum", "selftest", "--record"],
        env=installation.environment,
        stdout=subprocess.DEVNULL,
    ) as test:
        sent = subprocess.run(["storescu", "127.0.0.1", port, str(path)], check=False)
        assert 0 == test.wait(LONG_S)

    def settled() -> Any:
        with installation.database() as database, database.look() as connection:
            entry = images.entry(connection, "own", ImageUIDs.of(dataset))
        return entry if entry is not None and entry.state in SETTLED else None

    entry = eventually(settled)
    assert 0 == sent.returncode
    assert State.REFUSED is entry.state
    assert ["quality_control"] == [reason.code for reason in entry.reasons]
    with installation.database() as database, database.look() as connection:
        ((model, windows),) = drift.windows(connection, "own").items()
        counts = drift.counts(connection, "own", model, windows[-1])
    assert model.startswith(f"{STAND_IN} 2 ")
    assert {0: 1} == counts[drift.DriftKind.REFUSAL, "quality_control"]
