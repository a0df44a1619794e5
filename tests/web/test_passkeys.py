"""Passkeys: added, used in place of the password, and refused where anything is not right."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from authenticator import PRESENT, VERIFIED, Device, b64, unb64
from hilum.records.accounts import Role
from hilum.records.tables import SESSION
from hilum.web.context import WebContext
from hilum.web.credentials import CredentialsRefused
from hilum.web.sessions import SESSION_COOKIE, cookie_name
from hilum.web.webauthn import VALID_S, Challenges
from orthanc_server import free_ports
from passkey_tools import add_passkey, ask, options_to_add, send
from web_context import (
    PASSWORD,
    Page,
    add_user,
    csrf_in,
    open_page,
    open_web_context,
    token_of,
    trail,
)
from web_context import begin_session as begin

Browser = Callable[..., httpx.Client]


@pytest.fixture
def origin(page: Page) -> str:
    """Return the page under a name: browsers have no passkeys for an address."""
    return page.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def browser(page: Page, web: WebContext, origin: str) -> Browser:
    """Return a maker of browsers at that name; of who is named and signed in, or of nobody."""

    def open_at_the_name(name: str = "") -> httpx.Client:
        client = page.browser()
        client.base_url = httpx.URL(origin)
        if name:
            secret = begin(web, name, Role.READER)
            client.cookies.set(cookie_name(SESSION_COOKIE, web.settings.page), secret)
        return client

    return open_at_the_name


@pytest.fixture
def device(browser: Browser, origin: str, web: WebContext) -> Device:
    """Return a device with a passkey of ana, who has a password, too."""
    add_user(web, "ana", Role.READER, PASSWORD)
    made = Device(origin)
    assert 200 == add_passkey(browser("ana"), made).status_code
    return made


def signs_in(client: httpx.Client, device: Device) -> bool:
    """Return whether this device's passkey signs somebody in."""
    return send(client, device.use(ask(client))).status_code == 303


def test_a_passkey_signs_in_without_a_password(browser: Browser, device: Device, web: WebContext):
    """In any browser that reaches the device; the trail says with which one."""
    client = browser()

    assert signs_in(client, device)
    assert "ana" in client.get("/account").text
    assert {("ana", "user.passkey_added"), ("ana", "user.signed_in")} <= set(trail(web))


def test_several_passkeys_are_listed_and_removed(browser: Browser, device: Device, origin: str):
    """By name, with their last use; one that is removed opens nothing any more."""
    client = browser("ana")
    other = Device(origin)
    assert 303 == add_passkey(client, other, "Telephone").status_code
    assert signs_in(browser(), device)
    client = browser("ana")
    text = client.get("/account").text
    form = {"csrf": csrf_in(text), "key": b64(device.id)}
    removed = client.post("/account/passkeys/remove", data=form)

    assert "Office computer" in text
    assert re.search(r"Telephone.*?>never<", text, re.DOTALL)
    assert 303 == removed.status_code
    assert "Office computer" not in client.get("/account").text
    assert not signs_in(browser(), device)
    assert signs_in(browser(), other)


def test_the_password_alone_is_not_enough_with_a_passkey(browser: Browser, device: Device):
    """A recovery code with it is; without any passkey the password is enough again."""
    del device
    client = browser("ana")
    form = {"csrf": csrf_in(client.get("/account").text)}
    codes = re.findall(
        r"<li><code>([a-z2-7-]{29})</code>", client.post("/account/recovery", data=form).text
    )

    def by_password(code: str = "") -> httpx.Response:
        new = browser()
        form = {"csrf": token_of(new), "name": "ana", "password": PASSWORD, "code": code}
        return new.post("/login", data=form)

    assert "Use your passkey" in by_password().text
    assert 10 == len(codes)
    assert [303, 401] == [by_password(codes[0]).status_code for _ in range(2)]
    key = re.search(r'name="key" value="([^"]+)"', client.get("/account").text)
    assert key
    client.post("/account/passkeys/remove", data=form | {"key": key[1]})
    assert 303 == by_password().status_code


def test_adding_asks_again_who_one_is(browser: Browser, web: WebContext, device: Device):
    """The passkey itself is enough for that; another user's is not."""
    client = browser("ana")
    with web.database.transaction() as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=16)
        connection.execute(SESSION.update().values(confirmed=long_ago))
    asked = client.get("/account/passkeys")
    refused = add_passkey_blindly(client)
    ben = browser("ben")
    wrong = send(ben, device.use(ben.get("/login/passkey").json()), "/confirm/passkey")
    right = send(client, device.use(client.get("/login/passkey").json()), "/confirm/passkey")

    assert "/confirm?next=/account/passkeys" == asked.headers["location"]
    assert "/confirm?next=/account" == refused.headers["location"]
    assert (401, True) == (wrong.status_code, "belongs to another user" in wrong.text)
    assert 303 == right.status_code
    assert 200 == client.get("/account/passkeys").status_code


def add_passkey_blindly(client: httpx.Client) -> httpx.Response:
    """Send the form without having seen it."""
    form = {"csrf": csrf_in(client.get("/account").text), "title": "x", "credential": "{}"}
    return client.post("/account/passkeys", data=form)


def test_adding_ends_all_other_sessions(browser: Browser, origin: str):
    """Whoever sits there has not shown a passkey."""
    here, elsewhere = browser("ana"), browser("ana")
    add_passkey(here, Device(origin))

    assert 303 == elsewhere.get("/account").status_code
    assert 200 == here.get("/account").status_code


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"origin": "http://localhost:1"}, "requested by a site other than"),
        ({"origin": "https://evil.example"}, "requested by a site other than"),
        ({"more": {"crossOrigin": True}}, "requested by a site other than"),
        ({"more": {"challenge": b64(b"0" * 56)}}, "does not belong to this page"),
        ({"more": {"challenge": ""}}, "does not belong to this page"),
        ({"flags": PRESENT}, "did not verify your identity"),
        ({"flags": VERIFIED}, "could not be verified"),
        ({"host": "evil.example"}, "could not be verified"),
        ({"handle": b64(b"somebody else")}, "could not be verified"),
        ({"handle": ""}, "could not be verified"),
        ({"id": b"unknown"}, "is not registered here"),
        ({"key": Device("").key}, "could not be verified"),
        ({"more": {"type": "webauthn.create"}}, "could not be verified"),
    ],
)
def test_what_is_not_right_is_refused_and_said(
    browser: Browser, device: Device, web: WebContext, wrong: dict[str, Any], said: str
):
    """One line each, and nobody is signed in."""
    client = browser()
    answer = send(client, replace(device, **wrong).use(ask(client)))

    assert 401 == answer.status_code
    assert said in answer.text
    assert ("nobody", "user.passkey_refused") in trail(web)
    assert 303 == client.get("/account").status_code
    assert signs_in(client, device)


def test_an_answer_is_taken_once(browser: Browser, device: Device):
    """Also from a passkey that does not count, of whom nothing else changes."""
    device.counts = False
    client = browser()
    answer = device.use(ask(client))
    form = {"csrf": token_of(client), "credential": answer}
    cookies = dict(client.cookies)
    first = client.post("/login/passkey", data=form)
    thief = browser()
    thief.cookies.update(cookies)
    again = thief.post("/login/passkey", data=form)

    assert 303 == first.status_code
    assert (401, True) == (again.status_code, "was already used" in again.text)


def test_an_answer_belongs_to_the_browser_that_asked(browser: Browser, device: Device):
    """A stranger who has got hold of it cannot use it."""
    client, thief = browser(), browser()
    answer = device.use(ask(client))

    assert "does not belong to this page" in send(thief, answer).text
    assert 303 == send(client, answer).status_code


def test_a_passkey_that_counts_back_may_be_a_copy(
    browser: Browser, device: Device, web: WebContext
):
    """It is refused, and its owner's trail says so; one that counts on is taken."""
    device.signatures = 4_294_967_290  # the counter has 32 bits without a sign
    assert signs_in(browser(), device)
    copy = replace(device, signatures=device.signatures - 2)
    client = browser()
    answer = send(client, copy.use(ask(client)))

    assert "may have been copied" in answer.text
    assert ("ana", "user.passkey_copied") in trail(web)
    assert signs_in(browser(), device)


def test_a_challenge_ends():
    """After five minutes, for the right browser, too."""
    now = 1000.0
    made = Challenges(lambda: now)
    challenge = made.new("a browser")
    made.check(challenge, "a browser")
    now += VALID_S + 1

    with pytest.raises(CredentialsRefused, match="expired"):
        made.check(challenge, "a browser")


@pytest.mark.parametrize(
    "given",
    [
        *("", "null", "[]", "1", "{}", '"x"', "[" * 16_000, '{"id": {}}', "\x00"),
        '{"rawId": "AA", "response": null}',
        '{"rawId": "A", "response": {"clientDataJSON": "e30", "authenticatorData": "AA"}}',
        json.dumps(
            {"rawId": "AA", "response": {"clientDataJSON": b64(b"[" * 9000), "signature": ""}}
        ),
    ],
)
def test_nonsense_is_no_answer(browser: Browser, device: Device, given: str):
    """In any shape: one line, no fault."""
    del device
    signed_in = browser("ana")
    options_to_add(signed_in)
    answers = [send(browser(), given), add_with(signed_in, given)]

    assert [401, 422] == [each.status_code for each in answers]
    assert all("could not be verified" in each.text for each in answers)


def add_with(client: httpx.Client, credential: str, **form: str) -> httpx.Response:
    """Send something as a new passkey."""
    _, hidden = options_to_add(client)
    return client.post(
        "/account/passkeys", data={**hidden, "title": "x", "credential": credential, **form}
    )


@pytest.mark.parametrize("part", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("how", [lambda d: d[:-1], lambda d: d + b"\x00", lambda d: d[::-1]])
def test_a_damaged_answer_signs_nobody_in(
    browser: Browser, device: Device, part: str, how: Callable[[bytes], bytes]
):
    """Cut, longer or backwards: every part counts."""
    client = browser()
    answer = json.loads(device.use(ask(client)))
    answer["response"][part] = b64(how(unb64(answer["response"][part])))

    assert 401 == send(client, json.dumps(answer)).status_code


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({1: 2, 3: -65535, -1: 1}, "could not be verified"),  # RS1: SHA-1
        ({1: 2, 3: 0}, "could not be verified"),
        ({}, "could not be verified"),
    ],
)
def test_only_keys_that_can_be_checked_are_added(
    browser: Browser, origin: str, key: dict[int, Any], said: str
):
    """Of an algorithm that browsers are asked for."""
    client = browser("ana")
    options, hidden = options_to_add(client)
    form = hidden | {"title": "x", "credential": Device(origin).make(options, key)}
    answer = client.post("/account/passkeys", data=form)

    assert (422, True) == (answer.status_code, said in answer.text)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"origin": "https://evil.example"}, "requested by a site other than"),
        ({"flags": PRESENT}, "did not verify your identity"),
        ({"host": "evil.example"}, "could not be verified"),
        ({"id": b""}, "could not be verified"),
    ],
)
def test_a_wrong_passkey_is_not_added(
    browser: Browser, origin: str, wrong: dict[str, Any], said: str
):
    """The same lines as at the sign-in."""
    client = browser("ana")
    answer = add_passkey(client, replace(Device(origin), **wrong))

    assert (422, True) == (answer.status_code, said in answer.text)
    assert "Office computer" not in client.get("/account").text


def test_a_passkey_is_added_once(browser: Browser, device: Device):
    """By nobody else either."""
    assert "has already been added" in add_passkey(browser("ben"), device).text
    assert "has already been added" in add_passkey(browser("ana"), device).text
    assert signs_in(browser(), device)


@pytest.mark.parametrize("title", ["", "   ", "x" * 61, "a\nb", "\u202egnp.exe"])
def test_a_passkey_has_a_name(browser: Browser, origin: str, title: str):
    """That people can read."""
    answer = add_passkey(browser("ana"), Device(origin), title)

    assert (422, True) == (answer.status_code, "The name of a passkey" in answer.text)


def test_a_user_has_so_many_passkeys(browser: Browser, origin: str):
    """And is told when to remove one."""
    client = browser("ana")
    answers = [add_passkey(client, Device(origin)).status_code for _ in range(20)]

    assert [200] + [303] * 19 == answers
    assert "You already have 20 passkeys" in add_passkey(client, Device(origin)).text


def test_nobody_removes_the_passkey_of_another(browser: Browser, device: Device):
    """Even with its key."""
    ben = browser("ben")
    form = {"csrf": csrf_in(ben.get("/account").text), "key": b64(device.id)}

    assert 303 == ben.post("/account/passkeys/remove", data=form).status_code
    assert signs_in(browser(), device)


def test_a_removed_user_has_no_passkey(browser: Browser, device: Device, page: Page):
    """Nor has a new one of the same name."""
    boss = page.signed_in(Role.OPERATOR, "boss")
    boss.post("/users/remove", data={"csrf": csrf_in(boss.get("/users").text), "name": "ana"})
    browser("ana")

    assert not signs_in(browser(), device)


def test_an_address_has_no_passkeys(page: Page):
    """Browsers offer none there: the page says what to do instead."""
    client = page.signed_in(Role.READER)
    text = client.get("/account/passkeys").text

    assert "Passkeys need HTTPS and a host name" in text
    assert "data-passkey" not in text
    assert 409 == client.get("/login/passkey").status_code
    assert 401 == send(page.browser(), "{}").status_code


@contextmanager
def behind_a_proxy(folder: Path, **settings: Any) -> Iterator[tuple[Page, httpx.Client]]:
    """Serve the page for people who reach it by another address than its own."""
    (port,) = free_ports(1)
    with open_web_context(folder, page={"port": port} | settings) as web, open_page(web) as page:
        direct = replace(page, url=f"http://127.0.0.1:{port}")
        yield direct, direct.signed_in(Role.READER, "ana")


@pytest.mark.parametrize("public", ["https://Hilum.Example.org", "https://hilum.example.org:443"])
def test_behind_a_proxy_the_public_address_counts(tmp_path: Path, public: str):
    """Written as browsers write it, whatever Host the proxy sends on."""
    device = Device("https://hilum.example.org", "hilum.example.org")
    with behind_a_proxy(tmp_path, public_url=public) as (page, client):
        # the client speaks plain HTTP to the page, as the proxy does: it keeps no secure cookies
        cookie = {"cookie": f"__Host-hilum_session={next(iter(client.cookies.values()))}"}
        client.headers.update(cookie)
        options, _ = options_to_add(client)
        assert 200 == add_passkey(client, device).status_code
        new = page.browser()
        cookie = new.get("/login").headers["set-cookie"].partition(";")[0]
        headers = {"cookie": cookie}
        csrf = csrf_in(new.get("/login", headers=headers).text)
        asked = new.get("/login/passkey", headers=headers).json()
        form = {"csrf": csrf, "credential": device.use(asked)}

        assert 303 == new.post("/login/passkey", data=form, headers=headers).status_code
    assert "hilum.example.org" == options["rp"]["id"] == asked["rpId"]


def test_a_proxy_that_is_trusted_says_that_it_speaks_https(tmp_path: Path):
    """And another one is not believed."""
    named = {"host": "hilum.internal", "x-forwarded-proto": "https"}
    for proxies, offered in (("127.0.0.1",), True), ((), False):
        folder = tmp_path / str(offered)
        folder.mkdir()
        with behind_a_proxy(folder, trusted_proxies=proxies) as (_, client):
            text = client.get("/account/passkeys", headers=named).text
        assert offered == ("data-options" in text)


def test_with_a_second_factor_for_everybody_a_passkey_is_one(tmp_path: Path):
    """The page that asks for one offers both; nothing else is open before."""
    with behind_a_proxy(tmp_path, second_factor=True) as (page, client):
        client.base_url = httpx.URL(page.url.replace("127.0.0.1", "localhost"))
        client.cookies.set(
            "hilum_session", client.cookies["hilum_session"], domain="localhost.local"
        )
        assert "/account/passkeys" in client.get("/", follow_redirects=True).text
        add_passkey(client, Device(str(client.base_url).rstrip("/")))

        assert 200 == client.get("/").status_code


def test_the_sign_in_page_offers_passkeys_where_somebody_has_one(
    browser: Browser, page: Page, origin: str
):
    """Under the name where it works, and nowhere else."""
    before = browser().get("/login").text
    add_passkey(browser("ana"), Device(origin))

    assert "data-passkey" not in before
    assert "data-passkey" in browser().get("/login").text
    assert "data-passkey" not in page.browser().get("/login").text


def test_a_user_of_a_provider_adds_no_passkey(browser: Browser, web: WebContext):
    """Who they are is the provider's to say."""
    client = browser("ana")
    with web.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE user_account SET subject = 'x|1'")
    text = client.get("/account").text

    assert "passkeys" not in text
    assert 403 == client.get("/account/passkeys").status_code
    assert 403 == add_passkey_blindly(client).status_code


def test_another_site_makes_nobody_add_or_use_one(browser: Browser, device: Device):
    """Its forms carry no token of ours."""
    client, new = browser("ana"), browser()
    answer = device.use(ask(new))
    foreign = {"sec-fetch-site": "cross-site"}

    assert 403 == client.post("/account/passkeys", data={"title": "x"}).status_code
    assert 403 == new.post("/login/passkey", data={"credential": answer}).status_code
    form = {"csrf": token_of(new), "credential": answer}
    assert 403 == new.post("/login/passkey", data=form, headers=foreign).status_code


def test_options_say_nothing_of_users(browser: Browser, device: Device):
    """Whoever is not signed in does not learn who has a passkey."""
    del device
    options = ask(browser())

    assert not options.get("allowCredentials")
    assert "required" == options["userVerification"]
    assert options["challenge"] != ask(browser())["challenge"]
