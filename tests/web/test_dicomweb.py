"""Orthanc's DICOMweb behind the login: what goes through, and what never does."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset

from hilum.records.accounts import Role
from hilum.web.context import WebContext
from hilum.web.ohif_metadata import without_zero_spacing
from orthanc_server import OrthancServer
from radiographs import dicom_file, make_radiograph
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


def test_spacing_of_zero_is_no_spacing(page: Page, empty_orthanc: OrthancServer):
    """OHIF 3.13 draws nothing where pixels have no size; a real spacing stays."""
    image = make_radiograph(PixelSpacing=[0, 0], ImagerPixelSpacing=[0.14, 0.14])
    with empty_orthanc.client() as orthanc:
        orthanc.store(dicom_file(image))
    client = page.signed_in(Role.VIEWER)
    (found,) = client.get(f"/dicom-web/studies/{image.StudyInstanceUID}/metadata").json()

    assert not found["00280030"].get("Value")
    assert [0.14, 0.14] == found["00181164"]["Value"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("0,0", False),
        ("0.0, 0.0", False),
        ("-1,1", False),
        ('"0","0"', False),
        ("null,1", False),
        ("0.1,0.1", True),
        ('"0.1","0.1"', True),
        ("1e-1,1", True),
    ],
)
@pytest.mark.parametrize("tag", ["00280030", "00181164", "00182010"])
def test_only_a_spacing_that_is_none_is_taken_away(tag: str, value: str, kept: bool):
    """Whatever way it is written; what stands beside it is left."""
    text = f'[{{"{tag}": {{"vr":"DS","Value":[{value}]}},"00280010":{{"vr":"US","Value":[0]}}}}]'
    (found,) = json.loads(without_zero_spacing(text.encode()))

    assert kept == ("Value" in found[tag])
    assert [0] == found["00280010"]["Value"]


def test_looking_at_a_study_is_one_line_of_the_trail(page: Page, web: WebContext, study: str):
    """However many requests a viewer makes of it."""
    client = page.signed_in(Role.VIEWER)
    for part in ("series", "metadata", "series"):
        client.get(f"/dicom-web/studies/{study}/{part}")

    assert [("some.viewer", "study.viewed")] == trail(web)


READ = "/dicom-web/studies/{study}/metadata"
SEARCH = "/dicom-web/studies"

NOT_HANDED_ON = [
    # paths
    "/dicom-web/servers",
    "/dicom-web/studies/1.2/%2e%2e/%2e%2e/system",
    "/dicom-web/studies/1.2/../../system",
    "/dicom-web/studies/1.2/..;/..;/system",
    "/dicom-web/studies/1.2%2f..%2f..%2fsystem",
    "/dicom-web/studies/1.2%252f..%252fsystem",
    "/dicom-web/studies/1.2/series/..%2f..%2f..%2finstances",
    "/dicom-web//studies",
    "/dicom-web/./studies",
    "/dicom-web/studies/",
    "/dicom-web/%73tudies",
    "/dicom-web/STUDIES",
    "/dicom-web/studies/not-a-uid",
    "/dicom-web/studies/1..2",
    "/dicom-web/studies/" + "1" * 65,
    "/dicom-web/studies/1.2\\..\\system",
    "/dicom-web/studies/1.2%00",
    "/dicom-web/studies/1.2%0d%0aX:1",
    "/dicom-web/studies;_method=DELETE",
    "/dicom-web/wado?requestType=WADO",
    "/dicom-web/",
    # what would be decoded, or is a whole study
    "/dicom-web/studies/{study}",
    "/dicom-web/studies/{study}/rendered",
    "/dicom-web/studies/{study}/thumbnail",
    "/dicom-web/studies/{study}/series/1.2/instances/1.3/rendered",
    "/dicom-web/studies/{study}/series/1.2/instances/1.3/thumbnail",
    "/dicom-web/studies/{study}/series/1.2/instances/1.3/frames/1/rendered",
    "/dicom-web/studies/{study}/series/1.2/instances/1.3/frames/1,1,1,1",
    # parameters
    READ + "?_method=DELETE",
    READ + "?%5Fmethod=DELETE",
    READ + "?_METHOD=DELETE",
    READ + "?&_method=DELETE",
    READ + "?&",
    READ + "?limit=1",
    READ + "?accept=image/png",
    SEARCH + "?_method=DELETE",
    SEARCH + "?limit=1&_method=DELETE",
    SEARCH + "?limit=1;_method=DELETE",
    SEARCH + "?limit=1&limit=2",
    SEARCH + "?LIMIT=1",
    SEARCH + "?limit=-1",
    SEARCH + "?limit=1%26_method%3DDELETE",
    SEARCH + "?fuzzymatching=maybe",
    SEARCH + "?includefield=../x",
    SEARCH + "?PatientName=a%0d%0ab",
    SEARCH + "?PatientName=" + "a" * 257,
    SEARCH + "?PixelData=1",
    SEARCH + "?accept=text/html",
]


@pytest.mark.parametrize("address", NOT_HANDED_ON)
def test_nothing_else_of_orthanc_is_reached(page: Page, web: WebContext, study: str, address: str):
    """Whatever the address looks like, byte by byte as it was written."""
    answer = asked(page, address.format(study=study))

    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 404"}
    assert [study] == studies_in(web)


@pytest.mark.parametrize(
    "more",
    [
        b"X-HTTP-Method-Override: DELETE\r\n",
        b"x-http-method: DELETE\r\n",
        b"X-Method-Override: DELETE\r\n",
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n",
        b"Transfer-Encoding: chunked\r\n",
    ],
)
def test_no_other_method_is_slipped_in(page: Page, web: WebContext, study: str, more: bytes):
    """By no header and no body."""
    body = b"_method=DELETE" if b"14" in more else b"0\r\n\r\n" if b"chunked" in more else b""
    answer = asked(page, READ.format(study=study), more, body)

    assert b"HTTP/1.1 400" == answer[:12]
    assert [study] == studies_in(web)


@pytest.mark.parametrize("host", [b"a b", b"evil;proto=ftp", b"a/b", b"<script>", b"x" * 300])
def test_a_host_that_is_none_is_not_handed_on(page: Page, study: str, host: bytes):
    """It would come back in the addresses of bulk data."""
    assert asked(page, READ.format(study=study), host=host).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "query",
    [
        "limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060",
        "PatientName=*ha%C3%ABl*&00100020=*1*&ModalitiesInStudy=DX",
        "StudyDate=20200101-20301231&includefield=all&includefield=00080060",
        "",
    ],
)
def test_what_ohif_asks_is_answered(page: Page, query: str):
    """Its searches, as it writes them."""
    status = asked(page, f"{SEARCH}?{query}" if query else SEARCH)[9:12]

    assert status in {b"200", b"204"}


def asked(
    page: Page, address: str, more: bytes = b"", body: bytes = b"", host: bytes = b"localhost"
) -> bytes:
    """Return the answer to a request that nothing puts in order on its way."""
    cookie = "; ".join(f"{k}={v}" for k, v in page.signed_in(Role.OPERATOR).cookies.items())
    where = httpx.URL(page.url)
    head = f"GET {address} HTTP/1.1\r\nCookie: {cookie}\r\nConnection: close\r\n".encode("latin-1")
    with socket.create_connection((where.host, where.port), 20) as connection:
        connection.sendall(head + b"Host: " + host + b"\r\n" + more + b"\r\n" + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def studies_in(web: WebContext) -> list[str]:
    """Return the studies that the PACS holds."""
    orthanc = web.pacs
    return [
        orthanc.json("GET", f"/studies/{each}")["MainDicomTags"]["StudyInstanceUID"]
        for each in orthanc.find_studies({})
    ]


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
    assert "did not answer" in answer.json()["detail"]


class LetsGo(BaseHTTPRequestHandler):
    """Closes a connection when it hears the second question on it."""

    protocol_version = "HTTP/1.1"
    answered = False

    def do_GET(self) -> None:
        """Answer the first question with an empty list."""
        if self.answered or self.path.endswith("/series"):
            self.close_connection = True
            self.server.dropped.append(self.path)  # type: ignore[attr-defined]
            return
        self.answered = True
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def letting_go(tmp_path: Path) -> Iterator[tuple[httpx.Client, list[str]]]:
    """Return a reader's browser, and what a PACS that lets go of connections did not answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), LetsGo)
    server.dropped = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with open_web_context(tmp_path) as web:
            away = replace(web, address=replace(web.address, url=url))
            with open_page(away) as page:
                yield page.signed_in(Role.VIEWER), server.dropped  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_kept_connection_that_breaks_is_replaced(letting_go):
    """The PACS may close it in the moment of the question."""
    browser, dropped = letting_go
    answers = [browser.get("/dicom-web/studies", headers={"accept": "*/*"}) for _ in range(4)]

    assert [200] * 4 == [each.status_code for each in answers]
    assert 3 == len(dropped)


def test_what_a_new_connection_does_not_answer_is_not_asked_again(letting_go):
    """The question itself may be what ends it."""
    browser, dropped = letting_go
    answer = browser.get("/dicom-web/studies/1.2/series", headers={"accept": "*/*"})

    assert (502, 1) == (answer.status_code, len(dropped))
