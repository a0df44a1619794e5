"""The node's modes on the page and by the API: who is told of findings, and when."""

import httpx
import pytest

from hilum.eligibility import Reason
from hilum.encode.forms import FORMS
from hilum.language import Message
from hilum.records import audit, reviews
from hilum.records.accounts import Role
from hilum.records.states import State
from hilum.settings import NodeMode
from hilum.web.context import WebContext
from page_studies import Shown, add_read, arrive, chest, settle
from web_context import Page, add_token, csrf_in

pytestmark = pytest.mark.orthanc

SILENT, AUDIT, LIVE = NodeMode
TELLING = ("is-positive", 'class="bar', 'class="score"', "data-maps", ">0.", "ai=1")


@pytest.fixture
def operator(page: Page) -> httpx.Client:
    """Return the browser of an operator."""
    return page.signed_in(Role.OPERATOR, "olga")


def program(page: Page, role: Role) -> httpx.Client:
    """Return a program with a token."""
    client = page.browser()
    client.headers["Authorization"] = f"Bearer {add_token(page.web, f'of.{role}', role)}"
    return client


def objects(web: WebContext) -> int:
    """Return how many objects the PACS holds."""
    size = web.pacs.size()
    assert size is not None
    return size.objects


def on_the_page(shown: Shown) -> tuple[str, ...]:
    """Return where the page tells of the findings of an image."""
    forms = (f"{shown.at}/reading.{name}" for name in FORMS)
    return (f"{shown.at}/maps.json", *forms)


def by_the_api(shown: Shown) -> tuple[str, ...]:
    """Return where the API does."""
    image = f"/api/v1/images/{shown.image}"
    forms = (f"{image}/reading.{name}" for name in FORMS)
    return (*(f"{image}/{part}" for part in ("reading", "findings", "reviews")), *forms)


def give(client: httpx.Client, shown: Shown, **fields: str) -> None:
    """Give a review by the form that the page shows."""
    text = client.get(shown.path).text
    key = text.partition('name="key" value="')[2].partition('"')[0]
    answer = client.post(f"{shown.at}/review", data={"csrf": csrf_in(text), "key": key, **fields})
    assert 303 == answer.status_code, answer.text


def test_silent_results_are_for_operators_alone(web, page, reader, operator):
    """A reader gets "not found" at every address; an operator finds the study by its mode."""
    shown = add_read(web, chest(), mode=SILENT)
    mine = program(page, Role.OPERATOR)
    theirs = program(page, Role.READER)

    assert {404} == {reader.get(path).status_code for path in (shown.path, *on_the_page(shown))}
    assert {404} == {theirs.get(path).status_code for path in by_the_api(shown)}
    assert shown.study not in reader.get("/?mode=silent&state=stored&q=phantom").text
    assert [] == theirs.get("/api/v1/studies?mode=silent").json()["studies"]
    assert [] == theirs.get("/api/v1/jobs").json()["jobs"]
    assert 403 == reader.get("/rollout").status_code

    assert shown.study not in operator.get("/").text
    assert shown.study in operator.get("/?mode=silent").text
    assert "is-positive" in operator.get(shown.path).text
    (line,) = mine.get("/api/v1/studies?mode=silent").json()["studies"]
    assert ("silent", shown.study) == (line["mode"], line["study_instance_uid"])
    assert {200} == {mine.get(path).status_code for path in by_the_api(shown)}
    (report,) = mine.get("/api/v1/rollout").json()
    assert ({"stored": 1}, "silent") == (report["ended"], report["mode"])
    assert "Positive per 100 images" in operator.get("/rollout").text


def test_rollout_says_in_words_why_images_were_not_analyzed(web, page):
    """In the language of whoever looks."""
    shown = arrive(web, chest())
    reason = Reason("modality", Message("Modality {value} is not supported", value="CT"))
    settle(web, shown, State.REFUSED, reasons=(reason,))
    looks = page.signed_in(Role.OPERATOR, "olga", "pt-BR")

    assert "(Modalidade CT não é suportada 1)" in " ".join(looks.get("/rollout").text.split())


def test_audit_findings_are_told_after_a_review_of_ones_own(web, page, reader):
    """Not by asking; the review is unaided and stays out of the PACS."""
    shown = add_read(web, chest(), mode=AUDIT)
    other = page.signed_in(Role.READER, "bo")
    before = objects(web)
    row = reader.get("/").text
    text = reader.get(f"{shown.path}?ai=1").text
    main = text.partition("<main")[2].partition("</main>")[0]

    assert [] == [each for each in TELLING if each in main]
    assert "AI findings are shown after your own review" in row
    assert "is-positive" not in row
    assert {404} == {reader.get(path).status_code for path in on_the_page(shown)}
    theirs = program(page, Role.READER)
    assert {404} == {theirs.get(path).status_code for path in by_the_api(shown)}
    give(reader, shown, **{"answer.Effusion": "absent"})

    assert "is-positive" in reader.get(shown.path).text
    assert 200 == reader.get(f"{shown.at}/maps.json").status_code
    assert 404 == other.get(f"{shown.at}/maps.json").status_code
    assert shown.image not in other.get("/reviews.csv").text
    assert before == objects(web)
    with web.database.look() as connection:
        (given,) = reviews.on_image(connection, web.archive, shown.job.uids)
    assert (True, AUDIT) == (given.unaided, given.mode)


def test_every_page_says_the_mode_and_who_set_it_is_written_down(web, operator, reader):
    """With the report of what was done before it."""
    add_read(web, chest())
    assert "mode-notice" not in operator.get("/").text
    form = {"csrf": csrf_in(operator.get("/settings").text), "name": "node.mode"}
    assert 303 == operator.post("/settings", data={**form, "value": "silent"}).status_code

    for client, words in ((operator, "shown to operators only"), (reader, "is not shown")):
        for path in ("/", "/reviews", "/account", "/nowhere"):
            text = client.get(path).text
            assert "Silent mode" in text, path
            assert words in text, path
    with web.database.look() as connection:
        trail = [each.line for each in audit.lines(connection)]
    (changed,) = [each for each in trail if each.action == "setting.changed"]
    (report,) = [each for each in trail if each.action == "mode.reported"]
    assert ("olga", "silent", "live") == (
        changed.actor,
        changed.detail["value"],
        changed.detail["was"],
    )
    assert ("live", 1) == (report.detail["mode"], report.detail["stored"])


def test_an_unknown_mode_is_refused(operator):
    """With the ones that there are."""
    form = {"csrf": csrf_in(operator.get("/settings").text), "name": "node.mode"}
    answer = operator.post("/settings", data={**form, "value": "loud"})

    assert 409 == answer.status_code
    assert "silent" in answer.text
