"""Sign-in, operations, files, people and OHIF in a browser: what a person does there."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from anatomy_masks import found
from browser.ohif_server import RELEASES
from browser.page.conftest import LOOKS, Tabs
from browser.people import Look, forget_session
from browser.viewer import HUES, PATIENCE_MS
from hilum.eligibility import Reason
from hilum.encode import anatomy_objects
from hilum.records import images
from hilum.records.accounts import Role
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.tables import SESSION
from hilum.settings import ReportSettings
from hilum.web.context import NodeCheck, WebContext
from image_names import image_uids
from orthanc_server import OrthancServer, lacking
from page_studies import add_read, chest, open_demonstration
from radiographs import dicom_file, make_radiograph
from web_context import PASSWORD, add_user

pytestmark = pytest.mark.browser


PAGES = (
    "/operations",
    "/rollout",
    "/points",
    "/export",
    "/files",
    "/settings",
    "/settings/audit",
    "/settings/log",
    "/users",
    "/account",
    "/account/second-factor",
    "/confirm",
    "/missing",
)

READ = {
    "model": {"name": "demonstration", "version": "2", "demonstration": True},
    "readings": [
        {
            "status": "read",
            "reasons": [{"code": "unknown_view", "text": "nothing tells the view"}],
            "findings": [
                {"label": "Mass", "raw": 0.9, "operating_point": 0.1, "score": 0.94, "positive": 1},
                {"label": "Edema", "raw": 0.1, "operating_point": 0.4, "score": 0.1, "positive": 0},
            ],
            "pixels": {"pipeline": "display", "rows": 9, "columns": 8, "decisions": []},
            "seconds": {"predict": 0.05},
        }
    ],
}


def read_file(_file: bytes, _name: str) -> Mapping[str, Any]:
    """Find a mass in everything."""
    return READ


@pytest.fixture
def web(tmp_path: Path, empty_orthanc: OrthancServer) -> Iterator[WebContext]:
    """Return a web with failures, refusals and a problem, over a real PACS."""
    with open_demonstration(
        tmp_path,
        empty_orthanc,
        read_file=read_file,
        health=lambda: (
            NodeCheck("PACS", True, "answers"),
            NodeCheck("disk", False, "full", "Free space."),
        ),
        retry=len,
    ) as made:
        ends = (
            Settlement(State.FAILED, (Reason("pacs", "the PACS answered HTTP 503"),)),
            Settlement(State.REFUSED, (Reason("not_frontal", "not a frontal view"),)),
            Settlement(State.STORED, (), ("1.9",)),
        )
        now = datetime.now(UTC)
        with made.database.transaction() as connection:
            for number, end in enumerate(ends):
                uid = f"1.2.{number}"
                new = Arrived(made.archive, image_uids(uid, "1.2"), uid, None, Urgency.ROUTINE, now)
                job = images.arrived(connection, new)
                assert job is not None
                images.begin(connection, job, now)
                images.settle(connection, job, end, now)
        yield made


def fits(tab: Page) -> bool:
    """Return whether nothing lies beside the window."""
    root = "document.documentElement"
    return bool(tab.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"))


def sign_in(tab: Page, name: str, password: str) -> None:
    """Fill in the form by its labels, as a person reads them."""
    tab.get_by_label("User name").fill(name)
    tab.get_by_label("Password").fill(password)
    tab.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("look", LOOKS[1:], ids=str)
def test_every_page_is_accessible_and_fits_the_screen(
    tabs: Tabs, violations: Callable[[Page], list[str]], look: Look
) -> None:
    """In both themes and languages, from a phone to a web; axe-core objects to nothing."""
    found = {}
    for path in PAGES:
        tab = tabs.open(Role.OPERATOR, path, look)
        expect(tab.locator("main")).to_be_visible()
        found[path] = [*violations(tab), *([] if fits(tab) else ["wider than the window"])]
    forget_session(tab)
    tab.goto(f"{tabs.url}/login")
    found["/login"] = [*violations(tab), *([] if fits(tab) else ["wider than the window"])]
    tabs.complaints[:] = [said for said in tabs.complaints if "404" not in said]

    assert {path: [] for path in (*PAGES, "/login")} == found


def test_somebody_signs_in_and_out(tabs: Tabs, web: WebContext) -> None:
    """A wrong password says so and keeps the way back; after signing out nothing is left."""
    add_user(web, "ana", Role.VIEWER, PASSWORD)
    tab = tabs.open(Role.VIEWER, "/login")
    forget_session(tab)
    tab.goto(f"{tabs.url}/operations")
    sign_in(tab, "ana", "wrong")
    expect(tab.get_by_role("alert")).to_have_text("User name or password is wrong.")
    tabs.complaints.clear()  # the browser tells of the 401
    sign_in(tab, "ana", PASSWORD)
    tab.wait_for_url("**/operations")

    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Sign out").click()
    tab.wait_for_url("**/login")
    tab.go_back()

    expect(tab.get_by_label("Password")).to_be_visible()


def test_a_session_that_ended_leads_back_where_one_was(tabs: Tabs, web: WebContext) -> None:
    """After the next sign-in."""
    add_user(web, "ana", Role.VIEWER, PASSWORD)
    tab = tabs.open(Role.VIEWER, "/operations")
    tab.goto("about:blank")
    with web.database.transaction() as connection:
        connection.execute(SESSION.update().values(seen=datetime.now(UTC) - timedelta(days=1)))
    tab.goto(f"{tabs.url}/operations?asked=2")
    sign_in(tab, "ana", PASSWORD)

    tab.wait_for_url("**/operations?asked=2")


def test_theme_and_language_are_changed_by_the_user(tabs: Tabs) -> None:
    """And stay so on the next page."""
    tab = tabs.open(Role.VIEWER, "/operations")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = tab.evaluate(ground)
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Light").click()
    tab.locator(".menu summary").click()
    tab.get_by_role("button", name="Português").click()
    expect(tab.get_by_role("heading", name="Falhas")).to_be_visible()
    tab.goto(f"{tabs.url}/account")

    expect(tab.get_by_role("heading", name="Alterar senha")).to_be_visible()
    assert dark != tab.evaluate(ground)


def test_the_keyboard_alone_is_enough(tabs: Tabs) -> None:
    """Skip link first; the menu opens by Enter, closes by Escape, and focus comes back."""
    tab = tabs.open(Role.VIEWER, "/operations")
    tab.keyboard.press("Tab")
    expect(tab.get_by_text("Skip to content")).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator("main")).to_be_focused()
    menu = tab.locator(".menu summary")
    menu.focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
    tab.keyboard.press("Escape")

    expect(tab.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_failure_is_retried_with_one_click(tabs: Tabs) -> None:
    """It is said how many will be read again."""
    tab = tabs.open(Role.OPERATOR, "/operations")
    tab.get_by_role("button", name="Retry", exact=True).click()

    expect(tab.get_by_role("status")).to_have_text("1 image will be read again.")


def test_operations_renew_themselves(tabs: Tabs, web: WebContext) -> None:
    """Without a hand."""
    tab = tabs.open(Role.VIEWER, "/operations")
    expect(tab.locator(".tile", has_text="Images waiting")).to_contain_text("0")
    new = Arrived(
        web.archive, image_uids("7.7", "7"), "7", None, Urgency.ROUTINE, datetime.now(UTC)
    )
    with web.database.transaction() as connection:
        images.arrived(connection, new)

    expect(tab.locator(".tile", has_text="Images waiting")).to_contain_text("1", timeout=30_000)


def test_files_are_dropped_and_lie_in_the_pacs(
    tabs: Tabs, empty_orthanc: OrthancServer, tmp_path: Path
) -> None:
    """Each with the outcome of it, and the way to the worklist."""
    image, text = tmp_path / "chest.dcm", tmp_path / "notes.txt"
    image.write_bytes(dicom_file(make_radiograph()))
    text.write_text("no image")
    tab = tabs.open(Role.OPERATOR, "/files")
    tab.locator('[data-drop="/files/send"] input').set_input_files([image, text])

    expect(tab.locator(".sent .good")).to_contain_text("1 sent")
    expect(tab.locator(".sent .bad")).to_contain_text("This is not a DICOM file.")
    expect(tab.get_by_role("link", name="Watch them arrive in the worklist")).to_be_visible()
    with empty_orthanc.client() as orthanc:
        assert 1 == len(orthanc.json("GET", "/instances"))


def test_a_file_is_tried(tabs: Tabs, empty_orthanc: OrthancServer, radiograph_file: Path) -> None:
    """Findings, the strongest first, and that this is the demonstration; nothing is stored."""
    tab = tabs.open(Role.READER, "/files")
    tab.locator('[data-drop="/files/try"] input').set_input_files(radiograph_file)

    expect(tab.locator(".tried tbody tr").first).to_contain_text("Mass")
    expect(tab.locator(".tried tr.positive")).to_have_count(1)
    expect(tab.locator(".tried")).to_contain_text("DEMONSTRATION")
    expect(tab.locator(".tried")).to_contain_text("nothing tells the view")
    with empty_orthanc.client() as orthanc:
        assert [] == orthanc.json("GET", "/instances")


@pytest.fixture
def ohif_of_the_page() -> None:
    """Skip where the page has no OHIF to serve."""
    if not (RELEASES["current"] / "index.html").is_file():
        lacking("OHIF is not installed: run scripts/ohif.sh")


@pytest.mark.usefixtures("ohif_of_the_page")
def test_ohif_opens_a_study_with_the_pages_session(
    tabs: Tabs, empty_orthanc: OrthancServer
) -> None:
    """Under its strict policy: nothing is refused, nobody else is asked."""
    image = make_radiograph()
    with empty_orthanc.client() as orthanc:
        orthanc.store(dicom_file(image))
    tab = tabs.open(Role.VIEWER, f"/ohif/viewer?StudyInstanceUIDs={image.StudyInstanceUID}")

    tab.wait_for_selector("canvas.cornerstone-canvas", timeout=60_000)
    expect(tab.locator(".viewport-overlay").first).to_contain_text("Chest PA", timeout=60_000)


@pytest.mark.usefixtures("ohif_of_the_page")
def test_ohif_opens_with_the_regions_and_leads_back(web: WebContext, tabs: Tabs) -> None:
    """From the study page: the outline is there, and a link to the worklist."""
    tab = tabs.open(Role.VIEWER, add_read(web, chest()).path)
    tab.click("text=Open in OHIF")
    tab.wait_for_selector(".svg-layer polyline", timeout=60_000, state="attached")
    expect(tab.locator(".svg-layer")).to_contain_text("Pleural effusion score")
    tab.click("#hilum-back")
    tab.wait_for_url(f"{tabs.url}/")

    expect(tab.locator("[data-rows], table").first).to_be_visible()


@pytest.mark.usefixtures("ohif_of_the_page")
def test_ohif_opens_the_anatomy(tabs: Tabs, empty_orthanc: OrthancServer) -> None:
    """Each structure in its own colour, though a radiograph lies nowhere in the patient."""
    image = make_radiograph(Rows=320, Columns=288)
    when = datetime(2026, 1, 2, 10, 30, tzinfo=UTC)
    segmentation, _ = anatomy_objects(found(image), when=when, settings=ReportSettings())
    with empty_orthanc.client() as orthanc:
        for each in (image, segmentation):
            orthanc.store(dicom_file(each))
    series = f"initialSeriesInstanceUID={segmentation.SeriesInstanceUID}"
    address = f"/ohif/viewer?StudyInstanceUIDs={image.StudyInstanceUID}&{series}"
    tab = tabs.open(Role.VIEWER, address)

    tab.wait_for_function(HUES, arg=len(segmentation.SegmentSequence), timeout=PATIENCE_MS)
