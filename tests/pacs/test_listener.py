"""Who listens on the port of our Orthanc: the process that was written down, or somebody else."""

import os
import socket
from pathlib import Path

import pytest

from hilum.errors import PacsNotOurs
from hilum.pacs import credentials
from hilum.pacs.orthanc import listener
from hilum.pacs.orthanc.listener import OwnListener
from hilum.pacs.orthanc.orphan import remember
from hilum.settings import Settings


def written_down(folder: Path) -> Path:
    """Return a file that says that this process is our Orthanc."""
    file = folder / "orthanc.pid"
    argument = Path(f"/proc/{os.getpid()}/cmdline").read_bytes().split(b"\0")[0].decode()
    remember(file, os.getpid(), Path(argument))
    return file


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_own_socket_is_known(tmp_path: Path, family: socket.AddressFamily):
    """On every address, by IPv4 or by both."""
    with socket.create_server(
        ("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6
    ) as ours:
        found = OwnListener(written_down(tmp_path), ours.getsockname()[1])()

        assert {str(os.fstat(ours.fileno()).st_ino)} == found


def test_nobody_is_nobody(tmp_path: Path):
    """Where none listens there is nothing to be told apart."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))

        assert not OwnListener(written_down(tmp_path), closed.getsockname()[1])()


def test_socket_of_a_process_that_is_not_written_down_is_not_ours(tmp_path: Path):
    """Also where nothing was written down, or another process is."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        remember(tmp_path / "parent", os.getppid(), Path("/nowhere/orthanc.json"))

        for file in ("missing", "parent"):
            with pytest.raises(PacsNotOurs, match="password was not sent"):
                OwnListener(tmp_path / file, port)()


def test_system_that_does_not_tell_who_listens_can_be_used(tmp_path: Path, monkeypatch):
    """There nothing is proved, and nothing is refused."""
    tmp_path.chmod(0o700)
    settings = Settings.load(data_folder=tmp_path)
    assert credentials.load_or_generate(settings).proof is not None
    monkeypatch.setattr(listener, "TABLES", (Path("/nowhere/tcp"),))

    assert credentials.load(settings).proof is None
