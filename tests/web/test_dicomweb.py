"""Orthanc's DICOMweb behind the login: what goes through, and what never does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset

from hilum.records.accounts import Role
from hilum.web.context import WebContext
from orthanc_server import OrthancServer
from radiographs import dicom_file
from web_context import Page, open_page, open_web_context, trail

pytestmark = pytest.mark.orthanc


@pytest.fixture
def study(empty_orthanc: OrthancServer, radiograph: Dataset) -> str:
    """Return the UID of a study that is in the PACS."""
    with empty_orthanc.client() as orthanc:
        orthanc.store(dicom_file(radiograph))
    return str(radiograph.StudyInstanceUID)


@pytest.fixture
def web(tmp_path: Path, orthanc: OrthancServer) -> Iterator[WebContext]:
    """Return a web with a real PACS."""
    with open_web_context(tmp_path, orthanc) as made:
        yield made


def test_a_viewer_searches_and_retrieves(page: Page, study: str, radiograph: Dataset):
    """With our session alone; Orthanc's password stays here."""
    client = page.signed_in(Role.VIEWER)
    found = client.get("/dicom-web/studies", params={"StudyInstanceUID": study})
    series, image = radiograph.SeriesInstanceUID, radiograph.SOPInstanceUID
    whole = f"/dicom-web/studies/{study}/series/{series}/instances/{image}"
    frame = client.get(
        f"{whole}/frames/1", headers={"accept": "multipart/related; type=application/octet-stream"}
    )

    assert [study] == [each["0020000D"]["Value"][0] for each in found.json()]
    assert 200 == client.get(f"{whole}/metadata").status_code
    assert radiograph.PixelData in frame.content
    assert frame.headers["content-type"].startswith("multipart/related")
    assert "no-store" == frame.headers["cache-control"]


def test_looking_at_a_study_is_one_line_of_the_trail(page: Page, web: WebContext, study: str):
    """However many requests a viewer makes of it."""
    client = page.signed_in(Role.VIEWER)
    for part in ("series", "metadata", "series"):
        client.get(f"/dicom-web/studies/{study}/{part}")

    assert [("some.viewer", "study.viewed")] == trail(web)


@pytest.mark.parametrize(
    "path",
    [
        "servers",
        "studies/1.2/%2e%2e/%2e%2e/system",
        "studies/1.2%2f..%2f..%2fsystem",
        "studies/1.2/series/..%2f..%2f..%2finstances",
        "studies/not-a-uid",
        "studies/1..2",
        "studies/" + "1" * 65,
        "wado?requestType=WADO",
        "",
    ],
)
def test_nothing_else_of_orthanc_is_reached(page: Page, path: str):
    """Whatever the path looks like."""
    assert 404 == page.signed_in(Role.OPERATOR).get(f"/dicom-web/{path}").status_code


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_stored_or_deleted(page: Page, study: str, method: str):
    """DICOMweb is read here, by whomever."""
    client = page.signed_in(Role.OPERATOR)

    assert 405 == client.request(method, f"/dicom-web/studies/{study}").status_code
    assert 200 == client.get(f"/dicom-web/studies/{study}/metadata").status_code


def test_without_a_session_there_is_nothing(page: Page, study: str):
    """A viewer's request is refused, a person's leads to the sign-in page."""
    client = page.browser()
    path = f"/dicom-web/studies/{study}/metadata"

    assert 401 == client.get(path, headers={"accept": "application/dicom+json"}).status_code
    assert f"/login?next={path}" == client.get(path).headers["location"]


def test_a_pacs_that_is_away_is_said(tmp_path: Path):
    """In words, and without its address's password."""
    with open_web_context(tmp_path) as web, open_page(web) as page:
        answer = page.signed_in(Role.VIEWER).get("/dicom-web/studies", headers={"accept": "*/*"})

    assert 502 == answer.status_code
    assert "gave no answer" in answer.json()["detail"]
