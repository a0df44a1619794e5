"""REST and STOW-RS: what goes wrong, with the real Orthanc and with servers that are none."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr
from pydicom import Dataset

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.pacs.send import Outgoing, SendStatus, WebTarget, open_sender
from orthanc_server import OrthancServer, free_ports
from radiographs import dicom_file

Serve = Callable[..., str]


@pytest.fixture
def encodings() -> list[str | None]:
    """Return what the server of `serve` was told that answers may be squeezed with."""
    return []


@pytest.fixture
def serve(encodings: list[str | None]) -> Iterator[Serve]:
    """Start a server that gives one answer to everything: for faults that Orthanc has not."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, body: str, content_type: str = "application/json") -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                encodings.append(self.headers["Accept-Encoding"])
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                self.wfile.write(body.encode())

            do_POST = do_GET  # noqa: N815  http.server's name

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def file(radiograph: Dataset) -> Outgoing:
    """Return a file to be sent."""
    return Outgoing.from_bytes(dicom_file(radiograph), name="a.dcm")


def web(url: str, *, dicomweb: bool, password: str | None = None) -> WebTarget:
    """Return a target with the test user's name."""
    return WebTarget(
        url,
        dicomweb=dicomweb,
        username=None if password is None else "hilum",
        password=None if password is None else SecretStr(password),
    )


@pytest.mark.orthanc
@pytest.mark.parametrize(("dicomweb", "path"), [(False, ""), (True, "/dicom-web")])
@pytest.mark.parametrize("password", ["wrong", None])
def test_wrong_password_is_named(
    orthanc: OrthancServer, dicomweb: bool, path: str, password: str | None
):
    """Before any file is sent, and without repeating it."""
    target = web(f"{orthanc.url}{path}", dicomweb=dicomweb, password=password)
    with (
        closing(open_sender(target)) as sender,
        pytest.raises(PacsRefused, match="user name or password"),
    ):
        sender.check()


@pytest.mark.orthanc
def test_rest_tells_what_was_already_there(empty_orthanc: OrthancServer, file: Outgoing):
    """Orthanc says so, and so do we."""
    target = web(empty_orthanc.url, dicomweb=False, password=empty_orthanc.password)
    with closing(open_sender(target)) as sender:
        assert [SendStatus.STORED, SendStatus.ALREADY_THERE] == [
            sender.send(file).sent for _ in range(2)
        ]


@pytest.mark.orthanc
@pytest.mark.parametrize(("dicomweb", "path"), [(False, ""), (True, "/dicom-web")])
def test_file_that_orthanc_does_not_take_is_refused(
    empty_orthanc: OrthancServer, file: Outgoing, dicomweb: bool, path: str
):
    """With a reason, whatever it is."""
    broken = Outgoing(file.name, b"not DICOM", "1.2", "1.2.3", "1.2.840.10008.1.2")
    target = web(f"{empty_orthanc.url}{path}", dicomweb=dicomweb, password=empty_orthanc.password)
    with closing(open_sender(target)) as sender:
        outcome = sender.send(broken)

    assert SendStatus.REFUSED is outcome.sent
    assert outcome.detail


@pytest.mark.parametrize("dicomweb", [False, True])
def test_nobody_there_is_named(file: Outgoing, dicomweb: bool):
    """The check says it once; a file that is sent all the same is failed."""
    (port,) = free_ports(1)
    with closing(open_sender(web(f"http://127.0.0.1:{port}", dicomweb=dicomweb))) as sender:
        with pytest.raises(PacsUnavailable, match=f"127.0.0.1:{port} did not answer"):
            sender.check()
        assert SendStatus.FAILED is sender.send(file).sent


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"Name": "x"}'])
def test_server_that_is_no_orthanc_is_named(serve: Serve, body: str):
    """And the way to send over DICOMweb is shown."""
    url = serve(200, body)
    with (
        closing(open_sender(web(url, dicomweb=False))) as sender,
        pytest.raises(PacsRefused, match=r"not an Orthanc.*stow\+http"),
    ):
        sender.check()


@pytest.mark.parametrize("dicomweb", [False, True])
def test_busy_server_fails_the_file(serve: Serve, file: Outgoing, dicomweb: bool):
    """503: sending again may help."""
    with closing(open_sender(web(serve(503, "busy"), dicomweb=dicomweb))) as sender:
        outcome = sender.send(file)

    assert SendStatus.FAILED is outcome.sent
    assert "503" in outcome.detail


def failed(reason: int) -> str:
    """Return a STOW-RS answer in which the file failed (PS3.18 10.5.3)."""
    return json.dumps(
        {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [reason]}}]}}
    )


@pytest.mark.parametrize(
    ("answer", "sent", "said"),
    [
        ((409, failed(0xA900)), SendStatus.REFUSED, "A900H: Data Set does not match SOP Class"),
        ((409, failed(0xC122)), SendStatus.REFUSED, "C122H: Transfer Syntax not supported"),
        ((202, failed(0xA700)), SendStatus.FAILED, "A700H: Out of resources"),
        ((409, failed(0x0111)), SendStatus.ALREADY_THERE, "Duplicate"),
        ((409, failed(0x1234)), SendStatus.REFUSED, "1234H"),
        ((409, failed(0xB000)), SendStatus.REFUSED, "did not store it (B000H)"),
        ((202, failed(0xB006)), SendStatus.REFUSED, "did not store it (B006H)"),
        ((409, failed(0xBFFF)), SendStatus.REFUSED, "did not store it (BFFFH)"),
        ((200, failed(0)), SendStatus.REFUSED, "did not store it (0000H)"),
        ((409, "{}"), SendStatus.REFUSED, "HTTP 409 and stored nothing"),
        ((200, "{}"), SendStatus.REFUSED, "stored nothing"),
        ((200, "[]"), SendStatus.FAILED, "not a STOW-RS response"),
        ((200, "<html>"), SendStatus.FAILED, "not a STOW-RS response"),
        ((200, '{"00081198": {"Value": [{}]}}'), SendStatus.FAILED, "not a STOW-RS response"),
        ((400, "no"), SendStatus.REFUSED, "400"),
        ((200, '{"00081199": {"Value": [{}]}}'), SendStatus.STORED, ""),
    ],
)
def test_stow_answers_are_understood(
    serve: Serve, file: Outgoing, answer: tuple[int, str], sent: SendStatus, said: str
):
    """Success, warning and failure, by their reason."""
    with closing(open_sender(web(serve(*answer), dicomweb=True))) as sender:
        outcome = sender.send(file)

    assert sent is outcome.sent
    assert said in outcome.detail


@pytest.mark.parametrize("dicomweb", [False, True])
def test_answers_are_never_squeezed(
    serve: Serve, file: Outgoing, encodings: list[str | None], dicomweb: bool
):
    """Every request says so: some servers squeeze whole radiographs."""
    with closing(open_sender(web(serve(200, "{}"), dicomweb=dicomweb))) as sender:
        with suppress(PacsRefused):
            sender.check()
        sender.send(file)

    assert {"identity"} == set(encodings)


@pytest.mark.parametrize("body", ["", "[]", '{"Message": "Bad file format"}'])
def test_orthancs_own_reason_is_repeated(serve: Serve, file: Outgoing, body: str):
    """Where it gives one."""
    with closing(open_sender(web(serve(400, body), dicomweb=False))) as sender:
        outcome = sender.send(file)

    assert SendStatus.REFUSED is outcome.sent
    assert ("Orthanc said: Bad file format." == outcome.detail) is ("Bad" in body)
