"""A small object store that speaks enough of S3: lists, sizes and bytes, or a refusal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ERRORS = {
    403: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
    404: "<Error><Code>NoSuchKey</Code><Message>No such key.</Message></Error>",
    503: "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
}


class ObjectStore:
    """A store of one bucket.

    Attributes
    ----------
    objects
        Key → bytes.
    answer
        Status with which every request is answered; None for the right one.
    busy
        So many requests are answered with 503 first.
    asked
        Method and path of each request.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.answer: int | None = None
        self.busy = 0
        self.asked: list[str] = []
        self.address = ""


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Yield a store that listens on this machine, at ``store.address``."""
    store = ObjectStore()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            store.asked.append(f"{self.command} {self.path}")
            _, _, *rest = unquote(url.path).split("/", 2)
            key = rest[0] if rest else ""
            if store.busy or store.answer is not None:
                store.busy = max(0, store.busy - 1)
                self.reply(store.answer or 503)
            elif key:
                content = store.objects.get(key)
                self.reply(404) if content is None else self.reply(200, content)
            else:
                self.reply(200, listing(store, parse_qs(url.query)))

        do_HEAD = do_GET  # noqa: N815  the library calls it

        def reply(self, status: int, content: bytes | None = None) -> None:
            body = ERRORS[status].encode() if content is None else content
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"1"')
            self.send_header("Last-Modified", "Fri, 27 Nov 2026 00:00:00 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    store.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listing(store: ObjectStore, query: dict[str, list[str]]) -> bytes:
    """Return an answer of ListObjectsV2."""
    prefix = query.get("prefix", [""])[0]
    delimiter = query.get("delimiter", [""])[0]
    keys = [key for key in sorted(store.objects) if key.startswith(prefix)]
    folders = {}
    entries = []
    for key in keys:
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
        if found:
            folders[f"{prefix}{head}{delimiter}"] = True
        else:
            entries.append(key)
    said = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(store.objects[key])}</Size>"
        "<ETag>&quot;1&quot;</ETag><LastModified>2026-11-27T00:00:00.000Z</LastModified>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in entries
    )
    said += "".join(
        f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders
    )
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>bucket</Name><KeyCount>{len(entries)}</KeyCount><MaxKeys>1000</MaxKeys>"
        f"<IsTruncated>false</IsTruncated>{said}</ListBucketResult>"
    ).encode()
