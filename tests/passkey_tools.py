"""What a browser does with passkeys at the page: asks for options, sends answers."""

import html
import json
import re
from typing import Any

import httpx

from authenticator import Device
from web_context import csrf_in, token_of


def options_to_add(client: httpx.Client) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the page asks a device for, and the form's hidden fields."""
    page = client.get("/account/passkeys").text
    options = re.search(r'data-options="([^"]+)"', page)
    handle = re.search(r'name="handle" value="([^"]+)"', page)
    assert options
    assert handle
    return json.loads(html.unescape(options[1])), {"csrf": csrf_in(page), "handle": handle[1]}


def add_passkey(
    client: httpx.Client, device: Device, title: str = "Office computer"
) -> httpx.Response:
    """Add a passkey to the account of who is signed in."""
    options, hidden = options_to_add(client)
    form = hidden | {"title": title, "credential": device.make(options)}
    return client.post("/account/passkeys", data=form)


def ask(client: httpx.Client) -> dict[str, Any]:
    """Return what the sign-in page asks a device for, after it was opened."""
    token_of(client)
    options: dict[str, Any] = client.get("/login/passkey").json()
    return options


def send(client: httpx.Client, answer: str, path: str = "/login/passkey") -> httpx.Response:
    """Send a device's answer with the form of that page."""
    page = "/login" if path.startswith("/login") else "/account"
    return client.post(path, data={"csrf": token_of(client, page), "credential": answer})
