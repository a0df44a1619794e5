"""The REST client: what Orthanc answers, and what becomes of each thing that can go wrong."""

import inspect
from collections.abc import Iterator

import httpx
import pytest

from hilum.errors import NotInPacs, PacsRefused, PacsUnavailable
from hilum.pacs.archive import text
from hilum.pacs.http import pacs_errors
from hilum.pacs.orthanc.archive import OrthancArchive
from hilum.pacs.orthanc.changes import last
from hilum.pacs.orthanc.client import is_orthanc
from orthanc_server import OrthancServer, free_ports
from radiographs import dicom_file, make_radiograph

URL = "http://pacs"


def every_httpx_error() -> Iterator[Exception]:
    """Yield one of each error that httpx can raise about a request."""
    request = httpx.Request("GET", URL)
    for _, cls in inspect.getmembers(httpx, inspect.isclass):
        if issubclass(cls, httpx.HTTPStatusError):
            yield cls("x", request=request, response=httpx.Response(409, request=request))
        elif issubclass(cls, httpx.HTTPError | httpx.InvalidURL):
            yield cls("x")


def answering(response: httpx.Response) -> OrthancArchive:
    """Return a client to a PACS that answers everything alike: for faults only."""
    return OrthancArchive(URL, transport=httpx.MockTransport(lambda _: response))


@pytest.mark.parametrize("foreign", list(every_httpx_error()), ids=lambda e: type(e).__name__)
def test_no_http_error_escapes(foreign):
    """Every error that httpx has becomes ours, with the original as its cause."""
    with pytest.raises((PacsRefused, PacsUnavailable)) as caught, pacs_errors(URL):
        raise foreign

    assert foreign is caught.value.__cause__


@pytest.mark.parametrize(
    ("status", "expected", "says"),
    [
        (400, PacsRefused, "HTTP 400"),
        (401, PacsRefused, "does not accept the user name or password"),
        (403, PacsRefused, "does not accept the user name or password"),
        (404, NotInPacs, "HTTP 404"),
        (429, PacsUnavailable, "HTTP 429"),
        (500, PacsUnavailable, "HTTP 500"),
        (507, PacsUnavailable, "HTTP 507"),
    ],
)
def test_status_says_whether_asking_again_may_help(status, expected, says):
    """Busy and broken are retried; a refusal is final, and a missing thing is told apart."""
    with answering(httpx.Response(status)) as pacs, pytest.raises(expected, match=says):
        pacs.fetch("abc")


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '"text"', "7"])
def test_something_else_than_an_orthanc_is_named(body):
    """A web server that is no Orthanc gets one clear line, whatever it answers."""
    with (
        answering(httpx.Response(200, text=body)) as pacs,
        pytest.raises(PacsRefused, match="What answers at http://pacs is not an Orthanc"),
    ):
        pacs.system()


def test_answer_that_is_no_json_may_be_asked_for_again():
    """An answer that a proxy made up or cut off is no crash: asking again may help."""
    with (
        answering(httpx.Response(200, text="<html>")) as pacs,
        pytest.raises(PacsUnavailable, match="other than JSON for /changes"),
    ):
        pacs.arrivals("", 1)


@pytest.mark.orthanc
def test_orthanc_is_recognised_without_its_password(orthanc: OrthancServer):
    """An Orthanc that asks for a password is still seen to be one."""
    assert is_orthanc(orthanc.url)


def test_silence_is_no_orthanc():
    """A port on which nothing answers has no Orthanc."""
    (port,) = free_ports(1)

    assert not is_orthanc(f"http://127.0.0.1:{port}")


@pytest.mark.orthanc
def test_instance_is_described_without_its_file(empty_orthanc: OrthancServer):
    """UID and single attributes come from the archive, absent ones as empty text."""
    image = make_radiograph()
    with empty_orthanc.client() as pacs:
        instance = pacs.store(dicom_file(image)).reference

        assert image.SOPInstanceUID == pacs.describe(instance).sop_instance_uid
        assert "Generated DX" == text(pacs, instance, "ManufacturerModelName")
        assert "" == text(pacs, instance, "InstitutionAddress")


@pytest.mark.orthanc
def test_files_come_as_they_are(empty_orthanc: OrthancServer):
    """The PACS does not spend its processor on squeezing what goes a few centimetres."""
    with empty_orthanc.client() as pacs:
        instance = pacs.store(dicom_file(make_radiograph())).reference
        answer = pacs.request("GET", f"/instances/{instance}/file")

    assert "Content-Encoding" not in answer.headers


@pytest.mark.orthanc
def test_deleted_instance_is_not_in_the_pacs(empty_orthanc: OrthancServer):
    """Asking for what was deleted says that it is not there."""
    with empty_orthanc.client() as pacs:
        instance = pacs.store(dicom_file(make_radiograph())).reference
        pacs.request("DELETE", f"/instances/{instance}")

        with pytest.raises(NotInPacs):
            pacs.describe(instance)


@pytest.mark.orthanc
def test_last_change_grows_and_survives_deletion(empty_orthanc: OrthancServer):
    """The feed's last number does not go back when resources are deleted."""
    with empty_orthanc.client() as pacs:
        before = last(pacs)
        instance = pacs.store(dicom_file(make_radiograph())).reference
        after = last(pacs)
        pacs.request("DELETE", f"/instances/{instance}")

        assert before < after <= last(pacs)
