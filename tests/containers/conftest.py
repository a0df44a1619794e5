"""A Docker engine of the tests' own, the images of this source tree, and what runs from them."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from containers.product import ALL, NODE, ROOT, Engine, Product
from orthanc_server import free_ports, require

SCRIPT: Final = ROOT / "scripts" / "engine.sh"

IMPOSSIBLE: Final = 77
"""Status of the script where no engine can be had; it says why."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip these tests unless they are asked for: the first time they take 19 minutes."""
    if "containers" in config.getoption("markexpr"):
        return
    skip = pytest.mark.skip(reason="run by make containers")
    for item in items:
        if "containers" in item.keywords:
            item.add_marker(skip)


def environment_of(address: str) -> dict[str, str]:
    """Return the variables with which docker speaks to the engine at `address`."""
    return {
        **os.environ,
        "DOCKER_HOST": address,
        "DOCKER_CONFIG": str(Path(address.removeprefix("unix://")).parents[1] / "config"),
        "HILUM_BUILD_CA": os.environ.get("PIP_CERT", "/dev/null"),
    }


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Return a running engine with both images of this source tree."""
    try:
        started = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, check=False)
        if started.returncode == IMPOSSIBLE:
            pytest.skip(started.stderr.splitlines()[-1])
        assert 0 == started.returncode, started.stderr
        engine = Engine(environment_of(started.stdout.strip()))
        ca = f"id=ca,src={engine.environment['HILUM_BUILD_CA']}"
        for image, target in ((NODE, "node"), (ALL, "all")):
            build = ("build", "--quiet", "--secret", ca, "--target", target, "--tag", image, ".")
            engine.run(*build, timeout_s=1800)
        yield engine
    finally:
        subprocess.run([SCRIPT, "stop"], check=True)


@pytest.fixture
def product(engine: Engine, tmp_path: Path) -> Iterator[Product]:
    """Return compose.yaml's services, running with a model; everything of them goes afterwards."""
    require("storescu")
    page, dicom, http = free_ports(3)
    ports = {"HILUM_PAGE_PORT": page, "HILUM_DICOM_PORT": dicom, "HILUM_HTTP_PORT": http}
    environment = engine.environment | {name: str(port) for name, port in ports.items()}
    product = Product(Engine(environment), tmp_path, page, dicom, http)
    try:
        product.start()
        yield product
    finally:
        product.compose("down", "--volumes", "--timeout", "20")
