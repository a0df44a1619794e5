"""The page over a real PACS and real readings, in a real browser."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from browser.people import Look, signed_in
from hilum.records.accounts import Role
from hilum.web.context import WebContext
from orthanc_server import OrthancServer
from page_studies import open_demonstration
from web_context import open_page

AXE = Path(__file__).parents[1] / "axe" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


DEFAULT = Look()

LOOKS = (
    Look(role=Role.READER),
    Look(theme="light", locale="pt-BR", role=Role.READER),
    Look((768, 1024), "light"),
    Look((360, 760), locale="pt-BR", role=Role.READER),
)
"""Both themes, both languages, both roles, and screens from a phone to a web."""


@dataclass
class Tabs:
    """Opens tabs of people who are signed in; whatever a tab complains of is kept."""

    chromium: Browser
    web: WebContext
    url: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, role: Role, path: str = "/", look: Look = DEFAULT) -> Page:
        """Return a tab at that address, of somebody with that role."""
        context = signed_in(self.chromium, self.web, self.url, replace(look, role=role))
        self.contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda said: self._hear(said.type, said.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("request", lambda asked: self._ask(asked.url))
        tab.set_default_timeout(30_000)
        tab.goto(f"{self.url}{path}", wait_until="domcontentloaded")
        return tab

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error":
            self.complaints.append(text)

    def _ask(self, url: str) -> None:
        if not url.startswith((self.url, "blob:", "data:")):
            self.strangers.append(url)


@pytest.fixture
def web(tmp_path: Path, empty_orthanc: OrthancServer) -> Iterator[WebContext]:
    """Return a web with the demonstration model and a real PACS."""
    with open_demonstration(tmp_path, empty_orthanc) as made:
        yield made


@pytest.fixture
def any_tabs(chromium: Browser, web: WebContext) -> Iterator[Tabs]:
    """Return tabs in which something may go wrong."""
    with open_page(web) as page:
        tabs = Tabs(chromium, web, page.url)
        yield tabs
        for context in tabs.contexts:
            context.close()


@pytest.fixture
def tabs(any_tabs: Tabs) -> Iterator[Tabs]:
    """Return tabs in which nothing may go wrong, not even unseen, and that call nobody else."""
    yield any_tabs
    assert [] == any_tabs.complaints
    assert [] == any_tabs.strangers


@pytest.fixture
def violations() -> Callable[[Page], list[str]]:
    """Return a function that lets axe-core look at a tab; it returns what it objects to."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: run scripts/axe.sh")
    script = AXE.read_text(encoding="utf-8")

    def look(tab: Page) -> list[str]:
        tab.evaluate(script)
        found = tab.evaluate(
            "async (tags) => (await axe.run(document, {runOnly: tags})).violations", list(RULES)
        )
        return [
            f"{each['id']}: {re.sub(r'  +', ' ', node['html'])[:160]}"
            for each in found
            for node in each["nodes"]
        ]

    return look
