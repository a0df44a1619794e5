"""Another program in the place of our Orthanc: it is never told the password."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from faults.world import until
from hilum.pacs import credentials
from hilum.settings import Settings
from hilum_up import Up
from orthanc_server import free_ports
from own_orthanc import AttackedNode

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

IMPOSTORS_S = 20
"""How long one keeps the port at most."""


class Impostor(ThreadingHTTPServer):
    """Answers like an Orthanc, whatever it is asked, and writes down what it is told."""

    daemon_threads = True

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.told: list[str] = []
        super().__init__((address, port), ImpostorHandler)


class ImpostorHandler(BaseHTTPRequestHandler):
    """One request."""

    server: Impostor

    def do_GET(self) -> None:
        self.server.told += self.headers.get_all("Authorization", [])
        self.send_response(200)
        body = b'{"Version": "1.12.11", "DicomAet": "ORTHANC"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def impostor(port: int, address: str = "127.0.0.1") -> Iterator[Impostor]:
    """Listen in the place of somebody else."""
    with Impostor(port, address) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def stopped(tmp_path: Path) -> Up:
    """Return a node that ran once and does not run now."""
    http_port, dicom_port = free_ports(2)
    up = Up(tmp_path, http_port, dicom_port)
    up.data.mkdir(mode=0o700)
    credentials.load_or_generate(Settings.load(data_folder=up.data))
    return up


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104
def test_no_command_tells_an_impostor_the_password(stopped: Up, radiograph_file: Path, address):
    """While the node is stopped: each ends with one clear line, and none with a traceback."""
    with impostor(stopped.http_port, address) as server:
        ended = [
            stopped.run(*command)
            for command in (
                ("doctor",),
                ("send", str(radiograph_file)),
                ("backfill",),
                ("jobs", "retry", "1.2.3"),
            )
        ]
        heard = list(server.told)

    said = [f"{each.stdout}{each.stderr}" for each in ended]
    assert [] == heard
    assert not any("Traceback" in each for each in said), said
    assert "is not held by the Orthanc that hilum started" in said[1]
    assert 1 == ended[1].returncode
    assert 1 == len(ended[1].stderr.strip().splitlines())


def test_node_tells_whoever_takes_the_port_of_its_orthanc_nothing(own_node: AttackedNode):
    """Orthanc is killed and its port taken at once: the node waits, then goes on with its own."""
    client = own_node.signed_in()
    port = own_node.up.http_port
    os.kill(own_node.up.orthanc_pid, signal.SIGKILL)
    until(lambda: free(port), "the port is free", every=0.001)
    with impostor(port) as server:
        asked = {client.get("/dicom-web/studies?limit=1").status_code for _ in range(20)}
        own_node.running.errors.clear()
        until(
            lambda: any("not_restarted" in line for line in own_node.running.errors),
            "the node sees that its port is taken",
            seconds=IMPOSTORS_S,
        )
        heard = list(server.told)

    assert [] == heard
    assert {502} == asked
    until(lambda: client.get("/dicom-web/studies?limit=1").status_code == 200, "it goes on")
    assert own_node.alive


def free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
