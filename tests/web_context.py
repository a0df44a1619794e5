"""A web for tests of the page: a real database, people who are signed in, no node."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from pydantic import SecretStr

from databases import sqlite_at
from hilum.pacs.credentials import PacsAddress
from hilum.records import Database, access, accounts, audit
from hilum.records.accounts import Role
from hilum.settings import Settings
from hilum.web.app import create_app, serving
from hilum.web.context import WebContext
from hilum.web.sessions import SESSION_COOKIE, cookie_name
from orthanc_server import OrthancServer

PASSWORD = "correct horse battery"  # noqa: S105
ARCHIVE = "own"
NOWHERE = PacsAddress("http://127.0.0.1:9", None, None, "HILUM", "127.0.0.1", 9)
"""A PACS that is not there: the discard port."""

QUICKLY = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Passwords of tests cost nothing to hash and to check; `test_accounts` has the real cost."""


@contextmanager
def open_web_context(
    folder: Path, pacs: OrthancServer | None = None, page: dict[str, Any] | None = None, **more: Any
) -> Iterator[WebContext]:
    """Yield a web with a new database in `folder`."""
    address = NOWHERE
    if pacs is not None:
        secret = SecretStr(pacs.password)
        address = PacsAddress(pacs.url, pacs.username, secret, "HILUM", "127.0.0.1", 1)
    settings = more.pop("settings", None) or Settings(data_folder=folder)
    settings = settings.changed("page", **{"port": 0} | (page or {}))
    with (
        address.orthanc(timeout_s=10) as orthanc,
        Database(sqlite_at(folder / "hilum.sqlite")) as database,
    ):
        yield WebContext(settings, database, ARCHIVE, address, orthanc, **more)


def add_user(web: WebContext, name: str, role: Role, password: str = "") -> None:
    """Add a user; a password is only hashed where a test needs one."""
    kept = QUICKLY.hash(password) if password else ""
    with web.database.transaction() as connection:
        accounts.add(connection, name, role, password_hash=kept, now=datetime.now(UTC))


def begin_session(web: WebContext, name: str, role: Role) -> str:
    """Sign somebody in, whom this makes if need be; return what their cookie says."""
    with web.database.look() as connection:
        known = accounts.find(connection, name)
    if known is None:
        add_user(web, name, role)
    with web.database.transaction() as connection:
        return access.begin_session(connection, name, now=datetime.now(UTC))


def add_token(
    web: WebContext,
    name: str,
    role: Role,
    expires: datetime | None = None,
    now: datetime | None = None,
) -> str:
    """Return a token of somebody who may do as much, whom this makes if need be."""
    with web.database.look() as connection:
        known = accounts.find(connection, f"owner.{role}")
    if known is None:
        add_user(web, f"owner.{role}", role)
    with web.database.transaction() as connection:
        return access.add_token(
            connection, name, f"owner.{role}", role, expires=expires, now=now or datetime.now(UTC)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """The page, served on a free port, and the browsers that look at it."""

    web: WebContext
    url: str
    opened: ExitStack = field(default_factory=ExitStack)

    def browser(self, language: str = "en") -> httpx.Client:
        """Return somebody's browser, who has not signed in."""
        headers = {"accept": "text/html,*/*;q=0.8", "accept-language": language}
        return self.opened.enter_context(
            httpx.Client(base_url=self.url, headers=headers, timeout=30)
        )

    def signed_in(self, role: Role, name: str = "", language: str = "en") -> httpx.Client:
        """Return the browser of somebody who has that role."""
        client = self.browser(language)
        secret = begin_session(self.web, name or f"some.{role}", role)
        client.cookies.set(cookie_name(SESSION_COOKIE, self.web.settings.page), secret)
        return client


@contextmanager
def open_page(web: WebContext) -> Iterator[Page]:
    """Serve what is at the web."""
    with serving(create_app(web), web.settings.page) as url, ExitStack() as opened:
        yield Page(web, url, opened)


def csrf_in(page: str) -> str:
    """Return the token that a page's forms carry."""
    found = re.search(r'name="csrf" (?:content|value)="([^"]+)"', page)
    assert found, "the page has no form token"
    return found[1]


def token_of(client: httpx.Client, path: str = "/login") -> str:
    """Return the form token of whoever uses this browser, from a page they may see."""
    return csrf_in(client.get(path, follow_redirects=True).text)


def held_off(attempt: Callable[[], httpx.Response]) -> httpx.Response:
    """Return the first answer that says to wait: on a slow machine the first wait has passed."""
    answers = (attempt() for _ in range(12))
    return next(answer for answer in answers if answer.status_code == httpx.codes.TOO_MANY_REQUESTS)


def trail(web: WebContext) -> list[tuple[str, str]]:
    """Return who did what, in order."""
    with web.database.look() as connection:
        return [(each.line.actor, each.line.action) for each in audit.lines(connection)]
