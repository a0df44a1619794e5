"""A node on a real Orthanc, with records of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hilum.node.process_file import open_pipeline, read_file
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.settings import Settings
from node_tools import Bench, Faults
from orthanc_server import OrthancServer


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def pacs(empty_orthanc: OrthancServer, faults: Faults) -> Iterator[OrthancArchive]:
    server = empty_orthanc
    with OrthancArchive(
        server.url, username=server.username, password=server.password, transport=faults
    ) as client:
        yield client


@pytest.fixture
def bench(pacs: OrthancArchive, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Return what makes a node; all of a test share one data folder."""
    with ExitStack() as stack:

        def make(read: Any = None, **node: Any) -> Bench:
            made = Bench(pacs, tmp_path / "data", read, **node)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(scope="session")
def settled_reader(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what reads with the demonstration model, in this process."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    settings = settings.changed("model", name="demonstration")
    context = open_pipeline(settings, in_demonstration=True)

    def read(file: bytes, earlier: Any, when: Any) -> Any:
        return read_file(file, context, earlier, when=when)

    return read
