"""The worklist as people get it: rows, filters, pages, live changes, in both languages."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from hilum.eligibility import Reason
from hilum.reading import SITE_PROBABILITY
from hilum.records import audit, studies, worklist
from hilum.records.accounts import Role
from hilum.records.states import State, Urgency
from hilum.records.tables import IMAGE
from hilum.web.context import NodeCheck, WebContext
from hilum.web.sessions import Visitor
from hilum.web.worklist import spoken
from page_studies import Shown, chest, demonstration, installed, invented, settle, write_down
from web_context import Page, csrf_in, open_web_context

SHOW = Path(__file__).parents[2] / "src" / "hilum" / "web"
NAMES = ("ÁVILA^BIA", "BRAUN^EVA", "<b>CHO</b>^MIN")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebContext]:
    """Return a web with the demonstration model, and a check that fails."""
    broken = NodeCheck("disk", ok=False, text="12 MB are free.", remedy="Free space.")
    with open_web_context(
        tmp_path, settings=demonstration(tmp_path), models=installed, health=lambda: [broken]
    ) as made:
        yield made


def study(web: WebContext, n: int, **facts: object) -> Shown:
    """Write a study down that no PACS has."""
    image = chest(1, ())
    image.PatientName, image.PatientID = NAMES[n % len(NAMES)], f"P{n}"
    image.StudyInstanceUID, image.SOPInstanceUID = f"1.2.{n}", f"1.2.{n}.1"
    at = datetime.now(UTC) - timedelta(minutes=60 - n)
    return write_down(web, image, f"i{n}", at=at, **facts)


@pytest.fixture
def viewer(page: Page) -> httpx.Client:
    """Return the browser of somebody who may only look."""
    return page.signed_in(Role.VIEWER)


def test_worklist_needs_somebody(anybody):
    """Rows, events and pictures too."""
    for path in ("/", "/worklist/rows", "/worklist/live", "/studies/1.2", "/reviews"):
        answer = anybody.get(path)
        assert (303, True) == (answer.status_code, "/login" in answer.headers["location"]), path


def test_empty_worklist_says_what_to_do(viewer):
    """And names the model with its stamp."""
    text = viewer.get("/").text

    assert "No studies yet" in text
    assert "DEMONSTRATION" in text
    assert "Research use only" in text


def test_study_shows_the_calibrated_probability_of_this_site(web, viewer):
    """Beside the score of the one finding that has it, and in the API under its whole name."""
    reading = invented(Effusion=0.91, Mass=0.2)
    entry = reading.document["readings"][0]["findings"][0]
    entry[SITE_PROBABILITY] = {"value": 0.341, "low": 0.25, "high": 0.45, "images": 412}
    settle(web, study(web, 1), State.STORED, reading=reading)
    text = viewer.get("/studies/1.2.1").text
    found = viewer.get("/api/v1/images/1.2.1.1/findings").json()

    assert 1 == text.count("calibrated probability at this site (n=412): 0.34")
    assert [412, None] == [
        each[SITE_PROBABILITY] and each[SITE_PROBABILITY]["images"] for each in found
    ]


def test_row_says_who_what_and_how_urgent(web, viewer):
    """The urgent study first, its findings with their scores, never as a probability."""
    study(web, 0)
    shown = study(web, 1, urgency=Urgency.URGENT)
    settle(web, shown, State.STORED, reading=invented(Effusion=0.4999999, Mass=0.91))
    text = viewer.get("/").text

    assert text.index("BRAUN, EVA") < text.index("ÁVILA, BIA")
    assert ">STAT</strong>" in text
    assert 'aria-label="Mass 0.91"' in text
    assert 'aria-label="Pleural effusion 0.49"' in text
    assert "model not verified" in text
    assert "not a probability" in text
    assert 'href="/studies/1.2.1"' in text


def test_age_is_that_at_the_date_of_the_image(web, viewer):
    """The page says what a refusal says: 13 at the acquisition, not 25 at the study's date."""
    image = chest(1, ())
    image.PatientBirthDate, image.PatientAge = "19980101", ""
    image.AcquisitionDate, image.StudyDate = "20110601", "20230601"
    shown = write_down(web, image, "i1")

    assert " 13 y" in viewer.get("/").text
    assert " 13 y" in viewer.get(f"/studies/{shown.study}").text


@pytest.mark.parametrize("state", [State.REFUSED, State.FAILED])
def test_what_was_not_read_says_why(web, viewer, state):
    """In the row itself."""
    reason = Reason("not_frontal", "not a frontal view: View Position is LL")
    settle(web, study(web, 0), state, reasons=(reason,))
    text = viewer.get(f"/?state={state}").text

    assert "View Position is LL" in text
    assert f"state-{state}" in text


def test_what_was_not_analyzed_is_counted_apart(web, viewer):
    """One click away; what may have been a chest radiograph is said; nothing of it is due."""
    settle(web, study(web, 0), State.REFUSED, reasons=(Reason("modality", "CT"),))
    settle(web, study(web, 1), State.REFUSED, reasons=(Reason("value_range", "all is black"),))
    alone = viewer.get("/").text
    study(web, 2)
    text = viewer.get("/").text

    assert "No study to review" in alone
    assert "No studies yet" not in alone
    assert "1 not reviewed · 1 total" in text
    assert '<a href="/?state=refused">2 not analyzed</a>' in text
    assert "1 of them possibly a chest radiograph" in text
    assert "overdue" not in viewer.get("/?state=refused").text


def test_studies_that_are_no_chest_can_be_hidden(web, viewer):
    """By setting: neither a filter nor a search shows them; a possible chest is still shown."""
    object.__setattr__(web, "settings", web.settings.changed("worklist", ineligible="hide"))
    settle(web, study(web, 0), State.REFUSED, reasons=(Reason("modality", "CT"),))
    settle(web, study(web, 1), State.REFUSED, reasons=(Reason("value_range", "all is black"),))

    for address in ("/?state=refused", "/?q=p"):
        text = viewer.get(address).text
        assert ("P0" in text, "P1" in text) == (False, True), address
    assert ">1 not analyzed<" in text


def test_held_study_says_what_it_waits_for(web, viewer):
    """Whoever waits knows why."""
    shown = study(web, 0)
    with web.database.transaction() as connection:
        connection.execute(IMAGE.update().values(state=State.HELD))
        studies.refresh(connection, web.archive, shown.study, datetime.now(UTC))

    assert "no usable model yet" in viewer.get("/").text


def test_names_are_text(web, viewer):
    """Whatever a sender puts into a name is shown, not run."""
    study(web, 2)
    text = viewer.get("/").text

    assert "<b>CHO" not in text
    assert "&lt;b&gt;CHO" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "avi"}, ["P0"]),
        ({"q": "p1"}, ["P1"]),
        ({"q": "nobody"}, []),
        ({"state": "stored"}, ["P1"]),
        ({"finding": "Mass"}, ["P1"]),
        ({"urgent": "1"}, ["P0"]),
        ({"state": "no such state"}, ["P0", "P1", "P2"]),
        ({"since": "1999-01-01", "until": "1999-01-02"}, []),
    ],
)
def test_filters_of_the_form(web, viewer, query, found):
    """Each by its name in the address."""
    study(web, 0, urgency=Urgency.URGENT)
    settle(web, study(web, 1), State.STORED, reading=invented(Mass=0.91))
    study(web, 2)
    text = viewer.get("/worklist/rows", params=query).text

    assert found == [name for name in ("P0", "P1", "P2") if f">{name} ·" in text]
    assert bool(found) != ("No study matches" in text)


def test_pages_go_on(web, viewer):
    """Until the last one, keeping the search."""
    small = web.settings.changed("worklist", page_size=10)
    object.__setattr__(web, "settings", small)
    for n in range(23):
        study(web, n)
    seen, address = [], "/?q=p"
    while address:
        text = viewer.get(address).text
        seen += [n for n in range(23) if f'href="/studies/1.2.{n}"' in text]
        following = text.partition('rel="next" href="')[2].partition('"')[0]
        address = following.replace("&amp;", "&")

    assert list(range(23)) == sorted(seen)


def test_numbers_of_studies_end_somewhere(web, viewer, monkeypatch):
    """Beyond that the page says that there are more."""
    monkeypatch.setattr(worklist, "MOST", 2)
    for n in range(2):
        study(web, n)
    assert "2 not reviewed · 2 total" in viewer.get("/").text

    study(web, 2)
    assert "2+ not reviewed · 2+ total" in viewer.get("/").text


def test_open_page_is_told_how_many_arrived_since(web, viewer):
    """They are what the title of a tab counts, and what a sound is played for."""
    begun = viewer.get("/").text.partition('data-begun="')[2].partition('"')[0]
    write_down(web, chest(1, ()), "i1", at=datetime.now(UTC))
    query = {"begun": begun}

    assert 'data-arrived="1"' in viewer.get("/worklist/rows", params=query).text
    assert 'data-arrived="0"' in viewer.get("/").text
    assert 422 == viewer.get("/worklist/rows", params={"begun": "inf"}).status_code


def test_nonsense_in_the_address_is_not_understood(viewer):
    """It is said, and nothing breaks."""
    assert 422 == viewer.get("/?after=nonsense").status_code
    assert 200 == viewer.get("/?since=yesterday&finding=%00x").status_code


def test_troubles_of_the_node_are_told(viewer):
    """With what to do."""
    text = viewer.get("/worklist/notices").text

    assert "12 MB are free." in text
    assert "Free space." in text


def test_change_is_told_to_whoever_looks(web, page):
    """By one event, within seconds."""
    told: list[str] = []
    opened = threading.Event()

    def listen() -> None:
        client = page.signed_in(Role.VIEWER, "listener")
        with client.stream("GET", "/worklist/live", timeout=30) as answer, closing(answer):
            for line in answer.iter_lines():
                told.append(line)
                if "event: open" in line:
                    opened.set()
                if "event: changed" in line:
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    assert opened.wait(20)
    # the watch looks first when somebody listens: change until one is told
    for n in range(20):
        study(web, n)
        listener.join(1)
        if not listener.is_alive():
            break

    assert not listener.is_alive()
    assert "event: changed" in told[-1]


def test_others_see_who_reads_a_study(web, page):
    """In the list and on its page; the reader does not; it ends when they leave."""
    shown = study(web, 0)
    ana, bo = page.signed_in(Role.READER, "ana"), page.signed_in(Role.READER, "bo")
    path = f"/studies/{shown.study}/claim/live"
    token = {"X-CSRF-Token": csrf_in(ana.get(f"/studies/{shown.study}").text)}

    assert "ana is reading it" in bo.get("/").text
    assert "ana is reading it" not in ana.get("/").text
    assert "<strong data-claimed-by>ana</strong>" in bo.get(f"/studies/{shown.study}").text
    assert {"other": ""} == ana.post(path, headers=token).json()
    assert 204 == ana.delete(path, headers=token).status_code
    assert "is reading it" not in bo.get("/").text
    unknown = ana.post("/studies/9.9/claim/live", headers=token)
    assert {"other": ""} == unknown.json()


def test_viewer_claims_nothing(web, page, viewer):
    """Who gives no review is in nobody's way."""
    shown = study(web, 0)
    viewer.get(f"/studies/{shown.study}")

    assert "is reading it" not in page.signed_in(Role.READER).get("/").text


def test_portuguese_reads_as_written(web, page):
    """States, findings and numbers too."""
    settle(web, study(web, 1), State.STORED, reading=invented(Mass=0.91))
    text = page.signed_in(Role.VIEWER, language="pt-BR").get("/").text

    assert '<html lang="pt-BR"' in text
    for words in (
        "Lista de trabalho",
        "Massa 0,91",
        "Analisada",
        "não é probabilidade",
        "DEMONSTRAÇÃO",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("score", "positive", "said"),
    [(0.4999, False, "0.49"), (0.5, True, "0.50"), (0.999, True, "1.00"), (0.0, False, "0.00")],
)
def test_scores_never_cross_the_operating_point(score, positive, said):
    """Rounding makes no finding positive."""
    assert said == spoken(score, positive=positive, who=Visitor("", None, ""))


def test_a_search_is_in_the_trail_by_its_attributes(page: Page, web: WebContext):
    """Once for each in a session, and never with what was searched for."""
    client = page.signed_in(Role.VIEWER)
    for address in ("/", "/?q=Doe", "/?q=Doe", "/?q=Roe&state=stored", "/?after="):
        client.get(address)
    with web.database.look() as connection:
        told = [each.line.detail for each in audit.lines(connection)]

    assert [
        {"by": "page", "attributes": ["q"]},
        {"by": "page", "attributes": ["q", "state"]},
    ] == told
