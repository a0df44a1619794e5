"""How long a peer may keep the page waiting, with the times made short."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import Response

from hilum.settings import Settings
from hilum.web import connections
from hilum.web.app import serving

BIG = 64 * 1024 * 1024


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve something that takes bodies and gives large answers."""
    monkeypatch.setattr(connections, "HEAD_S", 0.3)
    monkeypatch.setattr(connections, "WINDOW_S", 1.0)
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> int:
        return len(await request.body())

    @app.get("/")
    def give() -> Response:
        return Response(bytes(BIG))

    @app.get("/work")
    async def work(request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    settings = Settings(data_folder=tmp_path).changed("page", port=0, max_connections=16)
    with serving(app, settings.page) as address:
        yield address


def opened(url: str) -> socket.socket:
    """Return a connection."""
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 0), timeout=30)


def test_a_body_that_keeps_up_is_taken(url: str):
    """However many windows it takes."""

    def slowly() -> Iterator[bytes]:
        for _ in range(8):
            time.sleep(0.3)
            yield bytes(connections.LEAST_BYTES)

    assert 8 * connections.LEAST_BYTES == httpx.post(url, content=slowly()).json()


def test_a_body_that_trickles_is_cut(url: str):
    """A byte now and then is not enough."""

    def trickling() -> Iterator[bytes]:
        for _ in range(60):
            time.sleep(0.1)
            yield b"x"

    with pytest.raises(httpx.TransportError):
        httpx.post(url, content=trickling())


def test_who_reads_nothing_is_cut(url: str):
    """What waits for them would stay in memory for ever."""
    with closing(opened(url)) as made:
        made.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        made.recv(1024)
        time.sleep(4)
        received = 0
        with suppress(ConnectionResetError):
            while piece := made.recv(1 << 20):
                received += len(piece)

    assert received < BIG


def test_who_reads_slowly_gets_it_all(url: str):
    """As long as bytes pass in each window."""
    with httpx.stream("GET", url) as answer:
        received = 0
        for number, piece in enumerate(answer.iter_raw(1 << 20)):
            received += len(piece)
            if number < 10:
                time.sleep(0.1)

    assert BIG == received


def test_an_address_has_half_of_the_connections_at_work(url: str):
    """Whoever has a request in work is not cut off for a newcomer, who is turned away."""
    with ExitStack() as stack:
        for _ in range(8):
            made = stack.enter_context(opened(url))
            made.sendall(b"GET /work HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)
        with pytest.raises(httpx.TransportError):
            httpx.get(url, timeout=5)

    assert BIG == len(httpx.get(url).content)
