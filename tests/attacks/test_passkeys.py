"""Passkeys under attack, at a real node: nobody gets in by another's, nonsense ends nothing."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest
from fido2 import cbor

from attacked_node import Node
from authenticator import Device, b64
from passkey_tools import add_passkey, ask, send
from web_context import token_of

pytestmark = pytest.mark.orthanc


@pytest.fixture
def origin(node: Node) -> str:
    """Return the node under the name where browsers have passkeys."""
    return node.url.replace("127.0.0.1", "localhost")


def browser(origin: str) -> httpx.Client:
    """Return a browser at that name."""
    return httpx.Client(base_url=origin, timeout=30)


@pytest.fixture
def device(node: Node, origin: str) -> Iterator[Device]:
    """Return a device with a passkey of the operator, who has none after the test."""
    password = (node.up.data / "admin-password").read_text().strip()
    made = Device(origin)
    with browser(origin) as client:
        form = {"csrf": token_of(client), "name": "admin", "password": password}
        assert 303 == client.post("/login", data=form).status_code
        assert 200 == add_passkey(client, made).status_code
    yield made
    reset = node.up.run("users", "reset", "admin")
    assert 0 == reset.returncode, reset.stderr


def test_an_overheard_answer_opens_nothing(origin: str, device: Device):
    """Sent again, from another browser, for another question or with a copied key."""
    with browser(origin) as owner, browser(origin) as thief:
        answer = device.use(ask(owner))
        old = dict(owner.cookies)
        form = {"csrf": token_of(owner), "credential": answer}
        assert 401 == send(thief, answer).status_code
        assert 303 == owner.post("/login/passkey", data=form).status_code
        thief.cookies.clear()
        thief.cookies.update(old)
        assert 401 == thief.post("/login/passkey", data=form).status_code
        thief.cookies.clear()
        copy = replace(device, signatures=0)
        assert 401 == send(thief, copy.use(ask(thief))).status_code
        phished = replace(device, origin="https://hilum.example.org.evil.example")
        assert 401 == send(thief, phished.use(ask(thief))).status_code
        assert 401 == thief.get("/account").status_code


def test_one_answer_sent_many_times_at_once_signs_in_once(origin: str, device: Device):
    """However they fall together."""
    device.counts = False
    with browser(origin) as client:
        answer = device.use(ask(client))
        form = {"csrf": token_of(client), "credential": answer}
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {"cookie": cookies}

    def shoot(_: int) -> int:
        return httpx.post(f"{origin}/login/passkey", data=form, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(shoot, range(24)))

    assert [303] + [401] * 23 == statuses


def test_answers_that_are_bombs_cost_little(origin: str, device: Device):
    """Nested, long, and made of a thousand crumbs: a line each, and the owner still gets in."""
    deep = b"\x81" * 9000 + b"\x00"
    crumbs = b"\x9a\xff\xff\xff\xff" + b"\x00" * 9000
    with browser(origin) as client:
        for data in (deep, crumbs, cbor.encode(2**64 - 1), b""):
            answer = json.loads(device.use(ask(client)))
            tail = b"\x00" * 32 + b"\xc5" + bytes(4) + data
            answer["response"]["authenticatorData"] = b64(tail)
            assert 401 == send(client, json.dumps(answer)).status_code
        for given in ("[" * 16_000, '{"id":' * 2000):
            assert 401 == send(client, given).status_code
        assert 422 == send(client, "x" * 20_000).status_code
        assert 303 == send(client, device.use(ask(client))).status_code


def test_a_flood_of_questions_keeps_nobody_out(origin: str, device: Device):
    """The owner's question is asked before it and answered after it."""
    with browser(origin) as owner, browser(origin) as flood:
        asked = ask(owner)
        token_of(flood)
        statuses = {flood.get("/login/passkey").status_code for _ in range(300)}
        assert {200} == statuses
        assert 303 == send(owner, device.use(asked)).status_code
