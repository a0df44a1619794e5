"""Connections of the page: how many there may be, and how long a peer may keep us waiting.

uvicorn bounds neither the time of a request's head and body nor that of a reader who reads
nothing, and asyncio, out of descriptors, says so thousands of times a second.

Sources
-------
CWE-400 and CWE-770; the rules are those of Apache's mod_reqtimeout: a head in so many
seconds, a body at no less than so many bytes a second.
"""

import asyncio
import errno
import os
import resource
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from hilum.telemetry.logs import get_log
from hilum.web.security import ALWAYS

HEAD_S: Final = 10.0
"""Seconds for the head of a request, from its first byte or the connection on, and as many for a
TLS handshake."""

WINDOW_S: Final = 20.0
"""Seconds over which the speed of a body, and that of a reader, are looked at."""

LEAST_BYTES: Final = 20 * 1024
"""Bytes that must pass in them: 1 kB/s."""

RESERVED: Final = 150
"""Descriptors that are the node's own: database, PACS, inference workers, models."""

MOST_DESCRIPTORS: Final = 65_536
"""Asked for at most: some programs go through all that they might have, one by one."""

FEWEST: Final = 16
"""Connections that are taken whatever is left: less is no page."""

log = get_log(__name__)


def affordable(wanted: int) -> int:
    """Return how many connections there may be; raise this process's limit of descriptors first.

    Parameters
    ----------
    wanted
        What the settings say.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(min(wanted, most - RESERVED), FEWEST)


@dataclass(slots=True, eq=False)
class AcceptedConnection:
    """A connection that was accepted."""

    socket: socket.socket
    """Its socket; asyncio closes it."""
    host: str
    """Where it comes from."""
    handshake: asyncio.TimerHandle
    """Ends it, until it says that it owes us a request: TLS comes before."""
    waits: bool = True
    """Whether it owes us a request, or the rest of one: only such a connection gives way."""


class Listener(socket.socket):
    """A listening socket that never has more connections open than it may.

    Where an address, or all together, have as many as they may, the newcomer takes the place of
    the one that has kept us waiting longest; where none does, it is turned away.

    Parameters
    ----------
    bound
        A listening socket; this one takes its place.
    most, most_of_host
        Connections of all, and of one address.
    proxies
        Addresses for which only `most` holds: many people come through them.
    """

    def __init__(
        self, bound: socket.socket, most: int, most_of_host: int, proxies: tuple[str, ...] = ()
    ) -> None:
        super().__init__(bound.family, bound.type, bound.proto, fileno=bound.detach())
        self._most = most
        self._most_of_host = most_of_host
        self._proxies = proxies
        self._taken: dict[Any, AcceptedConnection] = {}
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._pauses = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next connection.

        Raises
        ------
        ConnectionAbortedError
            It was turned away; asyncio goes on without a word.
        """
        if self._pauses:  # let asyncio close what had to give way
            self._pauses = False
            raise BlockingIOError
        try:
            made, peer = super().accept()
        except OSError as exc:
            if exc.errno not in {errno.EMFILE, errno.ENFILE}:
                raise
            self._turn_one_away()
            raise ConnectionAbortedError from exc
        host = str(peer[0])
        self._make_room(made, host)
        handshake = asyncio.get_running_loop().call_later(HEAD_S, _end, made)
        self._taken[peer] = AcceptedConnection(made, host, handshake)
        return made, peer

    def close(self) -> None:
        """Close it, and what was kept in reserve."""
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        super().close()

    def waits(self, peer: object, *, yes: bool) -> None:
        """Note whether a connection owes us a request, or the rest of one."""
        found = self._taken.pop(peer, None)
        if found is not None:
            found.handshake.cancel()
            found.waits = yes
            self._taken[peer] = found  # the one that waits longest stays first

    def _make_room(self, made: socket.socket, host: str) -> None:
        self._taken = {k: each for k, each in self._taken.items() if each.socket.fileno() >= 0}
        of_host = [peer for peer, each in self._taken.items() if each.host == host]
        if host not in self._proxies and len(of_host) >= self._most_of_host:
            candidates = of_host
        elif len(self._taken) >= self._most:
            candidates = list(self._taken)
        else:
            return
        longest = next((peer for peer in candidates if self._taken[peer].waits), None)
        log.warning("page.full", host=host, of_host=len(of_host), connections=len(self._taken))
        if longest is None:
            made.close()
            raise ConnectionAbortedError
        self._pauses = True
        _end(self._taken.pop(longest).socket)

    def _turn_one_away(self) -> None:
        """Accept and close one connection: else the loop would find it there for ever."""
        log.warning("page.no_descriptor", connections=len(self._taken))
        if self._spare >= 0:
            os.close(self._spare)
        self._spare = -1
        with suppress(OSError):
            super().accept()[0].close()
        with suppress(OSError):  # another thread was faster: the next one waits a moment
            self._spare = os.open(os.devnull, os.O_RDONLY)


def _end(made: socket.socket) -> None:
    """End a connection; asyncio sees that, and closes it."""
    with suppress(OSError):  # the peer has gone just now
        made.shutdown(socket.SHUT_RDWR)


class TimedProtocol(H11Protocol):
    """HTTP/1.1 with a peer who has to keep up."""

    listener: Listener
    """What took the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head."""
        self._peer = transport.get_extra_info("peername")
        self._owed: tuple[object, object] | None = None
        self._received = self._unread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._reader: asyncio.TimerHandle | None = None
        super().connection_made(transport)
        self._follow()

    def data_received(self, data: bytes) -> None:
        """Take some bytes."""
        self._received += len(data)
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Wait for the next head: uvicorn counts the time until its first byte."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self.listener.waits(self._peer, yes=True)

    def pause_writing(self) -> None:
        """Wait for the peer to read."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._cancel(self._reader)

    def timeout_keep_alive_handler(self) -> None:
        """Close what is idle, also when the peer never reads the rest."""
        super().timeout_keep_alive_handler()
        self._expect_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        super().connection_lost(exc)
        self._cancel(self._timer)
        self._cancel(self._reader)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with the headers of every answer."""
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(msg)))]
        headers += [*ALWAYS.items(), ("Cache-Control", "no-store"), ("Connection", "close")]
        self.transport.write(
            self.conn.send(h11.Response(status_code=400, headers=headers))
            + self.conn.send(h11.Data(data=msg.encode()))
            + self.conn.send(h11.EndOfMessage())
        )
        self.transport.close()

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

    def _follow(self) -> None:
        """Begin to wait for what the peer owes now, or go on, or stop."""
        state = self.conn.their_state
        owed = (state, self.cycle) if state in {h11.IDLE, h11.SEND_BODY} else None
        if owed == self._owed:
            return
        self._cancel(self._timer)
        self._owed, self._received = owed, 0
        self.listener.waits(self._peer, yes=owed is not None)
        if owed is not None:
            seconds = HEAD_S if state is h11.IDLE else WINDOW_S
            self._timer = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        body = self.conn.their_state is h11.SEND_BODY
        if not body or (self._received < LEAST_BYTES and not self.flow.read_paused):
            self.transport.abort()
            return
        self._received = 0
        self._timer = self.loop.call_later(WINDOW_S, self._late)

    def _expect_reading(self) -> None:
        self._cancel(self._reader)
        self._unread = 0
        self._watch_reader()

    def _watch_reader(self) -> None:
        left = self.transport.get_write_buffer_size()
        if self._unread and left > self._unread - LEAST_BYTES:
            self.transport.abort()
            return
        self._unread = left
        self._reader = self.loop.call_later(WINDOW_S, self._watch_reader)


def protocol_of(made_by: Listener) -> type[TimedProtocol]:
    """Return the protocol of the connections that a listener takes."""

    class Protocol(TimedProtocol):
        listener = made_by

    return Protocol
