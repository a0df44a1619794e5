"""The research export as an operator does it: find, look, decide; then the command writes it."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from browser.page.conftest import Tabs
from export_tools import KEY, export, only_image
from hilum.export.key import image_word
from hilum.export.sources import NodeSource
from hilum.records.accounts import Role
from hilum.records.releases import ExportQuery
from hilum.web.context import WebContext
from page_studies import arrive, chest, read

pytestmark = pytest.mark.browser


def test_operator_finds_looks_and_decides(web: WebContext, tabs: Tabs, tmp_path: Path) -> None:
    """By mouse and by keys; what is released leaves, what is kept back is counted."""
    days = ("20230105", "20240102", "20240301")
    images = [chest(number) for number in range(len(days))]
    for image, day in zip(images, days, strict=True):
        image.StudyDate, image.PatientID = day, f"MRN-{day}"
    shown = {image.SOPInstanceUID: read(web, image, arrive(web, image)) for image in images}

    tab = tabs.open(Role.OPERATOR, "/operations")
    tab.get_by_role("link", name="Research export").click()
    expect(tab.locator(".sheet li")).to_have_count(3)
    tab.get_by_label("from", exact=True).fill("2024-01-01")
    tab.get_by_role("button", name="Search").press("Enter")
    expect(tab.locator(".sheet li")).to_have_count(2)
    pictures = tab.locator(".sheet img")
    for n in range(2):
        pictures.nth(n).scroll_into_view_if_needed()
        tab.wait_for_function("n => document.images[n].naturalWidth > 0", arg=n)
    decided = []
    for n, button in enumerate(("Release selected", "Keep selected back")):
        box = tab.get_by_role("checkbox", name=f"Image {n + 1}")
        box.focus()
        box.press("Space")
        decided.append(str(box.get_attribute("value")).split()[2])
        tab.get_by_role("button", name=button).press("Enter")
        expect(tab.get_by_role("status")).to_have_text("1 image decided.")
    expect(tab.locator(".sheet .badge")).to_have_text(["released", "kept back"])

    source = NodeSource(web.database, web.archive, web.pacs, ExportQuery("20240101"), 1 << 30)
    _, why = export(source, tmp_path / "out", web.database, web.settings)
    said = json.loads((tmp_path / "out" / "manifest.json").read_text())
    path, _ = only_image(tmp_path / "out")

    assert ["", "kept_back"] == why
    assert (True, {"kept_back": 1}) == (said["complete"], said["withheld"])
    assert image_word(KEY, shown[decided[0]].job.uids) == path.stem
