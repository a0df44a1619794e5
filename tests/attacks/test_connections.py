"""Connections that say little or nothing: the page answers others, and the log stays short."""

import socket
from contextlib import ExitStack

import pytest

from attacked_node import DESCRIPTORS, Node
from dicom_front import connections, is_ended

pytestmark = pytest.mark.orthanc

HALVES = {
    "nothing": b"",
    "half a line": b"GET /log",
    "half a head": b"GET /login HTTP/1.1\r\nHost: localhost\r\n",
    "half a body": b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\ncsrf=",
}


@pytest.mark.parametrize("said", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_half_requests_keep_nobody_out(node: Node, said: bytes, address: str):
    """Others get their page, from the same address and from another."""
    lines = len(node.running.errors)
    with connections(node.port, DESCRIPTORS - 20, said), node.browser(address) as browser:
        answers = [browser.get("/login").status_code for _ in range(5)]

    assert [200] * 5 == answers
    assert 100 > len(node.running.errors) - lines


def test_all_addresses_together_keep_nobody_out(node: Node):
    """Ten addresses, and the visitor's own is none of them."""
    with ExitStack() as stack:
        for each in range(10):
            stack.enter_context(connections(node.port, 30, b"GET /", f"127.0.0.{10 + each}"))
        with node.browser("127.0.0.9") as browser:
            assert 200 == browser.get("/login").status_code


def test_half_a_request_is_ended_by_the_node(node: Node):
    """Whoever sends no more is not waited for."""
    with ExitStack() as stack:
        opened = [socket.create_connection(("127.0.0.1", node.port), timeout=60) for _ in HALVES]
        for made, said in zip(opened, HALVES.values(), strict=True):
            stack.enter_context(made).sendall(said)

        assert [True] * len(HALVES) == [is_ended(made) for made in opened]


def test_the_answer_to_garbage_has_the_headers_of_every_answer(node: Node):
    """Also what the HTTP parser answers by itself."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=20) as made:
        made.sendall(b"\x00\x01 garbage\r\n\r\n")
        answer = made.recv(4096)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"x-content-type-options: nosniff" in answer.lower()
    assert b"x-frame-options: deny" in answer.lower()
