"""OHIF's own build and Orthanc's DICOMweb on one origin, as the page serves them."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from hilum.web.ohif import DICOMWEB_PATH, app_config, labels_inside
from hilum.web.ohif_metadata import for_ohif
from orthanc_server import OrthancServer

INSTALLED: Final = Path(__file__).parents[2] / "viewer" / "node_modules"
RELEASES: Final = {
    "current": INSTALLED / "@ohif" / "app" / "dist",
    "previous": INSTALLED / "ohif-previous" / "dist",
}
"""Where scripts/ohif.sh puts OHIF, and the release before."""

EACH_RELEASE: Final = pytest.mark.parametrize("ohif", RELEASES, indirect=True)
"""For a test of each kind of result; the others meet the current release alone."""

PASSED_ON: Final = ("accept", "content-type", "host")
"""Request headers that Orthanc's answer depends on; `host` is that of its bulk data links."""


class OhifHandler(SimpleHTTPRequestHandler):
    """OHIF's files; ``/dicom-web`` goes to Orthanc; any other path is one of OHIF's pages."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, archive: httpx.Client, dist: Path) -> None:
        self.archive = archive
        super().__init__(*args, directory=str(dist))

    def do_GET(self) -> None:
        """Answer as a web server with OHIF installed does."""
        path = self.path.partition("?")[0]
        if path.startswith(f"{DICOMWEB_PATH}/"):
            self.forward()
        elif path == "/app-config.js":
            self.answer(httpx.codes.OK, "text/javascript", app_config().encode())
        elif path.endswith(".js") and (script := Path(self.translate_path(path))).is_file():
            self.answer(httpx.codes.OK, "text/javascript", labels_inside(script.read_bytes()))
        elif Path(self.translate_path(path)).is_file():
            super().do_GET()
        else:
            self.path = "/index.html"
            super().do_GET()

    def forward(self) -> None:
        """Hand the request to Orthanc, and its answer back."""
        path = self.path.partition("?")[0]
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        answer = self.archive.get(self.path, headers=headers)
        kind = answer.headers.get("content-type", "application/octet-stream")
        content = answer.content
        if path.endswith("/metadata"):
            content = for_ohif(content)
        self.answer(answer.status_code, kind, content)

    def answer(self, status: int, kind: str, body: bytes) -> None:
        """Send one whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        """Let the browser keep the parts of OHIF whose names change with their contents."""
        if ".bundle." in self.path or self.path.endswith(".wasm"):
            self.send_header("Cache-Control", "public, max-age=3600, immutable")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep the tests' output readable."""


class OhifServer(ThreadingHTTPServer):
    """Serves one browser; a tab that is closed in the middle of an answer is no error."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, unless the browser left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running_ohif(orthanc: OrthancServer, dist: Path) -> Iterator[str]:
    """Serve OHIF on a free port of loopback; yield its address."""
    login = (orthanc.username, orthanc.password)
    with httpx.Client(base_url=orthanc.url, auth=login, timeout=30) as archive:
        handler = partial(OhifHandler, archive=archive, dist=dist)
        with OhifServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
