"""The worklist over 100,000 studies, and the study page of the real radiograph.

Server time is an HTTP request of somebody who is signed in; the browser's is Chromium's
first contentful paint, and for the study the moment when every pixel and map is drawn.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from statistics import median
from time import perf_counter

import data_store
import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from pydicom import dcmread

from bench.many_studies import STUDIES, fill
from bench.row import Row, median_ms
from bench.scale import searches
from browser.viewer import launch
from hilum.records import Database, worklist
from hilum.records.accounts import Role
from hilum.records.worklist import WorklistFilter
from hilum.web.app import create_app, serving
from hilum.web.context import WebContext
from hilum.web.sessions import SESSION_COOKIE, cookie_name
from orthanc_server import running_orthanc
from page_studies import add_read, demonstration, installed, tools_here
from postgresql_server import running_postgresql
from web_context import begin_session, open_web_context


def questions(database: Database, kind: str) -> Iterator[Row]:
    """Measure each question to the records."""
    for what, wanted in searches(STUDIES, datetime.now(UTC)).items():
        with database.look() as connection:
            spent = median_ms(
                lambda w=wanted: worklist.page(connection, "own", w, size=50), repeats=7
            )
        yield Row(f"{kind}: {what}, of 100,000 studies", spent, "ms", limit=300)
    with database.look() as connection:
        last = worklist.page(connection, "own", WorklistFilter(), size=50)[1]
        for _ in range(3):
            last = worklist.page(connection, "own", WorklistFilter(), size=50, after=last)[1]
        spent = median_ms(
            lambda: worklist.page(connection, "own", WorklistFilter(), size=50, after=last)
        )
        yield Row(f"{kind}: a later page", spent, "ms", limit=100)
        counted = median_ms(lambda: worklist.counts(connection, "own"), repeats=7)
        yield Row(f"{kind}: the counts above it", counted, "ms", limit=150)


def client_of(web: WebContext, url: str) -> httpx.Client:
    """Return somebody who is signed in."""
    cookies = {
        cookie_name(SESSION_COOKIE, web.settings.page): begin_session(web, "ana", Role.READER)
    }
    return httpx.Client(base_url=url, cookies=cookies, headers={"accept": "text/html"}, timeout=60)


@contextmanager
def browser() -> Iterator[Browser]:
    """Yield a headless Chromium."""
    with sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


def new_tab(opened: Browser, web: WebContext, url: str, client: httpx.Client) -> Page:
    """Return a tab of somebody who is signed in, with nothing cached."""
    context = opened.new_context(viewport={"width": 1440, "height": 900})
    name = cookie_name(SESSION_COOKIE, web.settings.page)
    context.add_cookies([{"name": name, "value": client.cookies[name], "url": url}])
    return context.new_page()


PAINTED = """() => new Promise((done) => {
  const look = () => {
    const entry = performance.getEntriesByName("first-contentful-paint")[0];
    entry ? done(entry.startTime) : setTimeout(look, 5);
  };
  look();
})"""


def painted_ms(opened: Browser, web: WebContext, client: httpx.Client, url: str) -> float:
    """Return Chromium's first contentful paint of a page, of five tabs without a cache."""
    times = []
    for _ in range(5):
        tab = new_tab(opened, web, url, client)
        tab.goto(url, wait_until="domcontentloaded")
        times.append(float(tab.evaluate(PAINTED)))
        tab.context.close()
    return median(times)


def ready_ms(opened: Browser, web: WebContext, client: httpx.Client, url: str) -> float:
    """Return when a study's pixels and maps are drawn, of five tabs without a cache."""
    times = []
    for _ in range(5):
        tab = new_tab(opened, web, url, client)
        began = perf_counter()
        tab.goto(url, wait_until="commit")
        tab.wait_for_selector('[data-ready="yes"]', timeout=30_000)
        times.append((perf_counter() - began) * 1000)
        tab.context.close()
    return median(times)


def own_assets() -> float:
    """Return the size of all our scripts and styles, in kilobytes."""
    folder = files("hilum.web").joinpath("static")
    return sum(len(each.read_bytes()) for each in folder.iterdir() if each.is_file()) / 1000


def rows() -> Iterator[Row]:
    """Measure."""
    yield Row("own scripts, styles and icons of the page", own_assets(), "kB", limit=400)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = demonstration(Path(folder)).changed("page", port=0)
        opened = stack.enter_context(browser())
        with open_web_context(Path(folder), settings=settings, models=installed) as web:
            fill(web.database)
            yield from questions(web.database, "SQLite")
            with serving(create_app(web), web.settings.page) as url:
                client = stack.enter_context(client_of(web, url))
                yield Row("worklist, the server's answer", median_ms(lambda: client.get("/")), "ms")
                painted = painted_ms(opened, web, client, f"{url}/")
                yield Row("worklist, first contentful paint", painted, "ms", limit=500)
        pacs = stack.enter_context(running_orthanc(Path(folder) / "orthanc"))
        with open_web_context(
            Path(folder) / "study",
            pacs,
            settings=settings,
            models=installed,
            tools=tools_here(settings),
        ) as web:
            (path,) = Path(data_store.__file__).parent.rglob("RG1_UNCR.dcm")
            shown = add_read(web, dcmread(path))
            with serving(create_app(web), web.settings.page) as url:
                client = stack.enter_context(client_of(web, url))
                address = f"{url}{shown.path}"
                painted = painted_ms(opened, web, client, address)
                yield Row("study page of RG1, first contentful paint", painted, "ms", limit=1000)
                ready = ready_ms(opened, web, client, address)
                yield Row("study page of RG1, all pixels and maps drawn", ready, "ms", limit=1200)
    with running_postgresql() as server, Database(server.new_database()) as database:
        fill(database)
        yield from questions(database, "PostgreSQL")
