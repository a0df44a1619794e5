"""A node on a real Orthanc, with a ledger of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum.jobs.ledger import Ledger, ledger_file
from hilum.orthanc import Orthanc
from node_tools import Faults
from orthanc_server import OrthancServer


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def pacs(empty_orthanc: OrthancServer, faults: Faults) -> Iterator[Orthanc]:
    server = empty_orthanc
    with Orthanc(
        server.url, username=server.username, password=server.password, transport=faults
    ) as client:
        yield client


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(ledger_file(tmp_path / "data"), "own") as opened:
        yield opened
