"""The page over an archive that is reached over DICOMweb alone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from dicomweb_servers import ALL_DAYS, tiny_pacs
from hilum.pacs.credentials import PacsAddress
from hilum.records.accounts import Role
from radiographs import dicom_file, make_radiograph
from web_context import Page, open_page, open_web_context


@pytest.fixture(params=[pytest.param("orthanc", marks=pytest.mark.orthanc), "tiny"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PacsAddress]:
    """Return how each server is reached."""
    if request.param == "tiny":
        with tiny_pacs(tmp_path) as url:
            yield PacsAddress(url, None, None, "HILUM", "127.0.0.1", 1, plan=ALL_DAYS)
        return
    server = request.getfixturevalue("empty_orthanc")
    url, secret = f"{server.url}/dicom-web", SecretStr(server.password)
    yield PacsAddress(url, server.username, secret, "HILUM", "127.0.0.1", 1, plan=ALL_DAYS)


@pytest.fixture
def page(address: PacsAddress, tmp_path: Path) -> Iterator[Page]:
    """Return the page over it."""
    with (
        open_web_context(tmp_path) as web,
        closing(address.connect()) as archive,
        open_page(replace(web, address=address, pacs=archive)) as served,
    ):
        yield served


def test_viewer_searches_and_retrieves_through_the_page(page: Page):
    """With the page's session alone; nothing found is an empty list for every viewer."""
    image = make_radiograph()
    client = page.signed_in(Role.VIEWER)
    study, series = image.StudyInstanceUID, image.SeriesInstanceUID
    empty = client.get("/dicom-web/studies", params={"StudyInstanceUID": study})
    page.web.pacs.store(dicom_file(image))
    found = client.get("/dicom-web/studies", params={"StudyInstanceUID": study})
    whole = f"/dicom-web/studies/{study}/series/{series}/instances/{image.SOPInstanceUID}"
    file = client.get(whole)

    assert (200, []) == (empty.status_code, empty.json())
    assert [study] == [each["0020000D"]["Value"][0] for each in found.json()]
    assert image.PixelData in file.content
    assert file.headers["content-type"].startswith("multipart/related")


def test_bulk_data_is_reached_through_the_page(page: Page):
    """Its addresses in the metadata are the page's own."""
    image = make_radiograph()
    page.web.pacs.store(dicom_file(image))
    client = page.signed_in(Role.VIEWER)
    said = client.get(f"/dicom-web/studies/{image.StudyInstanceUID}/metadata")

    assert said.status_code in {200, 404}  # one of both has no metadata
    assert said.status_code == 404 or page.web.address.url not in said.text


def test_status_says_nothing_of_what_cannot_be_counted(page: Page):
    """And does not fail."""
    assert 200 == page.signed_in(Role.OPERATOR).get("/operations").status_code
