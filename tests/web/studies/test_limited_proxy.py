"""Through the DICOMweb proxy, too, who is limited to some studies sees nothing of any other.

Nothing here changes a study, so that all ask one page.
"""

from collections.abc import Iterator

import httpx
import pytest
from pydicom import Dataset

from hilum.records.accounts import Role
from limited_studies import add_allowed, add_hidden, limited_browser, named, secrets, told
from orthanc_server import OrthancServer
from page_studies import open_demonstration
from radiographs import dicom_file, make_radiograph
from web_context import Page, open_page

pytestmark = pytest.mark.orthanc

SEARCHES = (
    "studies",
    "series",
    "instances",
    "studies?StudyInstanceUID={study}",
    "studies?0020000D={study}",
    "studies?PatientID={patient}",
    "studies?AccessionNumber={accession}&includefield=00081030",
    "studies?limit=1&offset=1",
    "series?SeriesInstanceUID={series}",
    "instances?SOPInstanceUID={image}",
    "instances?StudyInstanceUID={study}&limit=5",
    "studies/{allowed}/series?StudyInstanceUID={study}",
    "studies/{allowed}/series?0020000D={study}",
    "studies/{allowed}/instances?0020000D={study}&SeriesInstanceUID={series}",
    "studies/{allowed}/series/{series}/instances",
)

RETRIEVALS = (
    "studies/{study}/metadata",
    "studies/{study}/series",
    "studies/{study}/instances",
    "studies/{study}/series/{series}/metadata",
    "studies/{study}/series/{series}/instances",
    "studies/{study}/series/{series}/instances/{image}",
    "studies/{study}/series/{series}/instances/{image}/metadata",
    "studies/{study}/series/{series}/instances/{image}/frames/1",
    "studies/{study}/series/{series}/instances/{image}/bulk/7fe00010",
    "studies/{allowed}/series/{series}/metadata",
    "studies/{allowed}/series/{series}/instances/{image}",
    "studies/{allowed}/series/{series}/instances/{image}/metadata",
    "studies/{allowed}/series/{series}/instances/{image}/frames/1",
    "studies/{allowed}/series/{own_series}/instances/{image}",
    "studies/{allowed}/series/{own_series}/instances/{image}/metadata",
    "studies/{allowed}/series/{own_series}/instances/{image}/frames/1",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, orthanc: OrthancServer) -> Iterator[Page]:
    """Return a page that limits studies."""
    orthanc.clear()
    folder = tmp_path_factory.mktemp("limited")
    limiting = {"limit_studies": True}
    with open_demonstration(folder, orthanc, page=limiting) as web, open_page(web) as page:
        yield page


@pytest.fixture(scope="module")
def hidden(page: Page) -> Dataset:
    """Return a study of the same patient that is not of the allowed institution, with a review."""
    return add_hidden(page.web)


@pytest.fixture(scope="module")
def allowed(page: Page) -> Dataset:
    """Return a study of the allowed institution, that was read."""
    return add_allowed(page.web)


@pytest.fixture(scope="module")
def client(page: Page) -> httpx.Client:
    """Return the browser of a viewer who is limited."""
    return limited_browser(page, Role.VIEWER)


@pytest.mark.parametrize("search", SEARCHES)
def test_the_proxy_finds_what_is_seen_alone(
    client: httpx.Client, hidden: Dataset, allowed: Dataset, search: str
):
    """Whatever the question, it is answered as if nothing else were there."""
    found = client.get("/dicom-web/" + named(search, hidden, allowed))

    assert 200 == found.status_code
    assert {str(allowed.StudyInstanceUID)} >= {
        each["0020000D"]["Value"][0] for each in found.json()
    }
    assert not any(secret in found.text for secret in secrets(hidden))


@pytest.mark.usefixtures("hidden", "allowed")
def test_the_proxys_pages_count_what_is_seen(client: httpx.Client):
    """Else who counts them would know how much is hidden."""
    pages = [client.get(f"/dicom-web/studies?limit=1&offset={n}").json() for n in range(3)]

    assert [1, 0, 0] == list(map(len, pages))


@pytest.mark.parametrize("path", RETRIEVALS)
def test_the_proxy_hands_on_what_is_seen_alone(
    client: httpx.Client, hidden: Dataset, allowed: Dataset, path: str
):
    """A hidden study, and one's own study with parts of a hidden one, are as nothing."""
    plain = {"accept": "application/json"}  # a page says again what was asked for
    there, nowhere = (
        client.get("/dicom-web/" + named(path, hidden, allowed, unknown=unknown), headers=plain)
        for unknown in (False, True)
    )

    assert not any(secret in there.text for secret in secrets(hidden))
    assert told(nowhere) == told(there)
    assert there.status_code == 404 or there.json() == []


def test_what_is_seen_is_handed_on_whole(client: httpx.Client, allowed: Dataset):
    """A viewer works for who is limited as for anybody."""
    uids = allowed.StudyInstanceUID, allowed.SeriesInstanceUID, allowed.SOPInstanceUID
    study, series = f"/dicom-web/studies/{uids[0]}", f"/series/{uids[1]}"
    image = f"{study}{series}/instances/{uids[2]}"
    accept = {"accept": "multipart/related; type=application/octet-stream"}

    assert 200 == client.get(f"{study}/metadata").status_code
    assert series.rpartition("/")[2] in client.get(f"{study}/series").text
    assert 200 == client.get(image).status_code
    assert allowed.PixelData in client.get(f"{image}/frames/1", headers=accept).content


def test_metadata_are_made_for_the_viewer(
    client: httpx.Client, allowed: Dataset, orthanc: OrthancServer
):
    """A spacing of zero keeps OHIF from drawing for whoever looks."""
    image = make_radiograph(
        PixelSpacing=[0, 0],
        StudyInstanceUID=allowed.StudyInstanceUID,
        SeriesInstanceUID=f"{allowed.SeriesInstanceUID}.1",
    )
    with orthanc.client() as archive:
        archive.store(dicom_file(image))
    address = f"studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}"
    (found,) = client.get(f"/dicom-web/{address}/metadata").json()

    assert not found["00280030"].get("Value")
