"""One browser and one OHIF for all tests of this folder; a new tab for each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from pydicom import Dataset

from browser.ohif_server import RELEASES, running_ohif
from browser.viewer import WINDOW, Viewer, launch
from orthanc_server import OrthancServer, lacking
from radiographs import dicom_file

expect.set_options(timeout=30_000)
"""As long as a tab waits: the first review in a process loads what encodes it."""


@pytest.fixture(scope="session")
def releases(orthanc: OrthancServer) -> Iterator[dict[str, str]]:
    """Return the addresses of both releases of OHIF, which show what lies in `orthanc`."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(running_ohif(orthanc, dist))
            for name, dist in RELEASES.items()
            if (dist / "index.html").is_file()
        }


@pytest.fixture(scope="session", params=["current"])
def ohif(request: pytest.FixtureRequest, releases: dict[str, str]) -> str:
    """Return the address of OHIF: the current release, or each where `EACH_RELEASE` asks."""
    if request.param not in releases:
        lacking(f"OHIF ({request.param} release) is not installed: run scripts/ohif.sh")
    return releases[request.param]


@pytest.fixture(scope="session")
def chromium(releases: dict[str, str]) -> Iterator[Browser]:
    """Return a headless Chromium."""
    del releases  # end after the browser, so that no request is cut off
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_tab(chromium: Browser, ohif: str) -> Iterator[Callable[[], Viewer]]:
    """Return a maker of tabs; all share one profile, which keeps OHIF's code compiled."""
    context = chromium.new_context(viewport=WINDOW)
    yield lambda: Viewer(context.new_page(), ohif)
    context.close()


@pytest.fixture
def tab(open_tab: Callable[[], Viewer]) -> Iterator[Viewer]:
    """Return a tab in which something may go wrong."""
    viewer = open_tab()
    yield viewer
    viewer.page.close()


@pytest.fixture
def viewer(tab: Viewer) -> Iterator[Viewer]:
    """Return a tab in which nothing may go wrong, not even unseen."""
    yield tab
    assert [] == tab.complaints


@pytest.fixture
def store(empty_orthanc: OrthancServer) -> Callable[..., None]:
    """Return a function that stores instances in the empty PACS."""

    def put(*instances: Dataset) -> None:
        with empty_orthanc.client() as orthanc:
            for instance in instances:
                orthanc.request("POST", "/instances", content=dicom_file(instance))

    return put
