"""The worklist in a browser: keys, search while typing, studies that arrive meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from browser.page.conftest import LOOKS, Tabs
from browser.people import Look
from hilum.eligibility import Reason
from hilum.records import studies
from hilum.records.accounts import Role
from hilum.records.states import State, Urgency
from hilum.web.context import WebContext
from page_studies import Shown, arrive, chest, invented, settle

pytestmark = pytest.mark.browser

NAMES = ("ÁVILA^BIA", "BRAUN^EVA", "BRANDT^UWE")


def study(web: WebContext, n: int, urgency: Urgency = Urgency.ROUTINE) -> Shown:
    """Let a phantom of another patient arrive."""
    image = chest(n + 1, ())
    image.PatientName, image.PatientID = NAMES[n], f"P{n}"
    return arrive(web, image, urgency=urgency)


@pytest.fixture
def three(web: WebContext) -> list[Shown]:
    """Return three studies: one was read, one failed, one waits."""
    shown = [study(web, n) for n in range(3)]
    settle(web, shown[0], State.STORED, reading=invented(Mass=0.91, Effusion=0.2))
    reasons = (Reason("not_frontal", "it is a lateral view"),)
    settle(web, shown[1], State.FAILED, reasons=reasons)
    return shown


def test_study_appears_while_one_looks(web: WebContext, tabs: Tabs, three: list[Shown]) -> None:
    """Without a hand, and an urgent one on top."""
    tab = tabs.open(Role.VIEWER)
    expect(tab.locator("[data-live]")).to_have_text("Live")
    settle(web, three[2], State.STORED, reading=invented(Pneumothorax=0.99))
    first = tab.locator("a.open").first
    for _ in range(20):  # whatever changed before the watch first looked is not told
        with web.database.transaction() as connection:
            studies.refresh(connection, web.archive, three[2].study, datetime.now(UTC))
        with suppress(AssertionError):
            expect(first).to_contain_text("BRANDT", timeout=1500)
            break

    expect(first).to_contain_text("Pneumothorax")


def test_new_study_is_counted_in_the_title(web: WebContext, tabs: Tabs, three: list[Shown]) -> None:
    """Of a tab that nobody looks at, until somebody does."""
    tab = tabs.open(Role.VIEWER)
    expect(tab.locator("a.open")).to_have_count(len(three))
    tab.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    image = chest(9, ())
    image.PatientName, image.PatientID = "NOVO^STUDY", "P9"
    shown = arrive(web, image)
    for _ in range(20):
        with web.database.transaction() as connection:
            studies.refresh(connection, web.archive, shown.study, datetime.now(UTC))
        with suppress(AssertionError):
            expect(tab).to_have_title("(1) Worklist · hilum", timeout=1500)
            break
    expect(tab).to_have_title("(1) Worklist · hilum")
    tab.evaluate(
        """() => {
          delete document.hidden;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )

    expect(tab).to_have_title("Worklist · hilum")


def test_search_follows_what_one_types(tabs: Tabs, three: list[Shown]) -> None:
    """The address keeps it; Escape takes it back."""
    tab = tabs.open(Role.VIEWER)
    tab.keyboard.press("/")
    tab.keyboard.type("bra")
    expect(tab.locator("a.open")).to_have_count(2)
    assert "q=bra" in tab.url
    tab.reload()
    expect(tab.locator("a.open")).to_have_count(2)
    tab.keyboard.press("Escape")

    expect(tab.locator("a.open")).to_have_count(len(three))
    assert "q=" not in tab.url


def test_filters_and_no_match(tabs: Tabs, three: list[Shown]) -> None:
    """A search that finds nothing says how to see all again."""
    tab = tabs.open(Role.VIEWER)
    tab.select_option("[name=state]", "failed")
    expect(tab.locator("a.open")).to_have_count(1)
    expect(tab.locator("a.open")).to_contain_text("it is a lateral view")
    tab.check("[name=urgent]")
    expect(tab.get_by_text("No study matches")).to_be_visible()
    tab.click("text=Show all studies")

    expect(tab.locator("a.open")).to_have_count(len(three))


def test_keys_alone_open_a_study_and_come_back(tabs: Tabs, three: list[Shown]) -> None:
    """Down, up, open; u goes back to the list as it was."""
    tab = tabs.open(Role.VIEWER, "/?q=p")
    expect(tab.locator("a.open")).to_have_count(len(three))
    for key in ("j", "j", "k"):
        tab.keyboard.press(key)
    assert tab.evaluate("document.activeElement.getAttribute('href')") == tab.locator(
        "a.open"
    ).first.get_attribute("href")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/studies/**")
    tab.keyboard.press("u")
    tab.wait_for_url("**/?q=p")

    expect(tab.locator("a.open")).to_have_count(len(three))


def test_help_lists_the_keys(tabs: Tabs, three: list[Shown]) -> None:
    """And closes by Escape, without clearing anything."""
    del three
    tab = tabs.open(Role.VIEWER, "/?q=bra")
    for _ in range(2):
        tab.keyboard.press("?")
        expect(tab.get_by_role("dialog")).to_be_visible()
        tab.click("dialog button")
        expect(tab.get_by_role("dialog")).to_be_hidden()
    tab.keyboard.press("?")
    expect(tab.get_by_role("dialog")).to_be_visible()
    tab.keyboard.press("Escape")

    expect(tab.get_by_role("dialog")).to_be_hidden()
    assert "bra" == tab.input_value("[name=q]")


def test_lost_connection_is_said(any_tabs: Tabs, three: list[Shown]) -> None:
    """And that hilum tries again."""
    del three
    tab = any_tabs.open(Role.VIEWER)
    expect(tab.locator("[data-live]")).to_have_text("Live")
    tab.context.set_offline(True)
    tab.fill("[name=q]", "bra")

    expect(tab.locator("[data-live]")).to_have_text("Not connected, trying again")
    tab.context.set_offline(False)
    tab.fill("[name=q]", "b")
    expect(tab.locator("[data-live]")).to_have_text("Live")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_everybody_can_use_it(
    tabs: Tabs, three: list[Shown], violations: Callable[[Page], list[str]], look: Look
) -> None:
    """axe-core objects to nothing, and nothing is wider than the screen."""
    tab = tabs.open(look.role, look=look)
    expect(tab.locator("a.open")).to_have_count(len(three))
    tab.wait_for_load_state("load")

    assert [] == violations(tab)
    assert look.size[0] >= tab.evaluate("document.documentElement.scrollWidth")


def test_empty_worklist_can_be_used(tabs: Tabs, violations: Callable[[Page], list[str]]) -> None:
    """It says what to do, and the first study appears."""
    tab = tabs.open(Role.VIEWER)
    expect(tab.get_by_text("No studies yet")).to_be_visible()

    assert [] == violations(tab)
