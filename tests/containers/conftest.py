"""A Docker engine of the tests' own, the images of this source tree, and what runs from them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from containers.product import (
    ALL,
    PORTS,
    PROVIDER,
    ROOT,
    Engine,
    NoEngineError,
    Product,
    build_node,
    engine_of_its_own,
)
from orthanc_server import free_ports, require


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip these tests unless they are asked for: together they take an hour.

    A network of Docker's beside a browser fails its page with ERR_NETWORK_CHANGED.
    """
    if any(each in config.getoption("markexpr") for each in ("containers", "thin")):
        return
    for item in items:
        for mark, when in (
            ("thin", "after all others by make test"),
            ("containers", "by make containers"),
        ):
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=f"run {when}"))
                break


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Return a running engine with the node's image of this source tree."""
    try:
        with engine_of_its_own() as engine:
            build_node(engine)
            yield engine
    except NoEngineError as exc:
        pytest.skip(str(exc))


@pytest.fixture(scope="session")
def all_in_one(engine: Engine) -> str:
    """Return the name of the image with Orthanc in it."""
    return engine.build(ALL, "--target=all", ".")


@pytest.fixture(scope="session")
def provider(engine: Engine) -> str:
    """Return the name of the image of the profile "oidc"."""
    return engine.build(PROVIDER, "deploy/provider")


def git(*arguments: str) -> str:
    """Run git on this source tree."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"there is no history to upgrade from: {done.stderr.strip()}")
    return done.stdout.strip()


@pytest.fixture
def older_tree(tmp_path: Path) -> Iterator[Path]:
    """Return the source tree before the latest change of the tables."""
    root = tmp_path / "older"
    commit = git("log", "-1", "--format=%H", "--", "src/hilum/records/schema")
    git("worktree", "add", "--detach", str(root), f"{commit}~1")
    try:
        yield root
    finally:
        git("worktree", "remove", "--force", str(root))


@pytest.fixture
def make_product(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Return what starts compose.yaml's services with a model; everything goes afterwards.

    Called with changes for Compose, and `root`: the source tree whose compose.yaml it is; and
    `profile`: of that file.
    """
    require("storescu")
    ports = dict(zip((f"HILUM_{name}_PORT" for name in PORTS), free_ports(len(PORTS)), strict=True))
    environment = engine.environment | {name: str(port) for name, port in ports.items()}
    products: list[Product] = []

    def make(*, root: Path = ROOT, profile: str = "", **more: Any) -> Product:
        variables = environment | {"COMPOSE_PROFILES": profile}
        products.append(Product(Engine(variables, root), tmp_path, more))
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
