"""The changes feed of a real Orthanc: its database is told from another one."""

from collections.abc import Iterator

import pytest

from hilum.pacs.orthanc.archive import OrthancArchive
from node_tools import delete_everything
from orthanc_server import OrthancServer
from radiographs import dicom_file, make_radiograph

pytestmark = pytest.mark.orthanc

PAGE = 100


@pytest.fixture
def pacs(empty_orthanc: OrthancServer) -> Iterator[OrthancArchive]:
    with empty_orthanc.client() as client:
        yield client


def send(pacs: OrthancArchive) -> str:
    """Send a new image; return Orthanc's identifier of it."""
    return pacs.store(dicom_file(make_radiograph())).reference


def test_pages_cover_everything_once(pacs):
    """Page by page, each image is named exactly once, whatever else the feed says."""
    sent = [send(pacs) for _ in range(7)]
    position, seen = "", []
    while True:
        page = pacs.arrivals(position, 4)
        seen += page.references
        position = page.position
        if not page.more:
            break

    assert sent == seen


def test_deleted_anchor_is_no_new_database(pacs):
    """When the last known image was deleted, the feed goes on where it was."""
    send(pacs)
    position = pacs.arrivals("", PAGE).position
    delete_everything(pacs)
    page = pacs.arrivals(position, PAGE)

    assert ((), False) == (page.references, page.restarted)
    later = send(pacs)
    assert (later,) == pacs.arrivals(position, PAGE).references


def test_deleted_newest_study_beside_an_older_one_is_no_new_database(pacs):
    """The number of the newest change goes back then, too, but nothing came since."""
    send(pacs)
    old = pacs.newest()
    while (newest := send(pacs)) and pacs.newest()[-15:] == old[-15:]:
        pacs.delete(newest)  # dates are whole seconds
    position = pacs.newest()
    pacs.delete(newest)
    page = pacs.arrivals(position, PAGE)

    assert ((), False) == (page.references, page.restarted)


def test_feed_that_went_back_starts_again(pacs):
    """A position beyond the feed's end means another database: everything is new."""
    sent = tuple(send(pacs) for _ in range(2))
    end = int(pacs.newest().split()[0])
    page = pacs.arrivals(f"{end + 1000} gone", PAGE)

    assert (sent, True) == (page.references, page.restarted)


def test_other_resource_under_the_same_number_starts_again(pacs):
    """A database that has grown past the old position is told from the old one."""
    sent = [send(pacs)]
    number, _, date = pacs.newest().split()
    sent.append(send(pacs))
    page = pacs.arrivals(f"{number} something-else {date}", PAGE)

    assert (tuple(sent), True) == (page.references, page.restarted)
