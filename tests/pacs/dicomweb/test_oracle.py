"""Beside another client of DICOMweb, on a real server: the same is found and fetched."""

from contextlib import closing
from io import BytesIO

import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass
from pydicom import dcmread

from dicomweb_servers import tiny_pacs, web_of
from hilum.errors import PacsRefused
from hilum.pacs.dicomweb.access import token_auth
from hilum.pacs.dicomweb.archive import DicomWebArchive
from hilum.pacs.dicomweb.client import ObjectPath
from hilum.settings import DicomWebSettings
from orthanc_server import OrthancServer
from radiographs import dicom_file, make_radiograph


def compare(archive: DicomWebArchive, client: DICOMwebClient) -> None:
    """Store some images by both, and ask both for all."""
    images = [make_radiograph(StudyDate=f"202401{day:02}") for day in range(1, 15)]
    for image in images[:10]:
        archive.store(dicom_file(image))
    client.store_instances([dcmread(BytesIO(dicom_file(image))) for image in images[10:]])
    found = archive.find_studies({"StudyDate": "20240103-20240112"})
    theirs = client.search_for_studies(search_filters={"StudyDate": "20240103-20240112"})

    assert 10 == len(found)
    assert sorted(found) == sorted(each["0020000D"]["Value"][0] for each in theirs)
    for image in images:
        names = (image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID)
        ours = dcmread(BytesIO(archive.fetch(str(ObjectPath(*names)))))
        assert ours == client.retrieve_instance(*names)


@pytest.mark.orthanc
def test_the_same_is_found_and_fetched_on_orthanc(empty_orthanc: OrthancServer):
    """Each knows what the other one stored."""
    session = create_session_from_user_pass(empty_orthanc.username, empty_orthanc.password)
    client = DICOMwebClient(f"{empty_orthanc.url}/dicom-web", session=session)
    with closing(web_of(empty_orthanc)) as archive, closing(session):
        compare(archive, client)


def test_the_same_is_found_and_fetched_on_tiny_pacs(tmp_path):
    """Each knows what the other one stored."""
    with tiny_pacs(tmp_path) as url, closing(DicomWebArchive(url)) as archive:
        compare(archive, DICOMwebClient(url))


def test_token_of_a_real_server_is_shown(tmp_path):
    """And without it nothing is had."""
    (tmp_path / "token").write_text("a-token")
    settings = DicomWebSettings(token_file=tmp_path / "token")
    with tiny_pacs(tmp_path, auth="token", tokens=["a-token"]) as url:
        auth = token_auth(settings, pytest.fail, 5)
        with closing(DicomWebArchive(url, auth=auth)) as known:
            assert known.capabilities().software
        with (
            closing(DicomWebArchive(url)) as unknown,
            pytest.raises(PacsRefused, match="401"),
        ):
            unknown.capabilities()
