"""Files from a person's disk: sent to the PACS, or tried without storing anything."""

import tracemalloc
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from hilum.errors import WeightsMissing
from hilum.files.find import file_candidate
from hilum.pacs.send import WebTarget, deliver, open_sender
from hilum.records.accounts import Role
from hilum.web.context import WebContext
from messages import PORTUGUESE
from orthanc_server import OrthancServer
from radiographs import dicom_file, make_radiograph
from web_context import Page, csrf_in, open_page, open_web_context, trail
from zip_files import lying, zipped

FINDING = {
    "label": "Effusion",
    "code": {"value": "60046008", "scheme": "SCT", "meaning": "Pleural effusion"},
    "raw": 0.6123,
    "operating_point": 0.3,
    "score": 0.7246,
    "positive": True,
}


def document(**row: Any) -> dict[str, Any]:
    """Return a document about one file."""
    model = {"name": "m", "version": "1", "demonstration": True}
    read = {"status": "read", "reasons": [], "findings": [FINDING], "pixels": None, "seconds": {}}
    return {"model": model, "readings": [read | row]}


@pytest.fixture
def tried() -> list[tuple[bytes, str]]:
    """Return what was tried."""
    return []


@pytest.fixture
def web(
    tmp_path: Path, empty_orthanc: OrthancServer, tried: list[tuple[bytes, str]]
) -> Iterator[WebContext]:
    """Return a web with a real PACS, and a model that finds an effusion in everything."""

    def read_file(file: bytes, name: str) -> Mapping[str, Any]:
        tried.append((file, name))
        return document()

    with open_web_context(
        tmp_path, empty_orthanc, page={"max_upload_bytes": 20_000_000}, read_file=read_file
    ) as made:
        yield made


def post(client: httpx.Client, path: str, content: bytes, name: str = "a.dcm") -> httpx.Response:
    """Send a file as the page's script does."""
    headers = {"x-csrf-token": csrf_in(client.get("/files").text), "accept": "application/json"}
    return client.post(path, files={"file": (name, content)}, headers=headers)


def stored(server: OrthancServer) -> int:
    """Return how many instances the PACS holds."""
    with server.client() as orthanc:
        return len(orthanc.json("GET", "/instances"))


@pytest.mark.orthanc
def test_a_dicom_file_is_sent_and_the_second_time_known(
    page: Page, web: WebContext, empty_orthanc: OrthancServer
):
    """It is in the PACS then, and the trail says who sent it, not which patient's it is."""
    client, file = page.signed_in(Role.OPERATOR), dicom_file(make_radiograph())

    first, second = post(client, "/files/send", file), post(client, "/files/send", file)

    assert {"ok": True, "text": "1 sent"}.items() <= first.json().items()
    assert {"ok": True, "text": "1 already there"}.items() <= second.json().items()
    assert 1 == stored(empty_orthanc)
    assert [("some.operator", "file.uploaded")] * 2 == trail(web)


@pytest.mark.orthanc
def test_a_zip_is_unpacked_and_what_is_no_dicom_is_counted(
    page: Page, empty_orthanc: OrthancServer
):
    """Folders of a CD hold other things, too."""
    files = {f"images/{n}": dicom_file(make_radiograph()) for n in range(2)}
    content = zipped(**files, **{"README.TXT": b"x", "images/.DS_Store": b"y"})

    answer = post(page.signed_in(Role.OPERATOR), "/files/send", content, "cd.zip")

    assert "2 sent, 1 not DICOM" == answer.json()["text"]
    assert 2 == stored(empty_orthanc)


@pytest.mark.orthanc
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "This is not a DICOM file."),
        (b"", "a.dcm is empty (0 bytes)."),
        (b"PK\x03\x04 damaged", "This ZIP archive is damaged, or protected by a password."),
        (zipped(**{"a.txt": b"x"}), "No DICOM file was in it."),
        (zipped(bomb=bytes(15_000_000)), "1 not taken by the PACS"),
        (bytes(128) + b"DICM" + b"cut off", "a.dcm is truncated: it ends in the middle"),
    ],
    ids=["text", "empty", "damaged", "nothing in it", "bomb", "cut off"],
)
def test_what_is_no_image_is_said(
    page: Page, empty_orthanc: OrthancServer, content: bytes, said: str
):
    """And nothing is stored; a bomb is not unpacked."""
    answer = post(page.signed_in(Role.OPERATOR), "/files/send", content)

    assert 200 == answer.status_code
    assert answer.json()["text"].startswith(said)
    assert 0 == stored(empty_orthanc)


@pytest.mark.orthanc
def test_a_failed_upload_has_the_reason_of_the_command_line(
    page: Page, empty_orthanc: OrthancServer, tmp_path: Path
):
    """In the visitor's language."""
    content = dicom_file(make_radiograph())[:-1000]
    (tmp_path / "a.dcm").write_bytes(content)
    target = WebTarget(
        empty_orthanc.url,
        dicomweb=False,
        username=empty_orthanc.username,
        password=SecretStr(empty_orthanc.password),
    )
    with closing(open_sender(target)) as sender:
        (sent,) = deliver([replace(file_candidate(tmp_path / "a.dcm"), name="a.dcm")], sender)
    client = page.signed_in(Role.OPERATOR)
    client.headers["accept-language"] = "pt-BR"

    said = post(client, "/files/send", content).json()["text"]

    assert PORTUGUESE.say(sent.detail) == said
    assert sent.detail != said


@pytest.mark.orthanc
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_lies_about_its_size_is_not_unpacked(
    page: Page, empty_orthanc: OrthancServer, method: int
):
    """No more of it than it says, whatever it is packed with."""
    content = lying(300_000_000, 1000, method)
    tracemalloc.start()
    answer = post(page.signed_in(Role.OPERATOR), "/files/send", content)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert not answer.json()["ok"] or "not" in answer.json()["text"]
    assert most < 50_000_000
    assert 0 == stored(empty_orthanc)


@pytest.mark.orthanc
def test_too_large_a_file_is_not_taken(page: Page, empty_orthanc: OrthancServer):
    """The setting says how large."""
    answer = post(page.signed_in(Role.OPERATOR), "/files/send", bytes(20_000_001))

    assert 413 == answer.status_code
    assert "page.max_upload_bytes" in answer.json()["detail"]
    assert 0 == stored(empty_orthanc)


def test_a_pacs_that_is_away_is_said(tmp_path: Path):
    """The file can be sent again later."""
    with open_web_context(tmp_path) as web, open_page(web) as page:
        answer = post(page.signed_in(Role.OPERATOR), "/files/send", dicom_file(make_radiograph()))

    assert 502 == answer.status_code
    assert "did not answer" in answer.json()["detail"]


@pytest.mark.orthanc
def test_a_file_is_tried_without_storing_anything(
    page: Page, web: WebContext, empty_orthanc: OrthancServer, tried: list[tuple[bytes, str]]
):
    """Findings, operating points, and that this is the demonstration model."""
    shown = post(page.signed_in(Role.READER), "/files/try", b"12345", "/home/x/Doe Jane.png").text

    assert [(b"12345", "Doe Jane.png")] == tried
    assert "Pleural effusion" in shown
    assert "0.72" in shown
    assert "DEMONSTRATION" in shown
    assert 0 == stored(empty_orthanc)
    assert [("some.reader", "file.tried")] == trail(web)


@pytest.mark.parametrize(("status", "word"), [("refused", "Not analyzed"), ("failed", "Failed")])
def test_why_a_file_is_not_read_is_said(tmp_path: Path, status: str, word: str):
    """Every reason, with its code; what a file says of itself is text."""
    reasons = [{"code": "not_chest", "text": "not a chest: <script>HAND"}]
    row = document(status=status, reasons=reasons, findings=[])
    with open_web_context(tmp_path, read_file=lambda *_: row) as web, open_page(web) as page:
        shown = post(page.signed_in(Role.READER), "/files/try", b"x", "<script>.dcm").text

    assert "not a chest: &lt;script&gt;HAND" in shown
    assert "not_chest" in shown
    assert f">{word}<" in shown
    assert "<script>" not in shown


def test_without_a_model_nothing_is_tried(tmp_path: Path):
    """And it is said what to do; also when it went away meanwhile."""

    def gone(*_: object) -> Mapping[str, Any]:
        raise WeightsMissing("The model m is not installed.", "Run hilum models pull m.")

    with open_web_context(tmp_path) as web, open_page(web) as page:
        client = page.signed_in(Role.READER)
        assert "hilum models pull" in client.get("/files").text
        assert 503 == post(client, "/files/try", b"x").status_code
        object.__setattr__(web, "read_file", gone)
        answer = post(client, "/files/try", b"x")

    assert 503 == answer.status_code
    assert "hilum models pull m" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/files/send", "/files/try", "/api/v1/try"])
def test_nobody_fills_the_disk_before_signing_in(tmp_path: Path, path: str):
    """The body is not even read: the answer comes while it is still being sent."""
    sent = []

    def endless() -> Iterator[bytes]:
        start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for piece in [start, *[bytes(65536)] * 1000]:
            sent.append(len(piece))
            yield piece

    headers = {"content-type": "multipart/form-data; boundary=x", "accept": "application/json"}
    with open_web_context(tmp_path, read_file=lambda *_: document()) as web, open_page(web) as page:
        try:
            answer = page.browser().post(path, content=endless(), headers=headers)
        except httpx.WriteError:  # the server has closed the connection already
            answer = None

    assert answer is None or 401 == answer.status_code


@pytest.mark.parametrize("path", ["/login", "/look", "/api/v1/jobs/retry", "/users"])
def test_forms_are_small(tmp_path: Path, path: str):
    """Whether they say how large they are or not."""
    body = bytes(1_100_000)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    with open_web_context(tmp_path) as web, open_page(web) as page:
        client = page.signed_in(Role.OPERATOR)
        said = client.post(path, content=body, headers=kind).status_code
        unsaid = client.post(path, content=iter([body]), headers=kind).status_code

    assert 413 == said
    assert unsaid in {400, 413}
