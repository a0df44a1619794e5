"""The HAProxy of deploy/ before an Orthanc, and connections that say little or nothing."""

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from faults.world import until
from orthanc_server import free_ports, require

FRONT = Path(__file__).parents[1] / "deploy" / "haproxy.cfg"

HALF = b"\x01\x00\x00\x00\x00\xd0\x00\x01"
"""The begin of an A-ASSOCIATE-RQ of 208 bytes (PS3.8 9.3.2)."""


def item(kind: int, content: bytes) -> bytes:
    """Return an item of a PDU (PS3.8 9.3)."""
    return struct.pack(">BxH", kind, len(content)) + content


CONTEXT = item(0x10, b"1.2.840.10008.3.1.1.1")
SYNTAX = item(0x40, b"1.2.840.10008.1.2")
VERIFICATION = item(0x20, b"\x01\0\0\0" + item(0x30, b"1.2.840.10008.1.1") + SYNTAX)
USER = item(0x51, struct.pack(">I", 16_384)) + item(0x52, b"1.2.3.4")
ITEMS = CONTEXT + VERIFICATION + item(0x50, USER)


def association_request(
    calling: str = "STORESCU", called: str = "HILUM", items: bytes = ITEMS
) -> bytes:
    """Return an A-ASSOCIATE-RQ (PS3.8 9.3.2); for Verification, unless told otherwise."""
    titles = called.ljust(16).encode(), calling.ljust(16).encode()
    content = struct.pack(">H2x16s16s32x", 1, *titles) + items
    return struct.pack(">BxI", 1, len(content)) + content


@contextmanager
def fronted(dicom_port: int, file: Path = FRONT) -> Iterator[tuple[int, int]]:
    """Yield the port of an HAProxy before a real Orthanc, and its process."""
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") or require("haproxy")
    (port,) = free_ports(1)
    told = {
        "HILUM_DICOM_FRONT": f"127.0.0.1:{port}",
        "HILUM_DICOM_BACK": f"127.0.0.1:{dicom_port}",
    }
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", program, "-db", "-f", str(file)],
        env={**os.environ, **told},
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            until(lambda: listens(port), "the front listens")
            yield port, process.pid
        finally:
            process.kill()


def listens(port: int) -> bool:
    """Return whether anybody listens on a port of this machine."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def connections(port: int, count: int, said: bytes, address: str = "127.0.0.1") -> Iterator[None]:
    """Keep connections open that said that, and nothing more."""
    with ExitStack() as stack:
        for _ in range(count):
            made = stack.enter_context(socket.socket())
            made.settimeout(20)
            with suppress(ConnectionError):  # one too many
                made.bind((address, 0))
                made.connect(("127.0.0.1", port))
                made.sendall(said)
        yield


def is_ended(made: socket.socket) -> bool:
    """Return whether the other side ends a connection, rather than wait for ever."""
    try:
        while made.recv(4096):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True
