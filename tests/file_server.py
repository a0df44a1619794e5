"""A real HTTP server on loopback that serves bytes, well or badly."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HALF = 2
"""A cut connection ends after this part of what was asked for."""


@dataclass
class FileServer:
    """What the server has, and how it behaves.

    Attributes
    ----------
    files
        Path → contents.
    etag
        Sent with every file; empty for none.
    ranges
        Whether it knows partial requests.
    cuts
        How many of the next answers end in the middle.
    status
        Answered to everything instead of a file, when set.
    requests
        ``Range`` of every request, in order; empty for a whole file.
    """

    files: dict[str, bytes]
    etag: str = '"first"'
    ranges: bool = True
    cuts: int = 0
    status: int = 0
    requests: list[str] = field(default_factory=list)
    url: str = ""


def handler_of(server: FileServer) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers requests for `server`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            server.requests.append(asked)
            contents = server.files.get(self.path)
            if server.status or contents is None:
                self.send_error(server.status or 404)
                return
            start = 0
            same = self.headers.get("If-Range", server.etag) == server.etag
            if asked and server.ranges and same:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(contents):
                    self.send_error(416)
                    return
                self.send_response(206)
                last = len(contents) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(contents)}")
            else:
                self.send_response(200)
            rest = contents[start:]
            self.send_header("Content-Length", str(len(rest)))
            if server.etag:
                self.send_header("ETag", server.etag)
            self.end_headers()
            if server.cuts:
                server.cuts -= 1
                rest = rest[: len(rest) // HALF]
                self.close_connection = True
            self.wfile.write(rest)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FileServer]:
    """Serve files on a free port until the block ends."""
    server = FileServer(files)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(server)) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
