"""DICOMweb servers that nobody here wrote: an Orthanc whose REST API is hidden, and tiny-pacs."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx

from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.dicomweb.client import ObjectPath
from hilum.pacs.dicomweb.sweep import SweepPlan
from orthanc_server import START_S, OrthancServer, free_ports

PREFIX: Final = "/dicomweb"

ALL_DAYS: Final = SweepPlan(days=3650, wide_days=3650)
"""Images here are of the year that their tests say."""


class OrthancBehind(DicomWebArchive):
    """The DICOMweb of an Orthanc, which deletes over its REST API alone."""

    server: OrthancServer

    def delete(self, reference: str) -> None:
        self._forget(reference)
        path = ObjectPath.of(reference)
        with self.server.client() as orthanc:
            named = {"study": path.study, "series": path.series}
            for found in orthanc.find_objects(path.sop, **named):
                orthanc.delete(found)

    def delete_study(self, study_instance_uid: str) -> None:
        self._headers._kept.clear()
        self._files._kept.clear()
        with self.server.client() as orthanc:
            orthanc.delete_study(study_instance_uid)


def web_of(server: OrthancServer, **options: Any) -> OrthancBehind:
    """Return the DICOMweb of an Orthanc."""
    auth = httpx.BasicAuth(server.username, server.password)
    made = OrthancBehind(f"{server.url}/dicom-web", auth=auth, **options)
    made.server = server
    return made


@contextmanager
def tiny_pacs(folder: Path, **dicomweb: Any) -> Iterator[str]:
    """Run a tiny-pacs; yield the address of its DICOMweb."""
    http_port, dicom_port = free_ports(2)
    configuration = {
        "ae": {"port": dicom_port},
        "components": {
            "Database": {"on": True, "mode": "rwc", "db_name": str(folder / "tiny.sqlite")},
            "Devices": {"on": True},
            "PACS": {"on": True},
            "InMemoryStorage": {"on": True},
            "HttpServer": {"on": True, "host": "127.0.0.1", "port": http_port, "threads": 1},
            "DICOMWeb": {"on": True, "prefix": PREFIX, **dicomweb},
        },
    }
    file = folder / "tiny.yaml"
    file.write_text(json.dumps(configuration))
    with_parent = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    program = [*with_parent, sys.executable, "-m", "tiny_pacs", "run", "-c", str(file)]
    url = f"http://127.0.0.1:{http_port}{PREFIX}"
    with (
        (folder / "tiny.log").open("wb") as log,
        subprocess.Popen(program, stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        try:
            _wait(url, process, folder / "tiny.log")
            yield url
        finally:
            process.kill()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            httpx.get(f"{url}/studies", params={"limit": 1}, timeout=1)
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text()[-2000:])
