"""One node for all attacks."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from attacked_node import LimitedUp, Node
from hilum_up import Running
from orthanc_server import free_ports, require
from own_orthanc import AttackedNode, attacked


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Return a node that all attacks share: each leaves it as it was."""
    require("Orthanc")
    http_port, dicom_port, port = free_ports(3)
    folder = tmp_path_factory.mktemp("attacked")
    viewer = folder / "ohif"
    viewer.mkdir()
    (viewer / "index.html").write_text("<html></html>")
    page = {
        "HILUM_PAGE__ENABLED": "true",
        "HILUM_PAGE__PORT": str(port),
        "HILUM_PAGE__OHIF_FOLDER": str(viewer),
    }
    up = LimitedUp(folder, http_port, dicom_port, extra=page)
    up.install_model()
    running = Running(up)
    try:
        yield Node(f"http://127.0.0.1:{port}", port, running, up)
    finally:
        running.end(signal.SIGTERM)


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[AttackedNode]:
    """Return a node of this test alone, with an Orthanc that may end."""
    with attacked(tmp_path) as made:
        yield made
