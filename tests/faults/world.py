"""A node, its PACS, its database and whoever sends: all real, all killable."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from faults.proxy import Proxy
from faults.servers import KillableOrthanc, KillablePostgresql, children
from hilum.errors import PacsError
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.records.states import State
from orthanc_server import free_ports
from radiographs import dicom_file, make_radiograph
from stand_in import STAND_IN, install_stand_in

SEED: Final = int(os.environ.get("HILUM_FAULTS_SEED") or random.SystemRandom().randrange(10**6))
"""Of everything random here; printed by every test, set it to repeat a run."""

MARK: Final = "FAULTS_WORLD"
"""Environment variable by which all processes of a world are found."""

LONG_S: Final = 60.0
"""Longer than anything here takes on a loaded machine; reached only when it went wrong."""

OWNER_ONLY: Final = 0o700

READY: Final = "Ctrl-C stops it."
"""Last line of the node's banner."""


SAID: Final[list[str]] = []
"""What the run has to tell at its end: the seed, and each kill."""


def say(line: str) -> None:
    """Keep a line for the end of the run, and show it beside a failure."""
    SAID.append(line)
    sys.stdout.write(f"{line}\n")


def install_model(data: Path) -> None:
    """Install the demonstration network under a card that may read images of patients."""
    install_stand_in(data)


@dataclass
class Program:
    """One `hilum` command that runs until it is ended.

    Attributes
    ----------
    name
        Of its log in the world's folder.
    arguments
        Of the command line.
    environment
        All its variables.
    log
        Where its standard output and error go; both are kept over its lives.
    prefix
        What runs it, e.g. faketime.
    """

    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    log: Path
    prefix: Sequence[str] = ()
    process: subprocess.Popen[bytes] | None = None
    lives: int = 0
    _from: int = 0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it, without waiting."""
        self.lives += 1
        self._from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    *self.prefix,
                    sys.executable,
                    "-W",
                    "error",
                    "-m",
                    "hilum",
                    *self.arguments,
                ],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """Return what this life of it printed."""
        with self.log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace")

    def wait_until_ready(self) -> None:
        """Wait for the banner."""
        until(lambda: READY in self.said() or not self.runs, f"{self.name} is ready")
        assert self.runs, self.said()[-3000:]

    def kill(self) -> None:
        """Kill -9 of the command itself; what it started has to notice."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            self.process.wait()

    def end(self, number: int = signal.SIGTERM, seconds: float = LONG_S) -> int:
        """Ask it to end; return its status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def inference_workers(self) -> list[int]:
        """Return its inference workers: what its fork server forked."""
        direct = set(children_of(self.pid))
        return [pid for pid in children(self.pid) if pid not in direct]


def children_of(pid: int) -> list[int]:
    """Return the direct children of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def until(
    done: Callable[[], object], what: str, seconds: float = LONG_S, every: float = 0.05
) -> None:
    """Wait until `done` is true; fail with what was waited for when it never is."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(every)


@dataclass
class World:
    """All that one test breaks.

    Attributes
    ----------
    folder
        Of everything.
    random
        Made from the seed and the test's name.
    orthanc, proxy
        The PACS, and the way by which hilum reaches it.
    postgresql
        The database server; None: an SQLite file.
    expected
        SOP Instance UID → in which states it may end, of every image that the PACS took.
    """

    folder: Path
    random: random.Random
    orthanc: KillableOrthanc
    proxy: Proxy
    postgresql: KillablePostgresql | None
    settings: dict[str, str]
    expected: dict[str, set[State]] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)
    page_port: int = field(default_factory=lambda: free_ports(1)[0])

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def environment(self, data: Path | None = None, **more: str) -> dict[str, str]:
        """Return the variables of a command of hilum in this world."""
        server = self.orthanc.server
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HILUM_")}
        ours = {
            MARK: str(self.folder),
            "HOME": str(self.folder),
            "HILUM_SETTINGS": os.devnull,
            "HILUM_DATA_FOLDER": str(data or self.data),
            "HILUM_MODEL__NAME": STAND_IN,
            "HILUM_PACS__URL": self.proxy.url,
            "HILUM_PACS__USERNAME": server.username,
            "HILUM_PACS__PASSWORD": server.password,
            "HILUM_PACS__DICOM_PORT": str(server.dicom_port),
            "HILUM_PACS__TIMEOUT_S": "3",
            "HILUM_NODE__START_AT": "beginning",
            "HILUM_NODE__INFERENCE_WORKERS": "1",
            "HILUM_NODE__MIN_FREE_BYTES": "0",
            "HILUM_PAGE__PORT": str(self.page_port),
        }
        if self.postgresql is not None:
            ours["HILUM_NODE__DATABASE"] = self.postgresql.url
        return {**kept, **ours, **self.settings, **more}

    def program(self, name: str, *arguments: str, data: Path | None = None, **more: Any) -> Program:
        """Return a command that is not started yet."""
        prefix = more.pop("prefix", ())
        environment = self.environment(data, **more)
        made = Program(name, arguments, environment, self.folder / f"{name}.log", prefix)
        self.programs.append(made)
        return made

    def node(self, name: str = "node", **more: Any) -> Program:
        """Return `hilum up`; any but the first needs a page on a port of its own."""
        if name != "node":
            more.setdefault("HILUM_PAGE__PORT", str(free_ports(1)[0]))
        return self.program(name, "up", **more)

    def worker(self, name: str, **more: Any) -> Program:
        """Return a `hilum worker` with a data folder of its own, as on another host."""
        data = self.folder / f"data-{name}"
        if not data.exists():
            shutil.copytree(self.data / "models", data / "models")
            data.chmod(OWNER_ONLY)
        return self.program(name, "worker", data=data, **more)

    def run(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of hilum to its end."""
        data = more.pop("data", None)
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "hilum", *arguments],
            env=self.environment(data, **more),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
        )

    def send(self, count: int = 1, *, refused: float = 0.15, **attributes: Any) -> list[str]:
        """Send new images to the PACS, asking again until it took them; return their UIDs.

        A share of `refused` are lateral views, which the gate turns away.
        """
        images = [self.send_later(refused=refused, **attributes) for _ in range(count)]
        for image in images:
            image.send()
        return [image.uid for image in images]

    def send_later(self, *, refused: float = 0.15, **attributes: Any) -> "Unsent":
        """Make a new image that is not sent yet."""
        lateral = self.random.random() < refused
        if lateral:
            attributes |= {"ViewPosition": "LL", "ViewCodeSequence": []}
        image = make_radiograph(**attributes)
        state = State.REFUSED if lateral else State.STORED
        uid, study = str(image.SOPInstanceUID), str(image.StudyInstanceUID)
        return Unsent(self, uid, study, dicom_file(image), state)

    def direct(self) -> OrthancArchive:
        """Return a client of the PACS that does not go through the proxy."""
        return self.orthanc.server.client()

    def processes(self) -> list[int]:
        """Return all processes of hilum's commands that live, their inference workers with them."""
        mark = f"{MARK}={self.folder}".encode()
        found = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in environment.read_bytes().split(b"\0"):
                    found.append(int(environment.parent.name))
        return found

    def ours(self) -> Iterator[Program]:
        """Yield the programs that run."""
        return (program for program in self.programs if program.runs)


@dataclass(frozen=True, slots=True)
class Unsent:
    """An image, and what has to become of it."""

    world: World
    uid: str
    study: str
    file: bytes
    state: State

    @property
    def reference(self) -> str:
        """Orthanc's identifier of it: a hash of its patient, study, series and own UID."""
        image = dcmread(DicomBytesIO(self.file), stop_before_pixels=True)
        names = (image.PatientID, self.study, image.SeriesInstanceUID, self.uid)
        digits = hashlib.sha1("|".join(map(str, names)).encode()).hexdigest()  # noqa: S324
        return "-".join(digits[at : at + 8] for at in range(0, len(digits), 8))

    def send(self) -> None:
        """Send it until the PACS takes it; an image is expected once it was."""
        deadline = time.monotonic() + LONG_S
        while True:
            with suppress(PacsError), self.world.direct() as orthanc:
                orthanc.store(self.file)
                break
            assert time.monotonic() < deadline, "the PACS never took the image"
            time.sleep(0.1)
        self.world.expected.setdefault(self.uid, {self.state})


@contextmanager
def new_world(
    folder: Path,
    models: Path,
    name: str,
    *,
    postgresql: bool = False,
    orthanc_options: dict[str, Any] | None = None,
    **settings: str,
) -> Iterator[World]:
    """Build a world; at the end nothing of it lives.

    Parameters
    ----------
    folder
        Where to build it.
    models
        A data folder whose models are installed.
    name
        Of the test: with the seed it makes the random numbers.
    postgresql
        Whether the node's database is one.
    orthanc_options
        Over Orthanc's usual ones here.
    settings
        Environment variables of every command.
    """
    say(f"HILUM_FAULTS_SEED={SEED} repeats this: {name}")
    with ExitStack() as stack:
        orthanc = KillableOrthanc(folder / "orthanc", **(orthanc_options or {}))
        stack.enter_context(orthanc)
        proxy = stack.enter_context(Proxy(orthanc.server.http_port))
        database = stack.enter_context(KillablePostgresql()) if postgresql else None
        rng = random.Random(f"{SEED} {name}")
        world = World(folder, rng, orthanc, proxy, database, settings)
        shutil.copytree(models / "models", world.data / "models")
        world.data.chmod(OWNER_ONLY)
        try:
            yield world
        finally:
            for pid in world.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for program in world.programs:
                if program.process is not None:
                    program.process.wait()
