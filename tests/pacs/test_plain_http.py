"""The plain way to a PACS: the same answers and the same errors as by httpx's own way."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from hilum.pacs.plain_http import PlainTransport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def serving(*talks: Callable[[socket.socket], None]) -> Iterator[str]:
    """Give the address of a server that does one talk for each connection, in order."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for talk in talks:
                connection, _ = server.accept()
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(30)


def request_of(connection: socket.socket) -> bytes:
    """Return what a client asks, body included; empty when it hung up."""
    said = b""
    while b"\r\n\r\n" not in said:
        part = connection.recv(65536)
        if not part:
            return said
        said += part
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(
        dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:]).get(
            b"content-length", b"0"
        )
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def client(timeout: float = 30) -> httpx.Client:
    return httpx.Client(transport=PlainTransport(), timeout=timeout, auth=("u", "p"))


def test_request_is_what_httpx_would_send():
    """Method, path, query, headers and body arrive as they were given."""
    asked: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        asked.append(request_of(connection))
        connection.sendall(OK)

    with serving(talk) as url, client() as http:
        assert "ok" == http.post(f"{url}/a b?c=d&e=%C3%A9", content=b"x" * 200_000).text

    (said,) = asked
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert b"POST /a%20b?c=d&e=%C3%A9 HTTP/1.1" == lines[0]
    assert 1 == sum(line.lower().startswith(b"host:") for line in lines)
    assert b"Content-Length: 200000" in lines
    assert b"Authorization: Basic dTpw" in lines
    assert b"x" * 200_000 == body


def test_one_connection_serves_many_requests():
    """A connection that stands is used again."""

    def talk(connection: socket.socket) -> None:
        for _ in range(3):
            request_of(connection)
            connection.sendall(OK)

    with serving(talk) as url, client() as http:
        assert ["ok"] * 3 == [http.get(url).text for _ in range(3)]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_connection_that_the_server_closed_while_idle_is_replaced(method):
    """Nobody hears of it: the request goes over a new one, and only once."""
    closed = threading.Event()

    def first(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    def second(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK)

    with serving(first, second) as url, client() as http:
        http.get(url)
        assert closed.wait(30)
        assert "ok" == http.request(method, url).text


def test_answer_that_is_cut_off_on_a_used_connection_is_asked_for_again():
    """The server may close a connection in the very moment of a question."""

    def first(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK)
        request_of(connection)  # and no answer

    def second(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK)

    with serving(first, second) as url, client() as http:
        http.get(url)
        assert "ok" == http.get(url).text


def test_what_must_not_be_sent_twice_is_not():
    """The server may have done it before it hung up."""

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(OK)
        request_of(connection)

    with serving(talk) as url, client() as http:
        http.get(url)
        with pytest.raises(httpx.RemoteProtocolError):
            http.post(url, content=b"store me")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", httpx.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", httpx.RemoteProtocolError),
    ],
)
def test_broken_answers_are_errors_of_httpx(said, error):
    """Whoever handles httpx's errors handles these."""

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(said)

    with serving(talk) as url, client() as http, pytest.raises(error):
        http.get(url)


def test_nobody_there_and_no_answer_are_errors_of_httpx():
    """A closed port, and a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with client(timeout=0.2) as http, pytest.raises(httpx.ReadTimeout):
            http.get(f"http://127.0.0.1:{port}/")
    with client() as http, pytest.raises(httpx.ConnectError):
        http.get(f"http://127.0.0.1:{port}/")


def test_squeezed_answers_are_unpacked():
    """Some proxies squeeze what was asked for as it is."""
    body = gzip.compress(b"hello")

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body
        )

    with serving(talk) as url, client() as http:
        assert "hello" == http.get(url).text


def test_threads_do_not_wait_for_each_other():
    """Two requests at once have two connections."""
    both = threading.Barrier(2, timeout=30)

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        both.wait()
        connection.sendall(OK)

    with socket.create_server(("127.0.0.1", 0)) as server, client() as http:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                talk(connection)

        threads = [threading.Thread(target=serve) for _ in range(2)]
        threads += [threading.Thread(target=http.get, args=(url,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)

    assert not any(thread.is_alive() for thread in threads)
    assert not both.broken
