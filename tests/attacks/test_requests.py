"""Odd requests of nobody in particular: no fault, no secret, and the headers of every answer."""

import base64
import json
import re
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from attacked_node import Node
from hilum.records import Database
from hilum.records.accounts import Role
from hilum.records.database import sqlite_url
from own_orthanc import session_of

pytestmark = pytest.mark.orthanc

REQUESTS = {
    "missing": b"GET /missing HTTP/1.1\r\nHost: a",
    "deep": b"GET /login/oidc/callback?state=x HTTP/1.1\r\nHost: a\r\nCookie: hilum_oidc="
    + b"W1tb" * 2000,
    "surrogate": b"GET /login/oidc/callback?state=%C3%A9 HTTP/1.1\r\nHost: a\r\nCookie: hilum_oidc="
    + base64.urlsafe_b64encode(json.dumps(["\ud800"] * 4).encode()),
    "no host": b"GET /login HTTP/1.0",
    "large": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 1099511627776",
    "wrong method": b"DELETE /login HTTP/1.1\r\nHost: a",
    "no method": b"\xff /login HTTP/1.1\r\nHost: a",
    "wrong length": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: -1",
    "no UTF-8": b"GET /?q=%ff%fe%00 HTTP/1.1\r\nHost: a\r\nAccept-Language: \xff;q=nan",
    "range": b"GET /static/x HTTP/1.1\r\nHost: a\r\nRange: bytes=" + b"0-1," * 500,
    "long": b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: a",
    "websocket": b"GET /login HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_an_odd_request_is_answered_like_any_other(node: Node, name: str):
    """By a status that says whose mistake it is."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as made:
        made.sendall(REQUESTS[name] + b"\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := made.recv(65536):
            answer += piece
            if REQUESTS[name].startswith(b"POST"):
                break

    assert re.match(rb"HTTP/1.1 [234]\d\d ", answer)
    assert b"x-content-type-options: nosniff" in answer.lower()


def test_a_viewers_odd_path_is_answered_like_any_other(node: Node):
    """The files of OHIF have no such name."""
    with Database(sqlite_url(node.up.data / "hilum.sqlite")) as database, node.browser() as browser:
        browser.cookies.update(session_of(database, "mallory", Role.VIEWER))

        assert 404 == browser.get("/ohif/%00").status_code


def test_the_name_of_another_site_is_turned_away(node: Node):
    """It is never taken for the page's own."""
    with node.browser() as browser:
        answer = browser.get("/login", headers={"host": "evil.example.org"})

    assert 400 <= answer.status_code < 500
    assert "evil" not in answer.text + str(answer.headers)


def test_nobody_is_told_versions(node: Node):
    """Neither by a page nor by what another machine may ask."""
    with node.browser() as browser:
        answers = [
            browser.get(path, headers={"x-forwarded-for": "192.0.2.1"})
            for path in ("/login", "/readyz", "/healthz", "/metrics", "/missing", "/api/v1/status")
        ]
    said = "".join(answer.text + str(answer.headers) for answer in answers)

    assert not re.search(r"Orthanc|\d+\.\d+\.\d+|uvicorn|Python", said)


def test_what_is_too_large_is_not_kept(node: Node):
    """Nobody who has not signed in is listened to for longer than a form takes."""
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'

    def endless():
        yield start
        for _ in range(600):
            yield bytes(1 << 20)
        yield b"\r\n--x--\r\n"

    def written() -> int:
        told = Path(f"/proc/{node.running.process.pid}/io").read_text()
        return int(told.split("wchar: ")[1].split()[0])

    before = written()

    headers = {"content-type": "multipart/form-data; boundary=x"}
    # the node may end the connection
    with node.browser() as browser, suppress(httpx.TransportError):
        answer = browser.post("/login", content=endless(), headers=headers)
        assert 413 == answer.status_code

    assert written() - before < 50 << 20


def test_what_the_node_keeps_is_its_owners_alone(node: Node):
    """From the data folder on."""
    assert 0o700 == node.up.data.stat().st_mode & 0o777
