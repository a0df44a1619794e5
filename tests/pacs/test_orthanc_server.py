"""The Orthanc of the tests is the real thing, and can be emptied."""

import httpx
import pytest
from pydicom import Dataset

from orthanc_server import OrthancServer
from radiographs import dicom_file

pytestmark = pytest.mark.orthanc


def test_emptied_orthanc_holds_nothing(
    orthanc: OrthancServer, empty_orthanc: OrthancServer, radiograph: Dataset
):
    """What one test stored, the next one that asks for an empty Orthanc does not see."""
    with orthanc.client() as client:
        client.store(dicom_file(radiograph))
        empty_orthanc.clear()

        assert [] == client.find("Study", {})
        assert () == client.arrivals("", 1).references


def test_orthanc_asks_for_its_password(orthanc: OrthancServer):
    """Nothing is served without the random password."""
    assert httpx.codes.UNAUTHORIZED == httpx.get(f"{orthanc.url}/system").status_code


def test_orthanc_speaks_dicomweb(empty_orthanc: OrthancServer, radiograph: Dataset):
    """The DICOMweb plug-in is loaded."""
    with empty_orthanc.client() as client:
        client.store(dicom_file(radiograph))

        studies = client.request("GET", "/dicom-web/studies").json()

    assert [radiograph.StudyInstanceUID] == [study["0020000D"]["Value"][0] for study in studies]
