"""What the tests of faults share: worlds, and models installed once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from faults.world import SAID, World, install_model, new_world


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a model, to copy from."""
    data = tmp_path_factory.mktemp("models")
    install_model(data)
    return data


@pytest.fixture
def build(
    tmp_path: Path, models: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., World]]:
    """Return a maker of the test's world."""
    with ExitStack() as stack:

        def make(**options: Any) -> World:
            return stack.enter_context(
                new_world(tmp_path / "world", models, request.node.name, **options)
            )

        yield make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the seed, and what was killed where."""
    if SAID:
        terminalreporter.section("faults")
        for line in SAID:
            terminalreporter.write_line(line)
