"""Settings on the page: what holds, where it comes from, and what operators may change."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hilum.records import audit
from hilum.records.accounts import Role
from hilum.settings import NEXT_START, Settings
from hilum.settings.telemetry import LogFormat
from hilum.telemetry.logs import StandardError, get_log
from hilum.web.context import WebContext
from hilum.web.node_settings import EDITABLE
from web_context import Page, csrf_in, open_page, open_web_context


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebContext]:
    """Return a web whose settings file is empty."""
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    with open_web_context(tmp_path) as made:
        yield made


@pytest.fixture
def page(web: WebContext) -> Iterator[Page]:
    """Return its page."""
    with open_page(web) as made:
        yield made


def change(client: httpx.Client, name: str, value: str) -> httpx.Response:
    """Submit the form of one setting."""
    token = csrf_in(client.get("/settings").text)
    return client.post("/settings", data={"csrf": token, "name": name, "value": value})


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("node.keep_days", "30", 30.0),
        ("report.language", "pt-BR", "pt-BR"),
        ("node.forward_images", "true", True),
        ("node.forward_to", "peer:A, modality:B ,", ("peer:A", "modality:B")),
        ("alerts.critical_findings", "", ()),
        ("alerts.quiet_hours", "22:00-06:00", "22:00-06:00"),
        ("alerts.quiet_hours", "", None),
        ("gate.min_side", "300", 300),
        ("gate.unknown_view", "refuse", "refuse"),
        ("worklist.ineligible", "hide", "hide"),
        (
            "worklist.wait_minutes",
            "Pneumothorax 5, Lung Opacity 90",
            {"Pneumothorax": 5, "Lung Opacity": 90},
        ),
    ],
)
def test_a_change_holds_at_once_and_after_a_start(page: Page, web: WebContext, name, value, kept):
    """And the audit trail says who made it."""
    client = page.signed_in(Role.OPERATOR)
    done = change(client, name, value)
    section, field = name.split(".")
    later = Settings.load(data_folder=web.settings.data_folder)

    assert 303 == done.status_code
    assert kept == getattr(getattr(later, section), field)
    assert name in NEXT_START or kept == getattr(getattr(web.settings.current(), section), field)
    with web.database.look() as connection:
        (line,) = [e.line for e in audit.lines(connection) if e.line.action == "setting.changed"]
    assert ("some.operator", name) == (line.actor, line.detail["setting"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("node.keep_days", "-1"),
        ("node.keep_days", "soon"),
        ("report.language", "de"),
        ("alerts.quiet_hours", "all day"),
        ("page.host", "192.0.2.1"),
        ("pacs.open_to_any_aet", "true"),
        ("alerts.urls", "json://example.org"),
        ("nonsense", "1"),
        ("worklist.ineligible", "maybe"),
        ("worklist.wait_minutes", "Pneumothorax soon"),
        ("node.forward_to", "OTHER"),
        ("gate.min_side", "0"),
        ("node.__class__", "1"),
    ],
)
def test_what_cannot_be_set_changes_nothing(page: Page, web: WebContext, name: str, value: str):
    """Neither a wrong value, nor what would open the node or holds a secret."""
    assert 409 == change(page.signed_in(Role.OPERATOR), name, value).status_code
    assert not (web.settings.data_folder / "page-settings.json").exists()


def test_a_setting_goes_back_to_its_default_at_once(page: Page, web: WebContext):
    """In the process whose settings were loaded while it was set, too."""
    client = page.signed_in(Role.OPERATOR)
    change(client, "node.keep_days", "30")
    running = Settings.load(data_folder=web.settings.data_folder)
    change(client, "node.keep_days", "")

    assert (365.0, 365.0) == (
        running.current().node.keep_days,
        web.settings.current().node.keep_days,
    )


def test_what_waits_for_the_next_start_says_so(page: Page, web: WebContext):
    """The page names the value that holds until then."""
    client = page.signed_in(Role.OPERATOR)
    change(client, "node.forward_images", "true")

    assert not web.settings.current().node.forward_images
    assert (
        "Applies after a restart of the node. Current value: false" in client.get("/settings").text
    )


def test_the_settings_file_and_the_environment_are_stronger(
    page: Page, web: WebContext, monkeypatch: pytest.MonkeyPatch
):
    """Where they say something, the page says so and offers no change."""
    client = page.signed_in(Role.OPERATOR)
    change(client, "node.keep_days", "30")
    monkeypatch.setenv("HILUM_NODE__KEEP_DAYS", "7")
    shown = client.get("/settings").text

    assert 7.0 == Settings.load(data_folder=web.settings.data_folder).current().node.keep_days
    assert "environment variable" in shown
    assert 'name="name" value="node.keep_days"' not in shown


def test_no_secret_is_shown(page: Page):
    """Nor are settings shown to anybody but operators."""
    shown = page.signed_in(Role.OPERATOR).get("/settings").text

    assert all(name in shown for name in EDITABLE)
    assert "pacs.password" in shown
    assert "SecretStr" not in shown
    assert 403 == page.signed_in(Role.READER).get("/settings").status_code
    assert 403 == page.signed_in(Role.READER).get("/settings/audit").status_code


def test_the_audit_trail_is_shown_and_that_is_written_down(page: Page):
    """The newest first."""
    client = page.signed_in(Role.OPERATOR)
    change(client, "node.keep_days", "30")
    first, second = (client.get("/settings/audit").text for _ in range(2))

    assert "setting.changed" in first
    assert "audit.viewed" in second
    assert second.index("audit.viewed") < second.index("setting.changed")


def test_the_log_is_shown_and_that_is_written_down(page: Page):
    """The newest first, and to operators alone."""
    assert 403 == page.signed_in(Role.READER).get("/settings/log").status_code
    logger, handler = logging.getLogger("hilum.shown"), StandardError(LogFormat.TEXT)
    logger.addHandler(handler)
    for event in ("first.event", "second.event"):
        get_log(logger.name).warning(event)
    logger.removeHandler(handler)
    client = page.signed_in(Role.OPERATOR)
    change(client, "node.keep_days", "30")
    shown = client.get("/settings/log").text

    assert "log.viewed" in client.get("/settings/audit").text
    assert shown.index("second.event") < shown.index("first.event")


def test_a_damaged_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With what to do."""
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path))
    (tmp_path / "page-settings.json").write_text("{", "utf-8")
    with pytest.raises(Exception, match=r"page-settings\.json of the data folder is damaged"):
        Settings.load()
    (tmp_path / "page-settings.json").write_text(json.dumps({"node": {"keep_days": 3}}), "utf-8")

    assert 3 == Settings.load().node.keep_days
