"""Ends connections to our Orthanc's DICOM port that keep it waiting for an association request.

Orthanc takes one at a time and waits 30 s for a request that does not come, 60 s for the rest of
half a one, and for whoever it rejected to go; no option changes that. The one that it waits for
is known by this: Orthanc has said nothing to it yet, or took nobody after it though somebody
waits. Where the system does not let us look at another process's sockets, nothing is done.

Sources
-------
pidfd_getfd(2); tcp(7) and linux/tcp.h, ``struct tcp_info``.
"""

import ctypes
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self

from hilum.pacs.orthanc.listener import sockets_of

PIDFD_GETFD: Final = 438
"""Number of the system call, on every architecture."""

TCP_INFO: Final = struct.Struct("=B23xI24xI96xII")
"""State; for who listens, connections that wait to be taken; milliseconds since the last data
came, or since the connection was made; segments with data that came, and that were sent."""

LISTENS: Final = 10

WAIT_S: Final = 5.0
"""Seconds that a request has, as in deploy/haproxy.cfg."""

HURRIED_S: Final = 2.0
"""Seconds that whoever has said something has to go on, or to go, while others wait."""

ANSWER_S: Final = 1.0
"""Seconds in which Orthanc answers a request that came before it took the connection."""


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """What the system says of a socket."""

    listens: bool
    waiting: int
    silent_s: float
    asked: bool
    answered: bool

    @classmethod
    def of(cls, made: socket.socket) -> Self:
        """Ask for it."""
        told = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO.size)
        state, waiting, silent_ms, came, sent = TCP_INFO.unpack(told)
        return cls(state == LISTENS, waiting, silent_ms / 1000, came > 0, sent > 0)


class SilentConnections:
    """Connections to one port that keep the process behind it waiting.

    Parameters
    ----------
    port
        Where the process listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._seen: dict[str, float] = {}
        """Sockets, and when each was first seen."""

    def end(self, pid: int) -> int:
        """End those that a process has waited for too long; return how many. Call it often."""
        now = time.monotonic()
        descriptors = sockets_of(pid)
        self._seen = {each: self._seen.get(each, now) for each in descriptors}
        ended = 0
        if not descriptors:
            return ended
        with suppress(OSError), _opened(pid, descriptors) as opened:
            told = {k: TcpInfo.of(each) for k, each in opened.items() if _is_at(each, self._port)}
            taken = {k: info for k, info in told.items() if not info.listens}
            latest = max((self._seen[k] for k in taken), default=now)
            full = any(info.listens and info.waiting for info in told.values())
            stuck = full and now - latest >= ANSWER_S
            for k, info in taken.items():
                since = now - self._seen[k]
                in_the_way = stuck and self._seen[k] == latest
                patience = HURRIED_S if in_the_way and info.asked else WAIT_S
                owes = in_the_way or not info.answered
                may_be_answered = info.asked and since < ANSWER_S
                if owes and not may_be_answered and max(since, info.silent_s) >= patience:
                    with suppress(OSError):  # the peer has gone
                        opened[k].shutdown(socket.SHUT_RDWR)
                        ended += 1
        return ended


@contextmanager
def _opened(pid: int, descriptors: Mapping[str, int]) -> Iterator[Mapping[str, socket.socket]]:
    """Yield sockets of a process as ours, for as long as the block lasts."""
    process = os.pidfd_open(pid)
    opened: dict[str, socket.socket] = {}
    try:
        for name, number in descriptors.items():
            own = ctypes.CDLL(None).syscall(PIDFD_GETFD, process, number, 0)
            if own >= 0:
                opened[name] = socket.socket(fileno=own)
        yield opened
    finally:
        os.close(process)
        for made in opened.values():
            made.close()


def _is_at(made: socket.socket, port: int) -> bool:
    inet = made.family in {socket.AF_INET, socket.AF_INET6}
    return inet and made.type == socket.SOCK_STREAM and made.getsockname()[1] == port
