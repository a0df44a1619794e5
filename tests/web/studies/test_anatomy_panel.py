"""The anatomy on the study page."""

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import httpx
import pytest

from anatomy_masks import found
from hilum.encode import anatomy_document
from hilum.language import Message
from hilum.records import anatomies
from hilum.records.accounts import Role
from hilum.records.job import Job
from hilum.web.context import WebContext
from hilum.web.sessions import READING_COOKIE, ReadingMode
from orthanc_server import OrthancServer
from page_studies import Shown, add_read, chest, open_demonstration
from radiographs import make_radiograph
from web_context import Page, open_page, token_of, trail


@pytest.fixture
def queued() -> list[Job]:
    """Return the images whose anatomy was asked for."""
    return []


@pytest.fixture
def web(tmp_path: Path, empty_orthanc: OrthancServer, queued: list[Job]):
    """Return a web whose settings let anatomy be asked for."""

    def take(job: Job) -> bool:
        queued.append(job)
        return True

    with open_demonstration(tmp_path, empty_orthanc, ask_anatomy=take) as made:
        yield made


def keep(web: WebContext, shown: Shown, *, fails: str = "") -> None:
    """Write the anatomy of an image down, as a node does."""
    with web.database.transaction() as connection:
        anatomies.ask(connection, shown.job, datetime.now(UTC))
        if fails:
            anatomies.failed(connection, shown.job, Message(fails))
        else:
            document = anatomy_document(found(make_radiograph(Rows=320, Columns=288)))
            said = [
                Message(
                    "Cardiothoracic ratio {ratio:.2f}, not above the limit of {limit:.2f} for PA "
                    "images.",
                    ratio=0.5,
                    limit=0.5,
                )
            ]
            anatomies.measured(connection, shown.job, document, said, [("1.2.3", "stored")])


def test_button_asks_for_it(web: WebContext, shown: Shown, reader: httpx.Client, queued: list[Job]):
    """A reader's click queues it once, and is in the audit trail."""
    before = reader.get(shown.path).text
    answer = reader.post(f"{shown.at}/anatomy", data={"csrf": token_of(reader, shown.path)})

    assert "Measure heart and lungs" in before
    assert httpx.codes.SEE_OTHER == answer.status_code
    assert [shown.job] == queued
    assert ("ana", "anatomy.asked") in trail(web)


def test_viewer_sees_it_and_cannot_ask(page: Page, shown: Shown, queued: list[Job]):
    """Who may only look is told that it is not measured."""
    viewer = page.signed_in(Role.VIEWER)
    text = viewer.get(shown.path).text
    answer = viewer.post(f"{shown.at}/anatomy", data={"csrf": token_of(viewer, shown.path)})

    assert "Not measured." in text
    assert "Measure heart and lungs" not in text
    assert httpx.codes.FORBIDDEN == answer.status_code
    assert [] == queued


def test_ratio_and_widths_are_shown(web: WebContext, shown: Shown, reader: httpx.Client):
    """In words, with both widths, and as lines for the picture."""
    keep(web, shown)
    text = reader.get(shown.path).text

    assert "Cardiothoracic ratio 0.50, not above the limit of 0.50 for PA images." in text
    assert "92 mm" in text
    assert "184 mm" in text
    assert "data-anatomy=" in text
    assert "NOT VERIFIED" in text
    assert "Measure heart and lungs" not in text


def test_it_is_said_in_the_readers_language(page: Page, web: WebContext, shown: Shown):
    """Numbers and words."""
    keep(web, shown)
    text = page.signed_in(Role.READER, "bia", language="pt-BR").get(shown.path).text

    assert "Índice cardiotorácico 0,50, não acima do limite de 0,50" in text
    assert "Coração, maior largura" in text


def test_failure_is_shown_and_can_be_asked_again(
    web: WebContext, shown: Shown, reader: httpx.Client
):
    """Why, and the button."""
    keep(web, shown, fails="its job ended without a result")
    text = reader.get(shown.path).text

    assert "its job ended without a result" in text
    assert "Measure heart and lungs" in text


def test_waiting_is_said(web: WebContext, shown: Shown, reader: httpx.Client):
    """Somebody asked already."""
    with web.database.transaction() as connection:
        anatomies.ask(connection, shown.job, datetime.now(UTC))

    assert "The anatomy is being measured." in reader.get(shown.path).text


def test_panel_that_waits_is_brought_up_to_date(
    web: WebContext, shown: Shown, reader: httpx.Client
):
    """By the address that it names, without its page."""
    with web.database.transaction() as connection:
        anatomies.ask(connection, shown.job, datetime.now(UTC))
    (address,) = re.findall(r'data-waiting="([^"]+)"', reader.get(shown.path).text)
    before = reader.get(unescape(address)).text
    keep(web, shown)
    after = reader.get(unescape(address)).text

    assert "data-waiting" in before
    assert "<html" not in before
    assert "data-waiting" not in after
    assert "Cardiothoracic ratio 0.50" in after


def test_api_tells_it(web: WebContext, shown: Shown, reader: httpx.Client):
    """Nothing before anybody asked; then how far it is, and what was measured."""
    path = f"/api/v1/images/{shown.image}/anatomy"
    unknown = reader.get(path)
    keep(web, shown)
    told = reader.get(path).json()

    assert httpx.codes.NOT_FOUND == unknown.status_code
    assert ("measured", "", ["1.2.3"]) == (told["state"], told["why"], told["results"])
    assert 0.5 == told["document"]["cardiothoracic_ratio"]
    assert told["said"][0].startswith("Cardiothoracic ratio 0.50")


def test_switched_off_there_is_no_row(tmp_path: Path, empty_orthanc: OrthancServer):
    """Nothing on the page, and the address answers no."""
    with open_demonstration(tmp_path / "off", empty_orthanc) as web, open_page(web) as page:
        shown = add_read(web, chest())
        reader = page.signed_in(Role.READER, "ana")
        text = reader.get(shown.path).text
        answer = reader.post(f"{shown.at}/anatomy", data={"csrf": token_of(reader, shown.path)})

    assert 'id="anatomy"' not in text
    assert httpx.codes.CONFLICT == answer.status_code


def test_who_sees_the_image_first_sees_none_of_it(
    web: WebContext, shown: Shown, reader: httpx.Client
):
    """Before their own review: what a network says of the heart is its opinion too."""
    keep(web, shown)
    reader.cookies.set(READING_COOKIE, ReadingMode.UNAIDED)

    assert 'id="anatomy"' not in reader.get(shown.path).text
