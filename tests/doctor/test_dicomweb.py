"""A DICOMweb archive as the doctor finds it."""

import httpx
import pytest

from dicomweb_servers import tiny_pacs, web_of
from doctor_tools import look
from hilum.doctor import pacs
from hilum.doctor.check import Level
from hilum.doctor.dicomweb import _viewed
from hilum.errors import PacsRefused, PacsUnavailable
from hilum.pacs.dicomweb.client import DicomWeb
from orthanc_server import OrthancServer, free_ports
from radiographs import dicom_file, make_radiograph
from scripted_dicomweb import ScriptedDicomWeb


def said(make, url: str, **changes: object) -> dict[str, Level]:
    """Return what is said of the archive at an address, and how bad it is."""
    settings = make(
        pacs={"kind": "dicomweb", "url": url, **changes}, node={"forward_to": ("peer:X",)}
    )
    return {
        each.what: each.level for each in (*look(pacs.rest, settings), *look(pacs.dicom, settings))
    }


@pytest.mark.orthanc
def test_abilities_of_an_orthanc_are_told(make, empty_orthanc: OrthancServer):
    """What it does, and what has no effect over DICOMweb."""
    archive = web_of(empty_orthanc)
    for _ in range(2):
        archive.store(dicom_file(make_radiograph()))
    archive.close()
    login = {"username": empty_orthanc.username, "password": empty_orthanc.password}
    found = said(make, f"{empty_orthanc.url}/dicom-web", **login)
    searches = "searches: page by page, with the number of images"

    assert Level.OK == found[searches] == found["has the metadata that OHIF needs"]
    assert Level.OK == found["not needed: hilum reaches this archive over DICOMweb alone"]
    assert any("authentication OK: DICOMweb" in each for each in found)
    forwarding = "node.forward_to has no effect: results are sent on by an Orthanc only"
    assert Level.WARNING == found[forwarding]
    assert any("unencrypted" in each for each in found)


def test_what_a_server_lacks_is_told(make, tmp_path):
    """Here no metadata, and one study only."""
    with tiny_pacs(tmp_path) as url:
        archive = web_of(OrthancServer(url, "", "", "", 0, tmp_path))
        archive.web.url = url
        archive.store(dicom_file(make_radiograph()))
        archive.close()
        found = said(make, url)

    assert Level.WARNING == found["the archive has no metadata (WADO-RS): OHIF shows nothing"]
    assert any(each.startswith("the archive does not search page by page") for each in found)


@pytest.mark.orthanc
def test_wrong_address_and_wrong_password_are_told(make, orthanc: OrthancServer):
    """Each with its remedy."""
    with pytest.raises(PacsRefused, match="user name or password"):
        said(make, f"{orthanc.url}/dicom-web")
    login = {"username": orthanc.username, "password": orthanc.password}
    with pytest.raises(PacsRefused, match="not a DICOMweb server"):
        said(make, f"{orthanc.url}/app", **login)
    with pytest.raises(PacsUnavailable, match="did not answer"):
        said(make, f"http://127.0.0.1:{free_ports(1)[0]}/dicom-web")


def test_archive_whose_series_cannot_be_searched_is_told():
    """A sweep would find nothing there, without an error."""
    server = ScriptedDicomWeb(
        fault=lambda request: httpx.Response(404) if "/series" in request.url.path else None
    )
    server.put()
    found = [each.what for each in _viewed(DicomWeb("http://pacs/web", transport=server))]

    assert ["the archive lists no series of a study: hilum finds no image there"] == found
