"""Self-test and drift on the operations page, in a browser."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.page.conftest import LOOKS, Tabs
from browser.page.test_frame import fits
from browser.people import Look
from drifting import drifted, was_tested
from hilum.records.accounts import Role
from hilum.records.constancy import SelfTestEnd, SelfTestState
from hilum.settings import Settings
from hilum.web.context import WebContext
from web_context import open_web_context

pytestmark = pytest.mark.browser

ALARM = SelfTestEnd(
    SelfTestState.ALARM, "stand-in 2", ("Mass: raw 0.3, was 0.2: changed by +0.1",), 0.1
)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebContext]:
    """Return a web after an alarm, and with scores that shifted."""
    settings = Settings(data_folder=tmp_path).changed(
        "constancy", drift_least_images=50, drift_reference_images=100
    )
    now = datetime.now(UTC)
    with open_web_context(tmp_path, settings=settings) as made:
        with made.database.transaction() as connection:
            was_tested(connection, made.archive, ALARM, now)
            drifted(connection, made.archive, moved=2.5, now=now)
        yield made


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_alarms_are_accessible_and_fit_the_screen(
    tabs: Tabs, violations: Callable[[Page], list[str]], look: Look
) -> None:
    """In both themes and languages, from a phone to a web."""
    tab = tabs.open(Role.VIEWER, "/operations", look)
    expect(tab.locator("#self-test .badge")).to_be_visible()

    assert 9 == tab.locator("#drift .shift").count()
    assert [] == violations(tab)
    assert fits(tab)


def test_link_above_leads_to_what_moved(tabs: Tabs) -> None:
    """On a small screen the panel is far below."""
    tab = tabs.open(Role.VIEWER, "/operations", LOOKS[-1])
    panel = tab.locator("#self-test")
    expect(panel).not_to_be_in_viewport()
    tab.locator(".notice a[href='#self-test']").click()

    expect(panel).to_be_in_viewport()
    expect(panel).to_contain_text("changed by +0.1")
