"""A real PACS that answers queries: DCMTK's dcmqrscp, in a folder of its own."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from hilum.pacs.send import DicomTarget
from orthanc_server import free_ports, require
from radiographs import dicom_file

START_S = 20.0


@dataclass(frozen=True, slots=True)
class QueryPeer:
    """How to reach it."""

    target: DicomTarget
    folder: Path

    @property
    def node(self) -> str:
        """Return its address as the settings write it."""
        return str(self.target)

    def keep(self, *images: Dataset) -> None:
        """Let it keep some images, as they are."""
        for number, image in enumerate(images):
            path = self.folder / f"sent{number}.dcm"
            path.write_bytes(dicom_file(image))
            self.keep_file(path)

    def keep_file(self, path: Path, *, compressed: bool = False) -> None:
        """Let it keep a file; a compressed one is lossless JPEG 2000."""
        where = (self.target.host, str(self.target.port))
        proposed = ("--propose-j2k-lossless",) if compressed else ()
        command = [require("storescu"), "-aec", self.target.aet, *proposed]
        subprocess.run([*command, *where, str(path)], check=True, capture_output=True)


@contextmanager
def running_query_peer(
    folder: Path, move_to: tuple[str, int] = ("NOBODY", 1)
) -> Iterator[QueryPeer]:
    """Return one that sends over C-MOVE to an AE title and its port on this machine."""
    (port,) = free_ports(1)
    storage = folder / "storage"
    storage.mkdir(parents=True)
    settings = folder / "dcmqrscp.cfg"
    settings.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 65536\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nhilum = ({move_to[0]}, 127.0.0.1, {move_to[1]})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nMAIN {storage} RW (200, 1024mb) ANY\nAETable END\n"
    )
    target = DicomTarget("MAIN", "127.0.0.1", port)
    with (folder / "log").open("wb") as log:
        command = [require("dcmqrscp"), "--prefer-j2k-lossless", "-c", str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(target, process)
        yield QueryPeer(target, folder)
    finally:
        process.kill()
        process.wait()


def _wait(target: DicomTarget, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection((target.host, target.port), 1).close()
        except OSError:
            assert process.poll() is None, "dcmqrscp did not start"
            assert time.monotonic() < deadline, "dcmqrscp does not answer"
            time.sleep(0.05)
        else:
            return
