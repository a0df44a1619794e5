"""A real Orthanc for the tests: own folder, free ports, loopback, a random password."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import randrange
from typing import Final, NoReturn

import httpx
import pytest

from hilum.pacs.orthanc.archive import OrthancArchive

PLUGIN_FOLDERS: Final = (Path("/usr/share/orthanc/plugins"), Path("/usr/local/share/orthanc"))
PLUGINS: Final = ("libOrthancDicomWeb.so", "libOrthancGdcm.so")
AET: Final = "HILUMTEST"
START_S: Final = 30.0
"""Longer than a start takes on a loaded machine; reached only when it failed."""
ATTEMPTS: Final = 5
"""Another program may take a port between its choice and Orthanc's start."""


@dataclass(frozen=True, slots=True)
class OrthancServer:
    """How to reach one running Orthanc.

    Attributes
    ----------
    url
        REST address on loopback; DICOMweb is below ``/dicom-web``.
    username, password
        Its only user.
    aet, dicom_port
        Its DICOM side, on 127.0.0.1; a wrong called AE title is rejected.
    folder
        Its configuration, storage and log.
    """

    url: str
    username: str
    password: str
    aet: str
    dicom_port: int
    folder: Path

    @property
    def http_port(self) -> int:
        """Port of `url`."""
        return int(self.url.rpartition(":")[2])

    def client(self) -> OrthancArchive:
        """Return a REST client that is logged in."""
        return OrthancArchive(self.url, username=self.username, password=self.password)

    def clear(self) -> None:
        """Delete every patient, and forget the changes."""
        with self.client() as orthanc:
            for patient in orthanc.request("GET", "/patients").json():
                orthanc.request("DELETE", f"/patients/{patient}")
            orthanc.request("DELETE", "/changes")


def free_ports(count: int) -> list[int]:
    """Return ports on loopback that nothing listened on a moment ago.

    They lie below those that the system gives to outgoing connections, of which other tests
    have many at the same time.
    """
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            each = stack.enter_context(socket.socket())
            with suppress(OSError):
                each.bind(("127.0.0.1", randrange(10_000, 32_768)))
                found.append(each.getsockname()[1])
        return found


def lacking(missing: str) -> NoReturn:
    """Skip the test for want of something, or fail where all is required."""
    if os.environ.get("CI") == "true" or os.environ.get("HILUM_REQUIRE_ALL") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


def require(program: str) -> str:
    """Return the path of `program`; skip the test without it, or fail where all is required."""
    path = shutil.which(program)
    if path is None:
        lacking(f"{program} is not installed: see the set-up script for the Debian package")
    return path


def configuration(server: OrthancServer) -> dict[str, object]:
    """Return Orthanc's configuration for `server`."""
    plugins = [
        str(folder / name)
        for name in PLUGINS
        for folder in PLUGIN_FOLDERS
        if (folder / name).is_file()
    ]
    return {
        "Name": "hilum tests",
        "StorageDirectory": str(server.folder / "storage"),
        "IndexDirectory": str(server.folder / "storage"),
        "Plugins": plugins,
        "HttpPort": server.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {server.username: server.password},
        "DicomPort": server.dicom_port,
        "DicomAet": server.aet,
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowStore": True,
        "OverwriteInstances": False,
        "StableAge": 1,
        "DicomWeb": {"Enable": True},
    }


def wait_until_ready(server: OrthancServer, process: subprocess.Popen[bytes]) -> bool:
    """Return whether `server` answers; False when its process ended first."""
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            answer = httpx.get(
                f"{server.url}/system", auth=(server.username, server.password), timeout=1
            )
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            # 401: some other Orthanc took the port first
            return answer.status_code == httpx.codes.OK
    return False


@contextmanager
def running_orthanc(folder: Path, **options: object) -> Iterator[OrthancServer]:
    """Start an Orthanc whose files all lie in `folder`, with these options; kill it at the end."""
    program = require("Orthanc")
    # the kernel ends Orthanc with the tests even when they are killed
    with_parent = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    for attempt in range(ATTEMPTS):
        http_port, dicom_port = free_ports(2)
        server = OrthancServer(
            url=f"http://127.0.0.1:{http_port}",
            username="hilum",
            password=secrets.token_urlsafe(16),
            aet=AET,
            dicom_port=dicom_port,
            folder=folder / f"orthanc-{attempt}",
        )
        server.folder.mkdir(parents=True)
        settings_file = server.folder / "orthanc.json"
        settings_file.write_text(json.dumps(configuration(server) | options))
        with (
            (server.folder / "orthanc.log").open("wb") as log,
            subprocess.Popen(
                [*with_parent, program, str(settings_file)], stdout=log, stderr=subprocess.STDOUT
            ) as process,
        ):
            try:
                if wait_until_ready(server, process):
                    yield server
                    return
            finally:
                process.kill()
    log_text = (server.folder / "orthanc.log").read_text(errors="replace")
    pytest.fail(f"Orthanc did not start. Its log ends with:\n{log_text[-2000:]}")
