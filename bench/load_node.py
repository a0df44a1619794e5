"""A node to load, started as a person starts it, in a folder of its own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.densenet import install_densenet
from bench.load_processes import Cost, costs, family
from faults.world import STAND_IN, Program, install_model
from hilum.pacs import credentials
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.settings import Settings
from orthanc_server import OrthancServer, free_ports

DENSENET: Final = "densenet121-res224-all"
POSITIVES: Final = 3
"""Of 18 findings, as in the row on structured reports."""

SMALL: Final = STAND_IN
"""The network of the demonstration under another name, which the node lets read."""

STAT: Final = "STAT"
"""AE title whose images are urgent here."""

LOOK_S: Final = 0.01
"""Seconds between two looks whether something is in the PACS."""

LONG_S: Final = 300.0
"""Longer than anything here takes; reached only when it went wrong."""


@dataclass(frozen=True, slots=True)
class Node:
    """One running `hilum up` with its own Orthanc.

    Attributes
    ----------
    program
        The command.
    data
        Its data folder.
    orthanc
        Its PACS, logged in.
    dicom_port
        Where its PACS takes images.
    page_port
        Where its page listens.
    """

    program: Program
    data: Path
    orthanc: OrthancArchive
    dicom_port: int
    page_port: int

    def costs(self) -> Mapping[str, Cost]:
        """Return what its processes cost so far."""
        return costs(family(self.program.pid))

    def instances(self) -> int:
        """Return how many objects its PACS holds."""
        return int(self.orthanc.json("GET", "/statistics")["CountInstances"])

    def objects_of(self, study_id: str) -> int:
        """Return how many objects of a study its PACS holds; it has to know the study."""
        return int(self.orthanc.json("GET", f"/studies/{study_id}/statistics")["CountInstances"])

    def wait_for(self, instances: int, *, look_s: float = LOOK_S) -> float:
        """Wait until its PACS holds so many objects; return when, by `time.perf_counter`."""
        wait_until(lambda: self.instances() >= instances, self.program, look_s)
        return time.perf_counter()


def wait_until(done: Callable[[], bool], program: Program, look_s: float = LOOK_S) -> None:
    """Wait until `done`.

    Raises
    ------
    RuntimeError
        The program ended, or it takes far too long.
    """
    deadline = time.monotonic() + LONG_S
    while not done():
        if not program.runs or time.monotonic() > deadline:
            raise RuntimeError(f"{program.name} did not get there: {program.said()[-3000:]}")
        time.sleep(look_s)


def install(model: str, data: Path) -> None:
    """Install a model that reads: of the published size, or the small one."""
    if model == DENSENET:
        install_densenet(data, positives=POSITIVES)
    else:
        install_model(data)
    data.chmod(0o700)


def install_by(checkout: Path, model: str, data: Path) -> None:
    """Let another version install a model: it may know the files of its own version alone."""
    code = "import sys; from pathlib import Path; from bench.load_node import install;"
    code += "install(sys.argv[1], Path(sys.argv[2]))"
    command = [sys.executable, "-c", code, model, str(data)]
    own = os.environ | {"PYTHONPATH": str(checkout / "src")}
    subprocess.run(command, cwd=checkout, env=own, check=True)


def environment(data: Path, model: str, **more: str) -> dict[str, str]:
    """Return all variables of a command of hilum."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HILUM_")}
    return {
        **kept,
        "HOME": str(data),
        "HILUM_SETTINGS": os.devnull,
        "HILUM_DATA_FOLDER": str(data),
        "HILUM_MODEL__NAME": model,
        **more,
    }


@contextmanager
def running_node(
    folder: Path, model: str, *, checkout: Path | None = None, **more: str
) -> Iterator[Node]:
    """Start a node with the defaults that a person gets; stop it and remove its data.

    With `checkout` it is of the version that lies there.
    """
    http_port, dicom_port = free_ports(2)
    own = {
        "HILUM_PACS__HTTP_PORT": str(http_port),
        "HILUM_PACS__DICOM_PORT": str(dicom_port),
        "HILUM_PACS__ALLOWED_AETS": f'["{STAT}@127.0.0.1"]',
        "HILUM_NODE__URGENT_AETS": f'["{STAT}"]',
    }
    with _started(folder, model, own | more, checkout) as (program, data, page_port):
        settings = Settings.load(data_folder=data).changed("pacs", http_port=http_port)
        with credentials.load(settings).orthanc() as orthanc:
            yield Node(program, data, orthanc, dicom_port, page_port)


@contextmanager
def node_beside(server: OrthancServer, folder: Path, model: str, **more: str) -> Iterator[Node]:
    """Start a node whose PACS is an Orthanc that runs already."""
    there = {
        "HILUM_PACS__URL": server.url,
        "HILUM_PACS__USERNAME": server.username,
        "HILUM_PACS__PASSWORD": server.password,
    }
    with _started(folder, model, there | more) as (program, data, page_port), server.client() as it:
        yield Node(program, data, it, server.dicom_port, page_port)


@contextmanager
def _started(
    folder: Path, model: str, settings: Mapping[str, str], checkout: Path | None = None
) -> Iterator[tuple[Program, Path, int]]:
    """Start a node; yield it, its data folder, and where its page listens."""
    data = folder / "data"
    data.mkdir(parents=True)
    (page_port,) = free_ports(1)
    variables = environment(data, model, HILUM_PAGE__PORT=str(page_port), **settings)
    if checkout is None:
        install(model, data)
    else:
        install_by(checkout, model, data)
        variables["PYTHONPATH"] = str(checkout / "src")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        program = Program("node", ["up"], variables, folder / "node.log")
        program.start()
        stack.callback(program.end)
        program.wait_until_ready()
        yield program, data, page_port
