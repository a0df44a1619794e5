"""A radiologist's quarter of an hour: ten studies reviewed by keyboard alone, on a real node.

The table in docs/page.md is what this counts: ``HILUM_WRITE_DOCS=1 pytest`` with this file.
"""

import os
import re
import signal
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from pydicom import Dataset

from hilum.phantom import make
from hilum.runtime.waits import wait_until
from hilum_up import LONG_S, Running, Up
from orthanc_server import free_ports, require
from radiographs import dicom_file
from web_context import token_of

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[3] / "docs" / "page.md"
BEGINS, ENDS = "<!-- quarter of an hour -->\n", "<!-- end -->\n"

LANGUAGES = {"en-US": "Not analyzed", "pt-BR": "Não analisada"}
"""Locale → how the page of the refused image is headed."""

STUDIES = 11
"""Ten to review, and one that is refused, which is none of them."""


def word(locale: str) -> str:
    """Return the name of the persons whose studies are reviewed in a language: each has its own."""
    return f"TURNO{locale[:2].upper()}"


def turn(locale: str, number: int) -> Dataset:
    """Return the image of one study: the last is a lateral view, the first two are one person's."""
    seed = 100 * (1 + [*LANGUAGES].index(locale)) + number
    image = make(seed, findings=["effusion"] if number % 2 else None, size=384).dataset
    image.PatientName = f"{word(locale)}^{max(1, number):02}"
    image.PatientID = f"{locale[:2]}{max(1, number):02}"
    if number <= 1:
        image.PatientBirthDate, image.PatientSex = "19700101", "F"
        image.PatientAge, image.StudyDate = "055Y", f"2026010{number + 1}"
    if number == STUDIES - 1:
        image.ViewPosition = "LL"
    return image


@dataclass
class Node:
    """A node that runs, with its page."""

    url: str
    password: str


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Return the page of `hilum demo`, to which the studies were sent, once all are settled."""
    require("Orthanc")
    require("storescu")
    folder = tmp_path_factory.mktemp("turn")
    up = Up(folder, *free_ports(2), model="demonstration")
    running = Running(up, "demo", "--page")
    try:
        said = running.banner
        (url,) = re.findall(r"page +(http://\S+:\d+)", said)
        (port,) = re.findall(r"port (\d+) of this machine", said)
        password = Path(re.findall(r"user admin, password in (\S+)", said)[0]).read_text().strip()
        paths = {
            folder / f"{locale}{number}.dcm": turn(locale, number)
            for locale in LANGUAGES
            for number in range(STUDIES)
        }
        for path, image in paths.items():
            path.write_bytes(dicom_file(image))
        subprocess.run(["storescu", "127.0.0.1", port, *map(str, paths)], check=True)
        with httpx.Client(base_url=url, follow_redirects=True, timeout=LONG_S) as client:
            form = {"csrf": token_of(client), "name": "admin", "password": password}
            client.post("/login", data=form).raise_for_status()
            wait_until(
                lambda: client.get(
                    "/api/v1/studies", params={"text": "turno", "limit": len(paths)}
                ).json()["studies"],
                lambda found: (
                    len(found) == len(paths)
                    and {each["state"] for each in found} == {"stored", "refused"}
                ),
                timeout_s=LONG_S,
                every_s=0.2,
            )
        yield Node(url, password)
    finally:
        running.end(signal.SIGTERM)


@dataclass
class Keyboard:
    """Presses keys, and counts them and the seconds that each study took the page."""

    tab: Page
    began: float = field(default_factory=monotonic)
    pressed: list[str] = field(default_factory=list)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.tab.keyboard.press(key)
            self.pressed.append(key)

    def taken(self) -> tuple[str, float]:
        """Return the keys and seconds since the last call."""
        keys, seconds = " ".join(self.pressed), monotonic() - self.began
        self.pressed, self.began = [], monotonic()
        return keys, seconds


def reviews_shown(tab: Page, count: int) -> None:
    """Wait until the page shows so many reviews, and is as it was loaded with them."""
    expect(tab.locator("#reviews .given")).to_have_count(count)
    expect(tab.locator("[data-stage]")).to_have_attribute("data-ready", "yes")
    expect(tab.locator("[data-review] .opinion :checked")).to_have_count(0)


def review(keyboard: Keyboard, seen: Collection[str]) -> str:
    """Review the study that is open, as one of a kind that was not seen yet; return the kind."""
    tab = keyboard.tab
    expect(tab.locator("[data-stage]")).to_have_attribute("data-ready", "yes")
    if not tab.locator(".pick").count():
        return "refused"
    others = tab.locator('.strip a[href*="/studies/"]:not([href*="image="])')
    kind = "prior" if others.count() else min(("wrong", "changed"), key=lambda k: k in seen)
    kind = "agreed" if kind in seen and kind != "prior" else kind
    before = tab.locator("#reviews .given").count()
    keyboard.press(*(["a"] if kind == "wrong" else []), "r", "e")
    reviews_shown(tab, before + 1)
    if kind == "changed":
        keyboard.press("a", "e")
        reviews_shown(tab, before + 2)
    return kind


KINDS = {
    "agreed": "agreed with",
    "prior": "agreed with, a prior beside it",
    "wrong": "one finding wrong",
    "changed": "a changed mind: two reviews",
    "refused": "not analyzed: the reason is read",
}


@pytest.mark.parametrize("locale", LANGUAGES)
def test_ten_studies_are_reviewed_by_keys_alone(node: Node, chromium: Browser, locale: str) -> None:
    """Six keys at most a study; nothing is typed into the page by a key that means something."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, locale=locale)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(f"{node.url}/login")
    tab.fill("[name=name]", "admin")
    tab.fill("[name=password]", node.password)
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"{node.url}/")
    tab.goto(f"{node.url}/?q={word(locale)}")
    expect(tab.locator("a.open")).to_have_count(STUDIES)
    keyboard = Keyboard(tab)
    keyboard.press("j", "Enter")
    tab.wait_for_url("**/studies/**")
    keyboard.taken()
    rows: dict[str, list[tuple[str, float]]] = {}
    for _ in range(STUDIES):
        tab.wait_for_url("**/studies/**")
        here = tab.url
        kind = review(keyboard, rows)
        if kind == "refused":
            expect(tab.get_by_role("heading", name=LANGUAGES[locale])).to_be_visible()
        keyboard.press("n")
        tab.wait_for_url(lambda url, here=here: url.partition("#")[0] != here.partition("#")[0])
        rows.setdefault(kind, []).append(keyboard.taken())
    expect(tab.locator("a.open")).to_have_count(STUDIES)
    context.close()

    assert [] == complaints
    assert set(KINDS) == set(rows)
    assert STUDIES - 1 == sum(len(each) for kind, each in rows.items() if kind != "refused")
    assert 6 >= max(len(keys.split()) for each in rows.values() for keys, _ in each)
    told(rows, write=os.environ.get("HILUM_WRITE_DOCS") == "1" and locale == "en-US")


def told(rows: dict[str, list[tuple[str, float]]], *, write: bool) -> None:
    """Compare the table in docs/page.md with what was counted, but for the seconds; or write it."""
    lines = [
        "| study | studies | keys | pressed | seconds, the page's own |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, title in KINDS.items():
        keys = rows[kind][0][0]
        seconds = [each for _, each in rows[kind]]
        span = f"{min(seconds):.1f}–{max(seconds):.1f}"
        lines.append(f"| {title} | {len(seconds)} | {len(keys.split())} | `{keys}` | {span} |")
    text = DOCS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGINS)
    table, _, after = rest.partition(ENDS)
    made = "\n".join(lines) + "\n"
    if write:
        DOCS.write_text(before + BEGINS + made + ENDS + after, encoding="utf-8")
        return
    seconds = re.compile(r"[^|]+\|$", re.MULTILINE)
    assert seconds.sub("", table) == seconds.sub("", made)
