"""Whether the Orthanc that hilum started is what listens on its port, before it is told a password.

While no node runs anybody of this machine may listen there.

Sources
-------
proc_net(5), ``/proc/net/tcp``: state 0A listens; the inode names the socket. A port that is
listened on can be shared by processes of one user only (socket(7), SO_REUSEPORT).
"""

import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilum.errors import PacsNotOurs
from hilum.pacs.orthanc.orphan import own_process

TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENS: Final = "0A"
SOCKET: Final = "socket:["

LOOPBACK: Final = f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"
EVERY: Final = "0" * 8
MAPPED: Final = "0" * 16 + f"{int.from_bytes(bytes((0, 0, 255, 255)), sys.byteorder):08X}"
ADDRESSES: Final = frozenset({LOOPBACK, EVERY, EVERY * 4, MAPPED + LOOPBACK})
"""Where a connection to 127.0.0.1 arrives, as the tables write addresses."""


@dataclass(frozen=True, slots=True)
class OwnListener:
    """The port of our own Orthanc."""

    pid_file: Path
    """What the node wrote down of its process."""
    port: int

    @property
    def possible(self) -> bool:
        """Whether this system tells who listens; where it does not, nothing is proved."""
        return TABLES[0].exists()

    def __call__(self) -> frozenset[str]:
        """Return the sockets that listen there, all of them our Orthanc's.

        The same ones before and after a connection was made: then it leads to one of them.

        Raises
        ------
        PacsNotOurs
            One is somebody else's.
        """
        listening = frozenset(_listening(self.port))
        if not listening <= sockets_of(own_process(self.pid_file)).keys():
            raise PacsNotOurs(
                "Port {port} (pacs.http_port) is not held by the Orthanc that hilum started, "
                "so the password was not sent.",
                "Stop the program that uses the port, and run hilum up from one account only.",
                port=self.port,
            )
        return listening


def _listening(port: int) -> list[str]:
    """Return the inodes of what listens on a port of this machine."""
    rows = [line.split() for table in TABLES if table.exists() for line in _lines(table)]
    return [
        row[9]
        for row in rows
        if row[3] == LISTENS
        and int(row[1].rpartition(":")[2], 16) == port
        and row[1].rpartition(":")[0] in ADDRESSES
    ]


def _lines(table: Path) -> list[str]:
    return table.read_text(encoding="ascii").splitlines()[1:]


def sockets_of(process: int | None) -> dict[str, int]:
    """Return a process's sockets by inode, with a descriptor of each.

    None where the process is not known or not open to us.
    """
    found = {}
    with suppress(OSError):
        for each in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                target = str(each.readlink())
                if target.startswith(SOCKET):
                    found[target[len(SOCKET) : -1]] = int(each.name)
    return found
