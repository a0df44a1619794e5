"""An Orthanc and a PostgreSQL that can be killed and come back with what they held."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from orthanc_server import OrthancServer, configuration, free_ports, require, wait_until_ready
from postgresql_server import USER, PostgresqlServer, answers, as_another_user, command, programs

TRIES: Final = 20
"""A port stays taken for a moment after its owner was killed."""


class KillableOrthanc:
    """An Orthanc whose files all lie in `folder`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.program = require("Orthanc")
        http_port, dicom_port = free_ports(2)
        self.server = OrthancServer(
            url=f"http://127.0.0.1:{http_port}",
            username="hilum",
            password=secrets.token_urlsafe(16),
            aet="FAULTS",
            dicom_port=dicom_port,
            folder=folder,
        )
        folder.mkdir(parents=True)
        settings = {
            **configuration(self.server),
            "Plugins": [],  # nothing here speaks DICOMweb, and starts are quicker
            "StableAge": 60,
            "DicomCheckCalledAet": False,
            **options,
        }
        self.file = folder / "orthanc.json"
        self.file.write_text(json.dumps(settings))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; returns when it answers."""
        for _ in range(TRIES):
            with (self.server.folder / "orthanc.log").open("ab") as log:
                self.process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", self.program, str(self.file)],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if wait_until_ready(self.server, self.process):
                return
            self.kill()
            time.sleep(0.2)
        raise AssertionError((self.server.folder / "orthanc.log").read_text()[-2000:])

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def forget_everything(self) -> None:
        """Delete its database and its images; it has to be stopped."""
        shutil.rmtree(self.server.folder / "storage")


class KillablePostgresql:
    """A PostgreSQL in a folder of its own, with one database."""

    def __init__(self) -> None:
        self.privileges = as_another_user()
        self.folder = Path(tempfile.mkdtemp(prefix="hilum-postgresql-"))
        if self.privileges:
            shutil.chown(self.folder, "nobody", "nogroup")
        settings = ["-U", USER, "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        subprocess.run(
            [
                *self.privileges,
                str(programs() / "initdb"),
                "-D",
                str(self.folder / "data"),
                *settings,
            ],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        self.server = PostgresqlServer(free_ports(1)[0], self.folder)
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        self.url = self.server.new_database().replace("postgresql+psycopg://", "postgresql://")
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it; returns when it answers."""
        for _ in range(TRIES):
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [*self.privileges, "setpriv", "--pdeathsig", "KILL", *command(self.server)],
                    cwd=self.folder,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            if answers(self.server, self.process):
                return
            self.kill()
            time.sleep(0.2)
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        """Kill -9 of the server and of all who serve a connection."""
        if self.process is not None:
            for pid in (*children(self.process.pid), self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def children(pid: int) -> list[int]:
    """Return all descendants of a process, the nearest first."""
    found: list[int] = []
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(status.parent.name))
    turn = [pid]
    while turn:
        turn = [child for each in turn for child in parents.get(each, [])]
        found += turn
    return found
