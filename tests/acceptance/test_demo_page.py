"""``hilum demo --page`` as a person starts it, signs in, sends an image and stops it."""

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from hilum.demo.run import own_settings
from hilum.pacs import credentials
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.settings import Settings
from hilum_up import LONG_S, STAND_IN, Running, Up
from orthanc_server import free_ports, require
from process_tools import ended
from web_context import token_of

pytestmark = pytest.mark.orthanc

READ, REFUSED = 6, 3
"""Images of the demonstration: radiographs and phantoms; a leg, a CT and an MR image."""


class Shown:
    """A demonstration whose page is open, with a person signed in."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.folder = Path(self._said(r"folder +(\S+),"))
        self.dicom_port = self._said(r"port (\d+) of this machine")
        self.page = httpx.Client(
            base_url=self._said(r"page +(http://\S+:\d+)"),
            follow_redirects=True,
            timeout=LONG_S,
        )
        secret = Path(self._said(r"user admin, password in (\S+)")).read_text().strip()
        form = {"csrf": token_of(self.page), "name": "admin", "password": secret}
        self.page.post("/login", data=form).raise_for_status()

    def _said(self, pattern: str) -> str:
        found = re.search(pattern, self.running.banner)
        assert found, f"the banner lacks {pattern}: {self.running.banner}"
        return found[1]

    def jobs(self, count: int) -> list[dict[str, Any]]:
        """Return the outcome of all images, once `count` are settled."""
        deadline = time.monotonic() + LONG_S
        while time.monotonic() < deadline:
            jobs: list[dict[str, Any]] = self.page.get("/api/v1/jobs").json()["jobs"]
            if len([job for job in jobs if job["settled"]]) == count:
                return jobs
            time.sleep(0.05)
        pytest.fail(f"{count} images were not settled")

    @property
    def orthanc_pid(self) -> int:
        """The process of its PACS."""
        text = (self.folder / "orthanc" / "orthanc.pid").read_text()
        return int(text.split('"pid": ')[1].split(",")[0])

    def orthanc(self) -> OrthancArchive:
        """Return its PACS, logged in."""
        written = json.loads((self.folder / "orthanc" / "orthanc.json").read_text())
        settings = Settings(data_folder=self.folder).changed("pacs", http_port=written["HttpPort"])
        address = credentials.load(settings)
        return OrthancArchive(address.url, username=address.username, password=address.secret)


@pytest.fixture
def up(tmp_path: Path) -> Up:
    """Return how to run hilum; a site's own settings must not reach the demonstration."""
    require("Orthanc")
    require("storescu")
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}"
    return Up(
        tmp_path,
        *free_ports(2),
        model="densenet121-res224-all",
        extra={
            "HILUM_MODEL__MIRROR": nobody,
            "HILUM_PACS__URL": nobody,
            "HILUM_NODE__DATABASE": "postgresql://nobody@127.0.0.1/nothing",
            "HILUM_NODE__FORWARD_TO": '["modality:CLINIC"]',
            "HILUM_CONSTANCY__EVERY_HOURS": "1",
        },
    )


@pytest.fixture
def start(up: Up) -> Iterator[Callable[[], Shown]]:
    """Return a function that starts it and signs in; what still runs at the end is stopped."""
    with ExitStack() as stack:

        def start_one() -> Shown:
            running = Running(up, "demo", "--page")
            stack.callback(running.end, signal.SIGTERM)
            shown = Shown(running)
            stack.callback(shown.page.close)
            return shown

        yield start_one


def test_demonstration_stays_with_its_page_and_leaves_nothing(up, start, radiograph_file):
    """Its images and those that are sent to it are read, stamped, and gone when it stops."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        up.extra["HILUM_PAGE__PORT"] = str(other.getsockname()[1])  # taken: another is chosen
        shown = start()
    states = [job["state"] for job in shown.jobs(READ + REFUSED)]
    orthanc_pid = shown.orthanc_pid
    subprocess.run(["storescu", "127.0.0.1", shown.dicom_port, str(radiograph_file)], check=True)
    source = dcmread(radiograph_file)
    jobs = {job["sop_instance_uid"]: job for job in shown.jobs(READ + REFUSED + 1)}
    own = jobs[source.SOPInstanceUID]
    with shown.orthanc() as orthanc:
        reports = [
            dcmread(DicomBytesIO(orthanc.fetch(*orthanc.find_objects(uid))))
            for job in jobs.values()
            for uid in job["results"]
        ]
    study = shown.page.get(f"/studies/{source.StudyInstanceUID}").text
    worklist = shown.page.get("/").text

    assert (READ, REFUSED) == (states.count("stored"), states.count("refused"))
    assert ("stored", "demonstration 2") == (own["state"], own["model"])
    assert {source.StudyInstanceUID} < {report.StudyInstanceUID for report in reports}
    assert all("DEMONSTRATION" in report.SeriesDescription for report in reports)
    assert "DEMONSTRATION" in study
    assert "DEMONSTRATION" in worklist
    assert 0 == shown.running.end(signal.SIGTERM)
    assert ended(orthanc_pid)
    assert not shown.folder.exists()
    assert not (up.data / "hilum.sqlite").exists()
    assert "Traceback" not in "".join(shown.running.errors)


def test_installed_model_reads_and_outlives_the_demonstration(up, start):
    """A trained model of the user's data folder is used there, and is not deleted with it."""
    up.install_model()
    up.extra["HILUM_MODEL__NAME"] = STAND_IN
    shown = start()
    stamps = shown.page.get("/").text

    assert f"model     {STAND_IN}" in shown.running.banner
    assert "DEMONSTRATION" not in shown.running.banner + stamps
    assert 0 == shown.running.end(signal.SIGTERM)
    assert not shown.folder.exists()
    assert (up.data / "models" / STAND_IN / "card.json").is_file()


def test_nothing_of_a_site_is_reached(tmp_path):
    """Another archive, database, machine or user of the settings is none of the demonstration's."""
    site = (
        Settings(data_folder=tmp_path / "site")
        .changed("pacs", url="http://192.0.2.1:8042", allowed_aets=("CR@192.0.2.2",))
        .changed("node", database="postgresql://192.0.2.1/h", forward_to=("modality:CLINIC",))
        .changed("page", host="0.0.0.0", public_url="https://hilum.example.org")  # noqa: S104
        .changed("oidc", issuer="https://id.example.org")
        .changed("telemetry", otlp_endpoint="http://192.0.2.1:4318")
        .changed("constancy", every_hours=1.0)
        .changed("report", language="pt")
    )
    own = own_settings(site, tmp_path / "own")
    reached = own.model_dump_json(exclude={"data_folder"})

    assert tmp_path / "own" == own.data_folder
    assert "192.0.2" not in reached
    assert "example.org" not in reached
    assert (None, (), "127.0.0.1") == (own.node.database, own.node.forward_to, own.page.host)
    assert 0 == own.constancy.every_hours
    assert site.report == own.report
