"""The images of the Dockerfile, run by an engine."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from containers.product import ALL, NODE, Engine, packed_model, until
from hilum import __version__
from orthanc_server import free_ports, require
from radiographs import dicom_file, make_radiograph
from stand_in import STAND_IN

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("all_in_one"),
]

LOCKED: Final = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


@pytest.mark.parametrize(("image", "most_megabytes"), [(NODE, 620), (ALL, 860)])
def test_image_is_small(engine, image, most_megabytes):
    """Uncompressed, with OHIF in it; the larger one has Orthanc and the sample images too."""
    assert engine.inspect(image)["Size"] < most_megabytes * 1e6


@pytest.mark.parametrize("image", [NODE, ALL])
def test_image_says_what_it_is(engine, image):
    """Title, version and base as labels, a user that is not root, a health check."""
    config = engine.inspect(image)["Config"]
    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items()}

    assert ("hilum", __version__) == (labels["title"], labels["version"])
    assert "10001:10001" == config["User"]
    assert "heartbeat" in " ".join(config["Healthcheck"]["Test"])


def test_demonstration_runs_in_one_command(engine):
    """Without network, without a capability, on a read-only file system."""
    said = engine.run("run", "--rm", "--network=none", *LOCKED, ALL, "demo")

    assert "6 of 10 findings positive" in said
    assert "PACS: Orthanc 1.12" in said


class One:
    """The whole product in one container, on a volume that outlives it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        page, self.dicom_port = free_ports(2)
        ports = [f"127.0.0.1:{page}:8000", f"127.0.0.1:{self.dicom_port}:4242"]
        published = [word for port in ports for word in ("--publish", port)]
        name = f"--env=HILUM_MODEL__NAME={STAND_IN}"
        self.options = ["--name=one", "--volume=one:/data", name, *LOCKED, *published]

    def start(self) -> None:
        """Start it; wait until it says that it runs."""
        self.engine.run("run", "--detach", *self.options, ALL)
        until(lambda: "Ctrl-C stops it" in self.engine.run("logs", "one"))

    def run(self, *command: str, given: bytes | None = None) -> str:
        """Run a command in it."""
        return self.engine.run("exec", "--interactive", "one", *command, given=given)

    def end(self) -> None:
        """Stop it as the engine does, and throw it away."""
        self.engine.run("stop", "--time=60", "one")
        self.engine.run("rm", "one")

    def send(self) -> int:
        """Send a new radiograph as any sender does; return storescu's status."""
        path = self.folder / "radiograph.dcm"
        path.write_bytes(dicom_file(make_radiograph()))
        command = ["storescu", "127.0.0.1", str(self.dicom_port), str(path)]
        return subprocess.run(command, check=False, capture_output=True).returncode

    def jobs(self, state: str) -> list[str]:
        """Return the images in a state."""
        return self.run("hilum", "jobs", "list", "--state", state).splitlines()


@pytest.fixture
def one(engine: Engine, tmp_path: Path) -> Iterator[One]:
    """Return the product in one container, running."""
    require("storescu")
    one = One(engine, tmp_path)
    try:
        one.start()
        one.run("tar", "-x", "-C", "/data", given=packed_model(tmp_path))
        yield one
    finally:
        engine.run("rm", "--force", "one", fails=True)
        engine.run("volume", "rm", "--force", "one", fails=True)


def test_whole_product_is_one_container(one):
    """It takes images, reads them, and a container made anew on its volume knows them all."""
    until(lambda: one.run("hilum", "doctor"))
    assert 0 == one.send()
    until(lambda: 1 == len(one.jobs("stored")))
    before = one.run("cat", "/data/admin-password"), one.jobs("stored")
    one.end()
    one.start()

    assert before == (one.run("cat", "/data/admin-password"), one.jobs("stored"))
    assert 0 == one.send()
    until(lambda: 2 == len(one.jobs("stored")))
