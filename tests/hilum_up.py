"""How tests run ``hilum up`` and its like: as a person does, in a folder of their own."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hilum.pacs import credentials
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.settings import Settings
from stand_in import STAND_IN, install_stand_in

READY = "Ctrl-C stops it."
"""Last line of the banner."""

LONG_S = 60.0
"""Longer than anything here takes on a loaded machine; reached only when it went wrong."""


@dataclass
class Up:
    """How to run `hilum up` on ports and in a folder of its own."""

    folder: Path
    http_port: int
    dicom_port: int
    model: str = STAND_IN
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("HILUM_")}
        return {
            **inherited,
            "HILUM_SETTINGS": os.devnull,
            "HILUM_DATA_FOLDER": str(self.folder / "data"),
            "HILUM_PACS__HTTP_PORT": str(self.http_port),
            "HILUM_PACS__DICOM_PORT": str(self.dicom_port),
            "HILUM_MODEL__NAME": self.model,
            "HILUM_PAGE__ENABLED": "false",
            "HILUM_NODE__MIN_FREE_BYTES": "0",
            **self.extra,
        }

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def orthanc_pid(self) -> int:
        text = (self.data / "orthanc" / "orthanc.pid").read_text()
        return int(text.split('"pid": ')[1].split(",")[0])

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "hilum", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
        )

    def client(self) -> OrthancArchive:
        settings = Settings.load(data_folder=self.data).changed("pacs", http_port=self.http_port)
        address = credentials.load(settings)
        return OrthancArchive(address.url, username=address.username, password=address.secret)

    def storescu(self, path: Path) -> int:
        command = ["storescu", "127.0.0.1", str(self.dicom_port), str(path)]
        return subprocess.run(command, capture_output=True, check=False).returncode

    def install_model(self) -> None:
        install_stand_in(self.data)


class Running:
    """One `hilum up` or `hilum worker` that printed its banner."""

    def __init__(self, up: Up, command: str = "up", *options: str) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
        try:
            self.process = subprocess.Popen(
                up.command(command, *options),
                env=up.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGHUP, before)
        self.banner = ""
        self.errors: list[str] = []
        self._drain = threading.Thread(target=self._read_errors)
        self._drain.start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.banner += line
            if line.strip() == READY:
                return
        self.end(signal.SIGKILL)
        pytest.fail(f"hilum {command} ended: {''.join(self.errors)}")

    def end(self, number: int) -> int:
        """Send a signal; return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(LONG_S)
        self._drain.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                self.errors.append(line)
