"""One node for all attacks."""

import signal
from collections.abc import Iterator

import pytest

from attacked_node import LimitedUp, Node
from hilum_up import Running
from orthanc_server import free_ports, require


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Return a node that all attacks share: each leaves it as it was."""
    require("Orthanc")
    http_port, dicom_port, port = free_ports(3)
    folder = tmp_path_factory.mktemp("attacked")
    page = {"HILUM_PAGE__ENABLED": "true", "HILUM_PAGE__PORT": str(port)}
    up = LimitedUp(folder, http_port, dicom_port, extra=page)
    up.install_model()
    running = Running(up)
    try:
        yield Node(f"http://127.0.0.1:{port}", port, running, up)
    finally:
        running.end(signal.SIGTERM)
