"""Following the changes feed of a real Orthanc."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from hilum.ingest.changes import START, Page, Position, follow
from hilum.pacs.orthanc.client import Orthanc
from orthanc_server import OrthancServer
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc


@pytest.fixture
def pacs(empty_orthanc: OrthancServer) -> Iterator[Orthanc]:
    with empty_orthanc.client() as client:
        yield client


def send(pacs: Orthanc) -> str:
    """Send a new image; return Orthanc's identifier of it."""
    return pacs.upload(dicom_file(make_radiograph())).instance_id


def ids(page: Page) -> list[str]:
    return [arrival.instance_id for arrival in page.arrivals]


def test_new_instances_come_in_order(pacs):
    """Each image that arrived is named once, the oldest first, and nothing else is."""
    sent = [send(pacs) for _ in range(3)]

    assert sent == ids(follow(pacs, START))


def test_position_after_a_page_leads_past_it(pacs):
    """From the position of a page, only what came later is new."""
    send(pacs)
    page = follow(pacs, START)
    later = send(pacs)

    assert [later] == ids(follow(pacs, page.position))


def test_position_of_an_arrival_leads_to_the_next(pacs):
    """From the position of one arrival, the feed goes on with the one after it."""
    first, second = send(pacs), send(pacs)
    page = follow(pacs, START)

    assert first == page.arrivals[0].instance_id
    assert [second] == ids(follow(pacs, page.arrivals[0].position))


def test_pages_cover_everything_once(pacs):
    """Page by page, each image is named exactly once, whatever else the feed says."""
    sent = [send(pacs) for _ in range(7)]
    position, seen = START, []
    while True:
        page = follow(pacs, position, limit=4)
        seen += ids(page)
        position = page.position
        if not page.more:
            break

    assert sent == seen


def test_quiet_feed_stays_where_it_is(pacs):
    """When nothing happened, the position does not move."""
    send(pacs)
    position = follow(pacs, START).position
    page = follow(pacs, position)

    assert ([], position, False) == (ids(page), page.position, page.restarted)


def test_deleted_anchor_is_no_new_database(pacs):
    """When the last known image was deleted, the feed goes on where it was."""
    send(pacs)
    position = follow(pacs, START).position
    for patient in pacs.request("GET", "/patients").json():
        pacs.request("DELETE", f"/patients/{patient}")
    page = follow(pacs, position)

    assert ([], False) == (ids(page), page.restarted)
    later = send(pacs)
    assert [later] == ids(follow(pacs, position))


def test_deleted_newest_study_beside_an_older_one_is_no_new_database(pacs):
    """The number of the newest change goes back then, too, but nothing came since."""
    send(pacs)
    old = follow(pacs, START).position
    while (newest := send(pacs)) and follow(pacs, START).position.anchor[-15:] == old.anchor[-15:]:
        pacs.request("DELETE", f"/instances/{newest}")  # dates are whole seconds
    position = follow(pacs, START).position
    pacs.request("DELETE", f"/instances/{newest}")
    page = follow(pacs, position)

    assert ([], False) == (ids(page), page.restarted)


def test_feed_that_went_back_starts_again(pacs):
    """A position beyond the feed's end means another database: everything is new."""
    sent = [send(pacs) for _ in range(2)]
    end = follow(pacs, START).position.sequence
    page = follow(pacs, Position(end + 1000, "gone"))

    assert (sent, True) == (ids(page), page.restarted)


def test_other_resource_under_the_same_number_starts_again(pacs):
    """A database that has grown past the old position is told from the old one."""
    sent = [send(pacs) for _ in range(2)]
    sequence = follow(pacs, START).arrivals[0].position.sequence
    page = follow(pacs, Position(sequence, "something-else"))

    assert (sent, True) == (ids(page), page.restarted)


def test_arrivals_have_growing_positions(pacs):
    """Each arrival stands after the one before it."""
    for _ in range(3):
        send(pacs)
    arrivals = follow(pacs, START).arrivals

    assert all(a.position.sequence < b.position.sequence for a, b in pairwise(arrivals))
