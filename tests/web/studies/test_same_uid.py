"""One SOP Instance UID in two studies, or in two series of one: the page and the API of each."""

import httpx
import numpy as np
import pytest
from pydicom import Dataset

from hilum.node.page_work import viewed
from hilum.records import images, reviews
from hilum.records.accounts import Role
from hilum.web.context import WebContext
from page_pixels import unpacked
from page_studies import Shown, add_read, chest
from web_context import add_token, csrf_in

pytestmark = pytest.mark.orthanc


def as_first(image: Dataset, **uids: str) -> Dataset:
    """Return another image with the UIDs of the first one, but for these."""
    first = chest()
    names = {k: first[k].value for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    for keyword, uid in {**names, **uids}.items():
        setattr(image, keyword, uid)
    image.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    return image


@pytest.fixture
def two_studies(web: WebContext) -> tuple[Shown, Shown]:
    """Return two studies whose images have one SOP Instance UID."""
    other = as_first(chest(4, ()), StudyInstanceUID="1.2.40.2", SeriesInstanceUID="1.2.40.3")
    return add_read(web, chest()), add_read(web, other)


def pixels(client: httpx.Client, address: str) -> np.ndarray:
    """Return the whole picture as the page's script unpacks it."""
    answer = client.get(address)
    assert 200 == answer.status_code, answer.text
    return unpacked(answer.content)[1]


def test_page_of_each_study_shows_its_image(web, two_studies, reader):
    """Whichever was looked at first, and the small picture too."""
    for shown in two_studies:
        file = web.pacs.fetch(shown.job.reference)
        expected = viewed(file, web.settings).codes
        assert np.array_equal(expected, pixels(reader, f"{shown.at}/pixels"))
    small = [reader.get(f"{shown.at}/small.webp").content for shown in two_studies]
    maps = [reader.get(f"{shown.at}/maps.json").json()["maps"] for shown in two_studies]

    assert small[0] != small[1]
    assert maps[0] != maps[1]


def test_review_on_one_is_none_on_the_other(web, two_studies, reader):
    """It belongs to the study whose page it was given on."""
    first, second = two_studies
    text = reader.get(second.path).text
    key = text.partition('name="key" value="')[2].partition('"')[0]
    data = {"csrf": csrf_in(text), "key": key, "comment": "blurred"}
    reader.post(f"{second.at}/review", data=data)
    with web.database.look() as connection:
        found = [reviews.on_image(connection, web.archive, s.job.uids) for s in (first, second)]

    assert [0, 1] == [len(each) for each in found]


def test_two_series_of_one_study_are_two_images(web, reader):
    """The page names the series in its addresses; an address that does not is not guessed."""
    first = add_read(web, chest())
    second = add_read(web, as_first(chest(4, ()), SeriesInstanceUID="1.2.40.3"))
    text = reader.get(f"{first.path}?image={first.image}&series=1.2.40.3").text

    assert 409 == reader.get(f"{first.at}/pixels").status_code
    assert 2 == text.count('class="tile"')
    assert f"{first.at}/pixels?series=1.2.40.3&amp;v=" in text
    file = web.pacs.fetch(second.job.reference)
    expected = viewed(file, web.settings).codes
    assert np.array_equal(expected, pixels(reader, f"{first.at}/pixels?series=1.2.40.3"))


def test_api_asks_which_one_is_meant(web, two_studies, page):
    """By its study the reading of each is found; without it, it is said where they are."""
    token = add_token(web, "ris", Role.OPERATOR)
    client = page.browser()
    client.headers = httpx.Headers({"authorization": f"Bearer {token}"})
    first, second = two_studies
    address = f"/api/v1/images/{first.image}"
    unclear = client.get(f"{address}/reading")
    said = [
        client.get(f"{address}/reading", params={"study_instance_uid": shown.study}).json()
        for shown in (first, second)
    ]
    retry = {"sop_instance_uids": [first.image]}

    assert 409 == unclear.status_code
    assert {first.study, second.study} <= set(
        unclear.json()["detail"].strip(".").replace(",", "").split()
    )
    assert said[0]["readings"][0]["findings"] != said[1]["readings"][0]["findings"]
    assert 409 == client.post("/api/v1/jobs/retry", json=retry).status_code
    named = {**retry, "study_instance_uid": first.study}
    assert 200 == client.post("/api/v1/jobs/retry", json=named).status_code
    named = {**retry, "series_instance_uid": "1.2.40.3"}
    assert 200 == client.post("/api/v1/jobs/retry", json=named).status_code


def test_lines_of_both_are_in_the_list(web, two_studies):
    """Each with its study, its series and its results."""
    with web.database.look() as connection:
        found = images.called(connection, web.archive, two_studies[0].image)

    assert 2 == len({entry.study_instance_uid for entry in found}) == len(found)
    assert not set(found[0].results) & set(found[1].results)
