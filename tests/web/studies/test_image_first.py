"""A reader who sees the image first: nothing tells of the findings before their own review."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from hilum.records import reviews
from hilum.records.accounts import Role
from hilum.records.states import State, Urgency
from hilum.web.context import WebContext
from hilum.web.sessions import READING_COOKIE, ReadingMode
from page_studies import Shown, add_read, chest, invented, settle, write_down
from web_context import Page, csrf_in

TELLING = (
    "is-positive",
    'class="bar',
    'class="score"',
    "data-maps",
    "operating point",
    ">0.",
    "/ohif/",
)
"""What stands in the source of a page that tells of findings."""


@pytest.fixture
def first(reader: httpx.Client) -> httpx.Client:
    """Return the browser of a reader who chose to see the image first."""
    reader.cookies.set(READING_COOKIE, ReadingMode.UNAIDED)
    return reader


def main_of(text: str) -> str:
    """Return what a page says between its head and its foot."""
    return text.partition("<main")[2].partition("</main>")[0]


def give(client: httpx.Client, shown: Shown, **fields: str) -> None:
    """Give a review by the form that the page shows."""
    text = client.get(shown.path).text
    key = text.partition('name="key" value="')[2].partition('"')[0]
    answer = client.post(f"{shown.at}/review", data={"csrf": csrf_in(text), "key": key, **fields})
    assert 303 == answer.status_code, answer.text


def unaided(web: WebContext, shown: Shown) -> list[bool]:
    """Return of each review on an image, the newest first, whether the findings were hidden."""
    with web.database.look() as connection:
        return [each.unaided for each in reviews.on_image(connection, web.archive, shown.job.uids)]


def test_page_tells_nothing_before_the_review(shown, first):
    """Not in its source, nor by another address; all findings by their names, in their order."""
    text = first.get(shown.path).text
    names = [each.partition("<")[0] for each in text.split('<span class="label">')[1:]]

    assert [] == [each for each in TELLING if each in main_of(text)]
    assert sorted(names) == names
    assert 'data-group="agree"' not in text
    assert "All others absent" in text
    for address in ("maps.json", "reading.json", "reading.csv"):
        assert 404 == first.get(f"{shown.at}/{address}").status_code, address


def test_no_key_means_two_things(shown, reader):
    """On the page with the findings, and on the one without."""
    for mode in ReadingMode:
        reader.cookies.set(READING_COOKIE, mode)
        text = reader.get(shown.path).text
        keys = " ".join(re.findall(r'data-key="([^"]+)"', text)).split()
        keys += re.findall(r"<kbd[^>]*>([^<]+)</kbd>", text)
        assert len(keys) == len(set(keys)), (mode, sorted(keys))


def test_findings_are_shown_after_the_review(web, shown, first):
    """The review is recorded as unaided, a second one is not."""
    give(first, shown, **{"answer.Effusion": "absent"})
    text = first.get(shown.path).text

    assert "is-positive" in text
    assert "before the AI findings" in text
    assert 200 == first.get(f"{shown.at}/maps.json").status_code
    give(first, shown, **{"answer.Effusion": "present"})
    assert [False, True] == unaided(web, shown)
    said = {mode: first.get(f"/reviews?mode={mode}").text for mode in ReadingMode}
    assert "0/1" in said[ReadingMode.UNAIDED]
    assert "1/1" in said[ReadingMode.AIDED]
    lines = first.get("/reviews.csv").text.splitlines()
    assert [",true,false,", ",false,true,"] == [
        f",{line.split(',')[-3]},{line.split(',')[-2]}," for line in lines[1:]
    ]


def test_who_asks_sees_them_and_the_review_says_so(web, shown, first):
    """Also when they come back without asking."""
    assert "is-positive" in first.get(f"{shown.path}?ai=1").text
    give(first, shown, **{"answer.Effusion": "absent"})

    assert [False] == unaided(web, shown)


def test_who_has_seen_them_does_not_read_unaided_any_more(web, shown, reader):
    """Whatever they choose afterwards."""
    reader.get(shown.path)
    reader.cookies.set(READING_COOKIE, ReadingMode.UNAIDED)
    give(reader, shown, comment="seen before")

    assert [False] == unaided(web, shown)


def test_each_reader_counts_for_themselves(web, shown, reader, page: Page):
    """What one has seen hides nothing less from another."""
    reader.get(shown.path)
    other = page.signed_in(Role.READER, "bo")
    other.cookies.set(READING_COOKIE, ReadingMode.UNAIDED)
    give(reader, shown, **{"answer.Effusion": "present"})

    assert 'id="reviews"' not in other.get(shown.path).text
    give(other, shown, **{"answer.Effusion": "present"})
    assert [True, False] == unaided(web, shown)


def test_site_can_ask_it_of_everybody(web, shown, reader):
    """And the choice is gone."""
    object.__setattr__(web, "settings", web.settings.changed("page", unaided_first=True))

    assert "is-positive" not in main_of(reader.get(shown.path).text)


def test_order_of_the_worklist_tells_nothing(web, reader):
    """By arrival, whatever was found; no finding to filter by, no bar, no due time."""
    at = datetime.now(UTC) - timedelta(minutes=50)
    for n, score in enumerate((0.1, 0.99)):
        image = chest(1, ())
        image.PatientID = f"P{n}"
        image.StudyInstanceUID, image.SOPInstanceUID = f"1.2.{n}", f"1.2.{n}.1"
        shown = write_down(
            web, image, f"i{n}", at=at + timedelta(minutes=n), urgency=Urgency.ROUTINE
        )
        settle(web, shown, State.STORED, reading=invented(Pneumothorax=score))

    def order(text: str) -> list[str]:
        return sorted(("P0", "P1"), key=main_of(text).index)

    aided = reader.get("/").text
    reader.cookies.set(READING_COOKIE, ReadingMode.UNAIDED)
    text = reader.get("/").text
    assert ["P1", "P0"] == order(aided)
    assert ["P0", "P1"] == order(text)
    assert "Pneumothorax" not in text
    assert [] == [each for each in TELLING if each in main_of(text)]
    assert ["P0", "P1"] == order(reader.get("/?finding=Pneumothorax").text)


def test_prior_study_tells_nothing(web, reader):
    """What was found in it would tell what to look for in this one."""
    images = [chest(), chest()]
    for image, day in zip(images, ("20200101", "20210101"), strict=True):
        image.StudyDate = day
        image.StudyInstanceUID = image.SOPInstanceUID = f"1.2.{day}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        shown = add_read(web, image)
    reader.cookies.set(READING_COOKIE, ReadingMode.UNAIDED)
    text = reader.get(shown.path).text

    assert 'href="/studies/1.2.20200101"' in text
    assert [] == [each for each in TELLING if each in main_of(text)]
