"""What runs in containers, used as from outside: its ports, and commands of docker."""

import copy
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from tarfile import TarFile
from tempfile import TemporaryFile
from threading import Timer
from typing import Any, Final

import httpx
import yaml

from hilum import __version__
from radiographs import dicom_file, make_radiograph
from stand_in import STAND_IN

ROOT: Final = Path(__file__).parents[2]
SCRIPT: Final = ROOT / "scripts" / "engine.sh"
"""Runs an engine."""

IMPOSSIBLE: Final = 77
"""Its status where no engine can be had; it says why."""

NODE: Final = f"hilum:{__version__}"
ALL: Final = "hilum:all"
"""Names of both images."""

PROJECT: Final = "hilum-test"
"""What Compose calls it all."""

PROVIDER: Final = f"hilum-provider:{__version__}"
"""What the profile "oidc" runs."""

PORTS: Final = ("PAGE", "DICOM", "HTTP", "TLS", "DICOM_TLS", "PROMETHEUS", "ALERTS", "PROVIDER")
"""What compose.yaml can publish elsewhere, by HILUM_…_PORT."""

LONG_S: Final = 180.0
"""Longer than anything takes on a loaded machine; reached only when it went wrong."""

START_S: Final = 900.0
"""What an engine may take to start; the first time it is installed, and two minutes' work."""

END_S: Final = 300.0
"""And to end."""

OUT_OF_REACH: Final = re.compile(
    r".*(Retrying \(Retry\(total=0|Max retries exceeded|Read timed out|Temporary failure resolving"
    r"|Could not connect|Unable to connect|no such host|i/o timeout|TLS handshake timeout"
    r"|ECONNRE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|No space left on device|no space left on device).*"
)
"""In what a build says: a package index that does not answer, or a full disk."""

BUILD_S: Final = 600.0
"""What the node's image may take."""

LOOK_S: Final = 0.5
"""Seconds between two looks."""

RESULTS: Final = {"901", "902", "903"}
"""Numbers of the series that each image gets, each of one object."""


def environment_of(address: str) -> dict[str, str]:
    """Return the variables with which docker speaks to the engine at `address`."""
    return {
        **os.environ,
        "DOCKER_HOST": address,
        "DOCKER_CONFIG": str(Path(address.removeprefix("unix://")).parents[1] / "config"),
        "HILUM_BUILD_CA": os.environ.get("PIP_CERT", "/dev/null"),
    }


@dataclass(frozen=True, slots=True)
class Engine:
    """How docker is called."""

    environment: dict[str, str]
    folder: Path = ROOT

    def run(self, *arguments: str, given: bytes | None = None, fails: bool = False) -> str:
        """Run a command of docker, which may fail if it `fails`; return what it prints."""
        return self.done(*arguments, given=given, fails=fails).stdout.decode()

    def done(
        self,
        *arguments: str,
        given: bytes | None = None,
        timeout_s: float = LONG_S,
        fails: bool = False,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command of docker; return all that came of it."""
        done = subprocess.run(
            ["docker", *arguments],
            cwd=self.folder,
            env=self.environment,
            input=given,
            capture_output=True,
            check=False,
            timeout=timeout_s,
        )
        assert fails or 0 == done.returncode, (done.stdout + done.stderr).decode(errors="replace")
        return done

    def build(
        self, image: str, *what: str, given: bytes | None = None, timeout_s: float = 1800
    ) -> str:
        """Build an image, given the authorities of this site; return its name."""
        ca = f"id=ca,src={self.environment['HILUM_BUILD_CA']}"
        build = ("build", "--progress=plain", "--secret", ca, "--tag", image, *what)
        self.done(*build, given=given, timeout_s=timeout_s)
        return image

    def logs(self, container: str) -> str:
        """Return what a container said since it was made."""
        done = self.done("logs", container)
        return (done.stdout + done.stderr).decode(errors="replace")

    def inspect(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of an image or container."""
        return json.loads(self.run("inspect", name))[0]


class NoEngineError(Exception):
    """No engine can be had here; the text says why."""


@contextmanager
def engine_of_its_own() -> Iterator[Engine]:
    """Yield an engine, which ends afterwards, also when this process is killed.

    Raises
    ------
    NoEngineError
        Whatever the reason, in not much more time than `START_S`.
    """
    with (
        TemporaryFile("w+") as said,
        subprocess.Popen(
            [SCRIPT, "run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests; they end it
        ) as script,
    ):
        assert script.stdin is not None
        assert script.stdout is not None
        late = Timer(START_S, end_all, (script.pid, "TERM"))
        late.start()
        try:
            address = script.stdout.readline().strip()
            late.cancel()
            if not address:
                status = script.wait(END_S)
                said.seek(0)
                why = (said.read().splitlines() or [""])[-1]
                raise NoEngineError(why if status == IMPOSSIBLE else f"status {status}: {why}")
            yield Engine(environment_of(address))
        finally:
            late.cancel()
            script.stdin.close()
            try:
                script.wait(END_S)
            except subprocess.TimeoutExpired:
                end_all(script.pid, "KILL")


def build_node(engine: Engine) -> None:
    """Build the node's image.

    Raises
    ------
    NoEngineError
        The reason that it cannot be built is not in this source tree.
    """
    try:
        engine.build(NODE, "--target=node", ".", timeout_s=BUILD_S)
    except subprocess.TimeoutExpired as exc:
        raise NoEngineError(f"the node's image is not built in {exc.timeout:.0f} s") from exc
    except AssertionError as exc:
        if found := OUT_OF_REACH.search(str(exc)):
            raise NoEngineError(f"the node's image cannot be built: {found[0].strip()}") from exc
        raise


def end_all(session: int, signal: str) -> None:
    """Send a signal to all processes of a session; an engine has one of its own."""
    subprocess.run(["pkill", "--signal", signal, "--session", str(session)], check=False)


@dataclass(frozen=True, slots=True)
class Product:
    """The services of a compose.yaml, with a model that may read.

    Attributes
    ----------
    folder
        Of files that the test makes.
    more
        Changes of what Compose reads, as a further file of it.
    """

    engine: Engine
    folder: Path
    more: dict[str, Any] = field(default_factory=dict)

    def port(self, name: str) -> int:
        """Return a port as compose.yaml calls it."""
        return int(self.engine.environment[f"HILUM_{name}_PORT"])

    @property
    def page(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.port('PAGE')}"

    def compose(self, *arguments: str, given: bytes | None = None, fails: bool = False) -> str:
        """Run a command of Compose."""
        files = (self.engine.folder / "compose.yaml", self.folder / "changes.yaml")
        named = [word for file in files for word in ("--file", str(file))]
        command = ("compose", "--project-name", PROJECT, *named, *arguments)
        return self.engine.run(*command, given=given, fails=fails)

    def within(self, service: str, *command: str, given: bytes | None = None) -> str:
        """Run a command in a service's container."""
        return self.compose("exec", "-T", service, *command, given=given)

    def kill(self, service: str) -> None:
        """Kill every process of a service at once, with signal 9."""
        self.compose("exec", "-T", service, "sh", "-c", "kill -9 -1", fails=True)

    def start(self) -> None:
        """Start everything as a person does, then put the model where the node looks for it."""
        services = copy.deepcopy(self.more.get("services", {}))
        for name in ("hilum", "worker"):
            service = services.setdefault(name, {})
            service.setdefault("environment", {})["HILUM_MODEL__NAME"] = STAND_IN
        changes = self.more | {"services": services}
        (self.folder / "changes.yaml").write_text(yaml.safe_dump(changes))
        self.compose("up", "--detach")
        self.within(
            "hilum", "tar", "-x", "-C", "/data", given=packed_model(self.folder, self.engine.folder)
        )
        self.until_ready()

    def until_ready(self) -> None:
        """Wait until the node could read."""
        until(lambda: httpx.get(f"{self.page}/readyz").is_success)

    def send(self, count: int) -> None:
        """Send new radiographs, each a study of its own, over DICOM."""
        folder = self.folder / f"sent-{time.monotonic_ns()}"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number}.dcm").write_bytes(dicom_file(make_radiograph()))
        command = ["storescu", "--scan-directories", "127.0.0.1", str(self.port("DICOM"))]
        subprocess.run([*command, str(folder)], check=True, capture_output=True)

    def stored(self) -> int:
        """Return how many images have been analyzed."""
        listed = self.within(
            "hilum", "hilum", "jobs", "list", "--state", "stored", "--limit", "10000"
        )
        return len(listed.splitlines())

    def pacs(self, path: str) -> Any:
        """Return Orthanc's answer."""
        password = self.within("orthanc", "cat", "/run/secrets/password")
        address = f"http://127.0.0.1:{self.port('HTTP')}/{path}"
        return httpx.get(address, auth=("hilum", password)).raise_for_status().json()

    def results(self) -> Counter[tuple[tuple[str, int], ...]]:
        """Return how many studies have which results, see `results_of`."""
        return results_of(self.pacs("studies"), self.pacs("series?expand"))


def results_of(
    studies: list[str], series: list[dict[str, Any]]
) -> Counter[tuple[tuple[str, int], ...]]:
    """Return how many studies have which series of results, with the objects in each."""
    found: dict[str, dict[str, int]] = {study: {} for study in studies}
    for each in series:
        number = each["MainDicomTags"].get("SeriesNumber", "")
        if number in RESULTS:
            there = found[each["ParentStudy"]]
            there[number] = there.get(number, 0) + len(each["Instances"])
    return Counter(tuple(sorted(each.items())) for each in found.values())


INSTALL: Final = """
import sys
from pathlib import Path
from stand_in import install_stand_in
install_stand_in(Path(sys.argv[1]))
"""
"""Installs the network in the folder of the first argument."""

ONCE: Final = tuple((number, 1) for number in sorted(RESULTS))
"""What `Product.results` says of a study that was analyzed once."""


def packed_model(folder: Path, root: Path = ROOT) -> bytes:
    """Return a folder of models with a network that may read, as a tar archive.

    Parameters
    ----------
    root
        Source tree of the version that is to read it: each has cards of its own.
    """
    data = folder / f"data-{root.name}"
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root / 'tests'}"}
    subprocess.run([sys.executable, "-c", INSTALL, str(data)], env=environment, check=True)
    packed = BytesIO()
    with TarFile(fileobj=packed, mode="w") as archive:
        archive.add(data / "models", "models")
    return packed.getvalue()


def until(holds: Callable[[], object], seconds: float = LONG_S) -> None:
    """Wait until something holds; what fails meanwhile is tried again."""
    deadline = time.monotonic() + seconds
    why: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (httpx.HTTPError, AssertionError, subprocess.SubprocessError) as exc:
            why = exc
        time.sleep(LOOK_S)
    raise AssertionError("it did not come about in time") from why
