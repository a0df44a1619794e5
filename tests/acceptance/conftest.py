"""Whole commands, run as a person runs them, in a home of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from hilum_up import Running, Up

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder whose models stay installed for the whole run."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def run_hilum(data_folder: Path) -> Run:
    """Return a function that runs a command of hilum with settings from the environment."""

    def run(*arguments: object, **variables: object) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HILUM_")}
        environment = {
            **kept,
            "HILUM_DATA_FOLDER": str(data_folder),
            **{name: str(value) for name, value in variables.items()},
        }
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "hilum", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return run


@pytest.fixture
def hilum(run_hilum: Run, tmp_path: Path) -> Run:
    """Return `run_hilum` in a home of this test's own."""
    return partial(run_hilum, HOME=tmp_path)


@pytest.fixture
def start(up: Up) -> Iterator[Callable[..., Running]]:
    """Return what starts a command of hilum; whatever still runs at the end is stopped."""
    with ExitStack() as stack:

        def start_one(command: str = "up", *options: str) -> Running:
            running = Running(up, command, *options)
            stack.callback(running.end, signal.SIGTERM)
            return running

        yield start_one
