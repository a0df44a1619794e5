"""The worklist over 100,000 studies, and the study page of the real radiograph.

Server time is an HTTP request of somebody who is signed in; the browser's is Chromium's
first contentful paint, and for the study the moment when every pixel and map is drawn.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from statistics import median
from time import perf_counter

import data_store
import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from pydicom import dcmread

from bench.row import Row, median_ms
from hilum.records import Database, worklist
from hilum.records.accounts import Role
from hilum.records.states import State, Urgency
from hilum.records.studies import URGENCIES, words
from hilum.records.tables import IMAGE, STUDY, STUDY_FINDING, STUDY_WORD
from hilum.records.worklist import WorklistFilter
from hilum.web.app import create_app, serving
from hilum.web.context import WebContext
from hilum.web.sessions import SESSION_COOKIE, cookie_name

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from orthanc_server import running_orthanc
from page_studies import add_read, demonstration, installed, tools_here
from postgresql_server import running_postgresql
from web_context import begin_session, open_web_context

STUDIES = 100_000
FAMILIES = [
    a + b
    for a in ("SIL", "SAN", "OLI", "SOU", "ROD", "FER", "ALV", "PER", "LIM", "GOM")
    for b in ("VA", "TOS", "VEIRA", "ZA", "RIGUES", "REIRA", "ES", "EIRA", "A", "ES DE SÁ")
]
GIVEN = [
    "MARIA",
    "JOSÉ",
    "ANA",
    "JOÃO",
    "ANTÔNIO",
    "FRANCISCA",
    "CARLOS",
    "ADRIANA",
    "PAULO",
    "EVA",
]
LABELS = ["Effusion", "Cardiomegaly", "Lung Opacity", "Nodule", "Mass", "Pneumothorax", "Hernia"]
SHARES = [0.18, 0.22, 0.3, 0.08, 0.04, 0.03, 0.002]


def fill(database: Database, count: int = STUDIES) -> None:
    """Write down studies as a busy year leaves them."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    for start in range(0, count, 5000):
        rows, spoken, found, image = [], [], [], []
        for n in range(start, min(start + 5000, count)):
            uid = f"1.2.826.0.1.{n}"
            name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)} {chance.choice(GIVEN)}"
            patient, accession = f"{chance.randrange(10**7):07}", f"A{n:08}"
            arrived = now - timedelta(minutes=5 * (count - n))
            positive = [
                label
                for label, share in zip(LABELS, SHARES, strict=True)
                if chance.random() < share
            ]
            fresh = n > count - 400
            state = State.STORED if chance.random() < 0.97 else State.REFUSED
            urgency = Urgency.URGENT if chance.random() < 0.02 else Urgency.ROUTINE
            findings = [[label, 0.5 + chance.random() / 2, True] for label in positive]
            findings += [
                [label, chance.random() / 2, False] for label in LABELS if label not in positive
            ]
            rows.append(
                {
                    "archive": "own",
                    "study_instance_uid": uid,
                    "patient_name": name,
                    "patient_id": patient,
                    "issuer": "",
                    "whole_name": name,
                    "birth_date": "19600101",
                    "sex": "F",
                    "accession_number": accession,
                    "study_date": f"{arrived:%Y%m%d}",
                    "study_time": f"{arrived:%H%M%S}",
                    "description": "RX TORAX PA",
                    "arrived": arrived,
                    "changed": arrived,
                    "rank": URGENCIES.index(urgency) if fresh else 3,
                    "due": arrived + timedelta(minutes=60 if positive else 240),
                    "urgency": urgency,
                    "state": state,
                    "reasons": [] if state is State.STORED else [["not_frontal", "a lateral view"]],
                    "images": 1,
                    "positives": len(positive),
                    "findings": findings[:6],
                    "model": {
                        "name": "m",
                        "version": "1",
                        "verified": True,
                        "demonstration": False,
                    },
                    "cover": f"{uid}.1",
                    "cover_series": f"{uid}.0",
                    "reviewed": None if fresh else arrived,
                }
            )
            key = {"archive": "own", "study_instance_uid": uid}
            spoken += [{**key, "word": word} for word in words(name, patient, accession)]
            found += [{**key, "label": label} for label in positive]
            image.append(
                {
                    **key,
                    "series_instance_uid": f"{uid}.0",
                    "sop_instance_uid": f"{uid}.1",
                    "reference": f"i{n}",
                    "urgency": urgency,
                    "state": state,
                    "reasons": [],
                    "results": [],
                    "run": 1,
                    "attempts": 1,
                    "lost": 0,
                    "arrived": arrived,
                }
            )
        with database.transaction() as connection:
            connection.execute(STUDY.insert(), rows)
            connection.execute(STUDY_WORD.insert(), spoken)
            connection.execute(STUDY_FINDING.insert(), found)
            connection.execute(IMAGE.insert(), image)
    with database.transaction() as connection:
        connection.exec_driver_sql("ANALYZE")


QUESTIONS = {
    "first page": WorklistFilter(),
    "a name that two thousand have": WorklistFilter(text="silva"),
    "two beginnings that thousands have": WorklistFilter(text="mar s"),
    "an accession number": WorklistFilter(text="a00077777"),
    "nobody": WorklistFilter(text="zzz"),
    "a finding that a third have": WorklistFilter(finding="Lung Opacity"),
    "a rare finding": WorklistFilter(finding="Hernia"),
    "a state": WorklistFilter(state=State.REFUSED),
    "a day": WorklistFilter(since="20260601", until="20260601"),
    "name, finding and state": WorklistFilter(text="silva", finding="Effusion", state=State.STORED),
}


def questions(database: Database, kind: str) -> Iterator[Row]:
    """Measure each question to the records."""
    for what, wanted in QUESTIONS.items():
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
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
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
