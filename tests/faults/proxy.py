"""A way to Orthanc on which things go wrong: an HTTP proxy with rules."""

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self

from orthanc_server import free_ports

DROPPED: Final = {"connection", "keep-alive", "transfer-encoding", "host"}
"""Headers that belong to one connection, not to what is said over it."""

GARBAGE: Final = b"<html>\0\xff this is no Orthanc"


class Fault(Enum):
    """What becomes of a request."""

    UNAVAILABLE = auto()
    """Answered with HTTP 503; Orthanc never hears of it."""
    REFUSED = auto()
    """Answered with HTTP 400; Orthanc never hears of it."""
    RESET = auto()
    """The connection is reset; Orthanc never hears of it."""
    RESET_AFTER = auto()
    """Orthanc does it, then the connection is reset."""
    HANG = auto()
    """No answer comes for `Proxy.hang_s`; Orthanc never hears of it."""
    GARBAGE = auto()
    """Answered with HTTP 200 and something that is no JSON and no DICOM."""
    CUT_OFF = auto()
    """Half of Orthanc's answer, then the end of the connection."""


@dataclass
class Rule:
    """What to do with the requests that match.

    Attributes
    ----------
    method, path
        Regular expressions that must match the whole of each; `path` has the query.
    fault
        What becomes of the request; None lets it pass.
    before, after
        Called before Orthanc is asked, or when its answer is there.
    about
        Bytes that the request's body must hold.
    whose
        Returns the process that must have sent the request; None for anybody.
    skip, times
        How many matches pass before the rule acts, and how often it acts; None for ever.
    """

    method: str
    path: str
    fault: Fault | None = None
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None
    about: bytes = b""
    whose: Callable[[], int] | None = None
    skip: int = 0
    times: int | None = None
    fired: threading.Event = field(default_factory=threading.Event)
    hits: int = 0

    def applies(self, method: str, path: str, body: bytes, port: int) -> bool:
        """Return whether the rule acts on this request, sent from `port`; it counts."""
        if not re.fullmatch(self.method, method) or not re.fullmatch(self.path, path):
            return False
        if self.about not in body:
            return False
        if self.whose is not None and not owns(self.whose(), port):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class Proxy:
    """Stands between hilum and one Orthanc.

    Parameters
    ----------
    port
        Of the Orthanc, on 127.0.0.1.
    """

    hang_s: float = 8.0

    def __init__(self, port: int) -> None:
        self.orthanc_port = port
        self.port: Final = free_ports(1)[0]
        self.down = threading.Event()
        self.requests = 0
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where hilum finds it."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, rule: Rule) -> Rule:
        """Let a rule act from now on."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """Forget a rule."""
        with self._lock:
            if rule in self._rules:
                self._rules.remove(rule)

    @contextmanager
    def ruled(self, *rules: Rule) -> Iterator[None]:
        """Let rules act inside the block."""
        for rule in rules:
            self.add(rule)
        try:
            yield
        finally:
            for rule in rules:
                self.remove(rule)

    def rule_for(self, method: str, path: str, body: bytes, port: int) -> Rule | None:
        """Return the rule that acts on this request."""
        with self._lock:
            self.requests += 1
            return next((r for r in self._rules if r.applies(method, path, body, port)), None)

    def wait(self, seconds: float) -> None:
        """Hang, but not beyond the proxy's own end."""
        self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: Proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: broken connections are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def setup(self) -> None:
        super().setup()
        self._upstream: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _serve(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if proxy.down.is_set():
            self._reset()
            return
        rule = proxy.rule_for(self.command, self.path, body, self.client_address[1])
        if rule is None:
            self._pass_on(body)
            return
        if rule.before is not None:
            rule.before()
            rule.fired.set()
        try:
            self._act(rule, body)
        finally:  # who asked may be dead by now
            rule.fired.set()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _act(self, rule: Rule, body: bytes) -> None:
        match rule.fault:
            case None:
                self._pass_on(body, then=rule.after)
            case Fault.UNAVAILABLE:
                self._answer(503, b'{"HttpError": "Service Unavailable"}')
            case Fault.REFUSED:
                self._answer(400, b'{"HttpError": "Bad Request", "Message": "Bad file format"}')
            case Fault.GARBAGE:
                self._answer(200, GARBAGE)
            case Fault.HANG:
                self.server.proxy.wait(self.server.proxy.hang_s)
                self._reset()
            case Fault.RESET:
                self._reset()
            case Fault.RESET_AFTER:
                self._ask(body)
                self._reset()
            case Fault.CUT_OFF:
                self._pass_on(body, cut=True)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        """Return Orthanc's answer, None when it gives none."""
        headers = {k: v for k, v in self.headers.items() if k.lower() not in DROPPED}
        for fresh in (False, True):  # a kept connection may have died with the Orthanc before
            if self._upstream is None or fresh:
                self._upstream = http.client.HTTPConnection(
                    "127.0.0.1", self.server.proxy.orthanc_port, timeout=30
                )
            try:
                self._upstream.request(self.command, self.path, body or None, headers)
                response = self._upstream.getresponse()
                return response.status, dict(response.getheaders()), response.read()
            except (OSError, http.client.HTTPException):
                self._upstream.close()
        return None

    def _pass_on(
        self, body: bytes, *, then: Callable[[], None] | None = None, cut: bool = False
    ) -> None:
        answer = self._ask(body)
        if then is not None:
            then()
        if answer is None:
            self._reset()
            return
        status, headers, content = answer
        self._answer(status, content, headers, cut=cut)

    def _answer(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.lower() not in DROPPED | {"content-length", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        if cut:
            self.close_connection = True

    def _reset(self) -> None:
        """End the connection with RST, as a dying host does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def owns(pid: int, port: int) -> bool:
    """Return whether a process holds the socket that is bound to a local port."""
    wanted = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == wanted:
            name = f"socket:[{fields[9]}]"
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                with suppress(OSError):
                    if str(descriptor.readlink()) == name:
                        return True
    return False
