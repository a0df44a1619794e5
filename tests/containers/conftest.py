"""A Docker engine of the tests' own, the images of this source tree, and what runs from them."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from containers.product import ALL, NODE, PORTS, ROOT, Engine, Product
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
            engine.done(*build, timeout_s=1800)
        yield engine
    finally:
        subprocess.run([SCRIPT, "stop"], check=True)


@pytest.fixture
def make_product(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Return what starts compose.yaml's services with a model; everything goes afterwards.

    Called with changes for Compose, and `root`: the source tree whose compose.yaml it is.
    """
    require("storescu")
    ports = dict(zip((f"HILUM_{name}_PORT" for name in PORTS), free_ports(len(PORTS)), strict=True))
    environment = engine.environment | {name: str(port) for name, port in ports.items()}
    products: list[Product] = []

    def make(*, root: Path = ROOT, **more: Any) -> Product:
        products.append(Product(Engine(environment, root), tmp_path, more))
        products[-1].start()
        return products[-1]

    try:
        yield make
    finally:
        for product in products[-1:]:
            everything = ("--profile", "*", "down", "--volumes", "--timeout", "20")
            product.compose(*everything, fails=True)


@pytest.fixture
def product(make_product: Callable[..., Product]) -> Product:
    """Return compose.yaml's services, running with a model."""
    return make_product()
