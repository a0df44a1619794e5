"""Passkeys in a real browser, with the authenticator that its developer tools simulate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Page, expect

from browser.people import Look, forget_session, signed_in
from hilum.records.accounts import Role
from hilum.records.tables import SESSION
from hilum.web.context import WebContext
from web_context import PASSWORD, add_user, open_page, open_web_context

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@dataclass
class Desk:
    """A tab of somebody whose computer keeps passkeys."""

    tab: Page
    url: str
    web: WebContext
    cdp: CDPSession
    authenticator: dict[str, str]
    complaints: list[str] = field(default_factory=list)

    def hear(self, said: ConsoleMessage) -> None:
        """Keep what the browser calls an error."""
        if said.type == "error":
            self.complaints.append(said.text)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.tab.goto(f"{self.url}{path}", wait_until="load")

    def press(self, name: str) -> None:
        """Use a button or link by keyboard."""
        found = self.tab.get_by_role("button", name=name, exact=True).or_(
            self.tab.get_by_role("link", name=name, exact=True)
        )
        found.first.press("Enter")

    def tell(self, method: str, **more: Any) -> dict[str, Any]:
        """Tell the simulated authenticator something."""
        answer: dict[str, Any] = self.cdp.send(f"WebAuthn.{method}", self.authenticator | more)
        return answer

    def add(self, title: str = "Desk") -> None:
        """Add a passkey."""
        self.open("/account/passkeys")
        self.tab.get_by_label("Name shown in the list").fill(title)
        self.press("Add a passkey")

    def sign_out(self) -> None:
        """Forget the session."""
        forget_session(self.tab)


@pytest.fixture
def desk(tmp_path: Path, chromium: Browser) -> Iterator[Desk]:
    """Return the tab of ana, who is signed in and has a password."""
    with open_web_context(tmp_path) as web, open_page(web) as page:
        add_user(web, "ana", Role.OPERATOR, PASSWORD)
        url = page.url.replace("127.0.0.1", "localhost")
        context = signed_in(chromium, web, url, Look(), "ana")
        tab = context.new_page()
        cdp = context.new_cdp_session(tab)
        cdp.send("WebAuthn.enable")
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        desk = Desk(tab, url, web, cdp, {"authenticatorId": made["authenticatorId"]})
        tab.on("console", desk.hear)
        tab.on("pageerror", lambda error: desk.complaints.append(str(error)))
        yield desk
        context.close()


def test_a_passkey_is_added_and_signs_in(desk: Desk):
    """By keyboard, without a password; recovery codes are shown once."""
    desk.add()
    expect(desk.tab.get_by_text("Keep these recovery codes")).to_be_visible()
    assert 10 == desk.tab.locator(".codes li").count()
    desk.press("Done")
    expect(desk.tab.get_by_role("row", name="Desk")).to_contain_text("never")
    desk.sign_out()
    desk.open("/login?next=/account")
    desk.press("Use a passkey")

    expect(desk.tab).to_have_url(f"{desk.url}/account")
    expect(desk.tab.get_by_role("row", name="Desk")).not_to_contain_text("never")
    assert [] == desk.complaints


def test_a_passkey_confirms_who_one_is(desk: Desk):
    """In place of the password, and leads back to where it was asked for."""
    desk.add()
    expect(desk.tab.get_by_text("Keep these recovery codes")).to_be_visible()
    with desk.web.database.transaction() as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=16)
        connection.execute(SESSION.update().values(confirmed=long_ago))
    desk.open("/users")
    desk.press("Use a passkey")

    expect(desk.tab).to_have_url(f"{desk.url}/users")


def test_a_device_that_does_not_know_its_user_signs_nobody_in(desk: Desk):
    """The page says so, and the same button works once it does."""
    desk.add()
    expect(desk.tab.get_by_text("Keep these recovery codes")).to_be_visible()
    desk.sign_out()
    desk.open("/login")
    desk.tell("setUserVerified", isUserVerified=False)
    desk.press("Use a passkey")
    expect(desk.tab.get_by_role("alert")).to_have_text(
        "No passkey was used. Try again, or use your password."
    )
    desk.tell("setUserVerified", isUserVerified=True)
    desk.press("Use a passkey")

    expect(desk.tab).to_have_url(f"{desk.url}/")


def test_a_device_keeps_one_passkey_of_a_user(desk: Desk):
    """A second one there is no second way in: the page says that it is there."""
    desk.add()
    expect(desk.tab.get_by_text("Keep these recovery codes")).to_be_visible()
    desk.add("Again")

    expect(desk.tab.get_by_role("alert")).to_have_text(
        "This device already has a passkey for your account."
    )


def test_a_copied_passkey_is_refused(desk: Desk):
    """The copy counts on from when it was made; the owner has signed in since."""
    desk.add()
    expect(desk.tab.get_by_text("Keep these recovery codes")).to_be_visible()
    (copy,) = desk.tell("getCredentials")["credentials"]
    desk.sign_out()
    desk.open("/login")
    desk.press("Use a passkey")
    expect(desk.tab).to_have_url(f"{desk.url}/")
    desk.tell("removeCredential", credentialId=copy["credentialId"])
    desk.tell("addCredential", credential=copy)
    desk.sign_out()
    desk.open("/login")
    desk.press("Use a passkey")

    expect(desk.tab.get_by_role("alert").first).to_contain_text("may have been copied")


def test_an_old_browser_is_told(desk: Desk):
    """It has no function to read the page's question with."""
    desk.tab.add_init_script("delete window.PublicKeyCredential")
    desk.add()

    expect(desk.tab.get_by_role("alert")).to_have_text("This browser is too old for passkeys.")


def test_the_pages_of_passkeys_are_for_everybody(
    desk: Desk, violations: Callable[[Page], list[str]]
):
    """Axe-core objects to nothing where one is added, listed and used, nor to a narrow screen."""
    desk.add()
    expect(desk.tab.get_by_text("Keep these recovery codes")).to_be_visible()
    desk.tab.set_viewport_size({"width": 360, "height": 760})
    objections, wide = [], []
    for path in ("/account", "/account/passkeys", "/confirm", "/login"):
        if path == "/login":
            desk.sign_out()
        desk.open(path)
        objections += violations(desk.tab)
        if desk.tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)

    assert [] == objections
    assert [] == wide
