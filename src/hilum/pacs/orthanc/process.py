"""The Orthanc that hilum starts, watches and stops."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hilum.errors import (
    PacsNotOurs,
    PacsNotStarted,
    PacsRefused,
    PacsUnavailable,
    PortTaken,
    ProgramNotInstalled,
)
from hilum.files.private import make_folder, write_file, writing_to
from hilum.pacs import credentials
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.orthanc import launcher
from hilum.pacs.orthanc.client import Orthanc
from hilum.pacs.orthanc.configuration import configuration
from hilum.pacs.orthanc.orphan import STOP_S, end_orphan, remember
from hilum.pacs.orthanc.ports import require_free
from hilum.pacs.orthanc.silent import SilentConnections
from hilum.runtime.waits import WHILE_AWAY, wait_until
from hilum.settings import Settings

PROGRAM: Final = "Orthanc"

FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin")
"""Where Orthanc is installed when it is not on PATH; Debian has it in an administrator's folder."""

START_S: Final = 60.0
"""Seconds that a start may take; 0.3 on an empty archive, longer when its index is large."""

LOOK_S: Final = 0.02
"""Seconds between two looks at whether it answers yet."""

STEADY_S: Final = 60.0
"""Seconds after a start from which its end counts as the first one again."""

ANSWER_S: Final = 2.0
"""Seconds to wait for one answer while it starts."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 27),
}
"""Texts and their order in the archive do not depend on who starts the node; and its many threads
share one heap, which makes taking a report up a third cheaper, and Orthanc smaller. The memory of
one radiograph serves the next (mallopt(3)): new pages take a seventh of taking it up."""

OPENSSL: Final = """\
openssl_conf = libraries
[libraries]
ssl_conf = tls
[tls]
system_default = versions
[versions]
MinProtocol = TLSv1.2
"""
"""OpenSSL's configuration (config(5)) for Orthanc, which before 1.12.4 has no option for it."""

ERROR_LINE: Final = re.compile(
    r"^E[\d.: ]+.*?\S+:\d+\] (?:Uncaught exception, stopping now: )?(.+)$"
)
"""An error in Orthanc's log: level and time, the thread from 1.12 on, source line, message."""

REFUSED: Final = re.compile(r"Rejected association for remote AET (.+) on IP (\S+)")
"""What Orthanc logs when a caller is not among those that may associate."""


@dataclass(frozen=True, slots=True)
class RefusedAssociation:
    """A DICOM application that called and may not."""

    aet: str
    """The AE title that it called itself."""
    host: str
    """The address that it called from."""


class OrthancProcess:
    """Orthanc as a child process, with everything it writes below the data folder.

    Start it from the main thread: it ends with the thread that started it.

    Parameters
    ----------
    settings
        All settings; its data folder must be locked by the caller.
    address
        How this Orthanc is to be called, with its generated password.
    """

    def __init__(self, settings: Settings, address: PacsAddress) -> None:
        self._settings = settings
        self._address = address
        self._folder = settings.data_folder / "orthanc"
        self._log = settings.data_folder / "logs" / "orthanc.log"
        self._log_read = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._silent = SilentConnections(settings.pacs.dicom_port)
        self._began = self._not_before = 0.0
        self._ends = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """The file that holds what Orthanc says."""
        return self._log

    @property
    def pid(self) -> int | None:
        """Its process ID; None when it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process is not None else None

    def start(self, stop: threading.Event) -> None:
        """Start Orthanc and return when it answers, or when `stop` is set.

        Raises
        ------
        ProgramNotInstalled
            Orthanc is not installed.
        PortTaken
            Another program has one of its ports.
        PacsNotStarted
            It ended, or did not answer in time.
        SettingInvalid
            The data folder can't be written to, or ``pacs.allowed_aets`` can't be used.
        NodeError
            A plug-in is not installed.
        """
        self.begin()
        self.wait(stop)

    def begin(self) -> None:
        """Start Orthanc without waiting for its answer; raises as `start`, but `PacsNotStarted`."""
        self._began = time.monotonic()
        program = find_program(self._settings.pacs.program)
        settings_file = self._folder / "orthanc.json"
        pid_file = credentials.pid_file(self._settings.data_folder)
        content = configuration(
            self._settings.pacs,
            self._address,
            self._folder,
            transcodes=self._settings.node.forward_images,
        )
        for folder in (
            self._folder,
            self._folder / "storage",
            self._folder / "temporary",
            self._log.parent,
        ):
            make_folder(folder)
        write_file(settings_file, json.dumps(content, indent=1))
        write_file(self._folder / "openssl.cnf", OPENSSL)
        end_orphan(pid_file)
        require_free("pacs.http_port", self._settings.pacs.http_port)
        require_free("pacs.dicom_port", self._settings.pacs.dicom_port)
        self._process = self._launch(program, settings_file)
        remember(pid_file, self._process.pid, settings_file)

    def wait(self, stop: threading.Event) -> None:
        """Return when it answers, or when `stop` is set; stop it if it never will.

        Raises
        ------
        PortTaken, PacsNotStarted
            See `start`.
        """
        try:
            self._wait(stop)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop Orthanc and return when it has ended. Safe to call at any time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        credentials.pid_file(self._settings.data_folder).unlink(missing_ok=True)

    def revive(self) -> bool:
        """Start Orthanc again if it ended by itself; return whether it did so now.

        It is not waited for: who asks it waits as for any archive that is away. One that
        ends soon after its start, again and again, is started less and less often.

        Raises
        ------
        NodeError, SettingInvalid
            It can't be started now; see `start`.
        """
        if self._process is None or self._process.poll() is None:
            return False
        now = time.monotonic()
        if now < self._not_before:
            return False
        self._ends = 1 if now - self._began > STEADY_S else self._ends + 1
        self._not_before = now + WHILE_AWAY.after(self._ends)
        self.begin()
        return True

    def end_silent_connections(self) -> int:
        """End connections that keep it from taking an association; return how many."""
        pid = self.pid
        return 0 if pid is None else self._silent.end(pid)

    def refused_associations(self) -> tuple[RefusedAssociation, ...]:
        """Return who called since the last look and may not, without repetition."""
        try:
            with self._log.open("rb") as log:
                log.seek(self._log_read)
                new = log.read()
        except OSError:
            return ()
        whole = new[: new.rfind(b"\n") + 1]
        self._log_read += len(whole)
        found = REFUSED.findall(whole.decode(errors="replace"))
        return tuple(dict.fromkeys(RefusedAssociation(aet, host) for aet, host in found))

    def _launch(self, program: str, settings_file: Path) -> subprocess.Popen[bytes]:
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        self._log_read = 0
        command = [
            *(sys.executable, "-I", "-S", launcher.__file__, str(os.getpid())),
            *(program, str(settings_file)),
        ]
        with writing_to(self._log.parent), self._log.open("ab") as log:
            self._log.chmod(0o600)
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    **ENVIRONMENT,
                    "OPENSSL_CONF": str(settings_file.with_name("openssl.cnf")),
                },
                start_new_session=True,  # Ctrl-C reaches the node, which then stops Orthanc
            )

    def _wait(self, stop: threading.Event) -> None:
        with self._address.orthanc(timeout_s=ANSWER_S) as orthanc:
            done = wait_until(
                lambda: stop.is_set() or self._answers(orthanc),
                timeout_s=START_S,
                every_s=LOOK_S,
                pause=stop.wait,
            )
        if not done:
            raise PacsNotStarted(
                "Orthanc did not answer within {start_s:.0f} s.",
                "Its log is {log}.",
                start_s=START_S,
                log=self._log,
            )

    def _answers(self, orthanc: Orthanc) -> bool:
        """Whether it answers by now; raises when it never will."""
        status = None if self._process is None else self._process.poll()
        if status is not None and status >= 0:
            raise PacsNotStarted(
                "Orthanc stopped during start-up: {last_error}.",
                "The whole log is {log}.",
                last_error=self._last_error(),
                log=self._log,
            )
        try:
            self.revive()  # where a signal ended it, by what it holds or was sent
            orthanc.system()
        except (PacsNotOurs, PacsRefused) as exc:
            raise PortTaken(
                "Port {http_port} (pacs.http_port) was taken by another program just now.",
                "Stop that program, or set pacs.http_port to a free port.",
                http_port=self._settings.pacs.http_port,
            ) from exc
        except PacsUnavailable:
            return False
        return True

    def _last_error(self) -> str:
        """Return the last error in the log, or its last line when there is none."""
        lines = self._log.read_text(errors="replace").splitlines()
        errors = [match[1] for match in map(ERROR_LINE.match, lines) if match]
        said = errors or [line for line in lines if line.strip()] or ["it said nothing"]
        return said[-1].rstrip(".")


def find_program(named: str | None) -> str:
    """Return the path of the Orthanc program.

    Parameters
    ----------
    named
        Path of the settings; None looks on PATH and where Debian installs it.

    Raises
    ------
    ProgramNotInstalled
        It is not there, or can't be run.
    """
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *FOLDERS))
    found = shutil.which(named or PROGRAM, path=path)
    if found is not None:
        return found
    if named is not None:
        raise ProgramNotInstalled(
            "The setting pacs.program names {named}, which is not a program.",
            "Correct it, or unset it to use the Orthanc on PATH.",
            named=named,
        )
    raise ProgramNotInstalled(
        "Orthanc is not installed.",
        "On Debian or Ubuntu: sudo apt-get install orthanc orthanc-dicomweb orthanc-gdcm. "
        "Elsewhere: docker run --rm hilum:all demo (docs/containers.md), or set pacs.url to an "
        "Orthanc that runs.",
    )
