"""HTTP to a PACS: transport, headers, and the translation of httpx's errors into ours.

The one place that knows both httpx's errors and ours.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final
from urllib.request import getproxies

import httpx

from hilum.errors import FileTooLarge, NotInPacs, PacsRefused, PacsUnavailable
from hilum.language import Message
from hilum.pacs.plain_http import PlainTransport, Proof

BUSY: Final = frozenset({408, 424, 425, 429})
"""HTTP statuses that say "not now": asking again may help, like any 5xx. Azure answers 424 while
it does not reach its own storage."""

SERVER_ERROR: Final = 500
"""First HTTP status of the class "the server's fault"."""

AS_IT_IS: Final = {"Accept-Encoding": "identity"}
"""Said with every request: Orthanc, for one, squeezes every answer with gzip where it may, which
takes 0.2 s of the processor for a radiograph."""

LIMITS: Final = httpx.Limits(
    max_connections=100, max_keepalive_connections=20, keepalive_expiry=0.5
)
"""httpx's own, but that a connection is left after half a second without work: Orthanc closes it
after one, and a request that is just on its way is then lost."""

Send = Callable[[httpx.Request], httpx.Response]
"""Sends one request and reads the whole answer."""


@contextmanager
def pacs_errors(url: str) -> Iterator[None]:
    """Turn what httpx raises into our errors.

    Raises
    ------
    PacsUnavailable
        No answer, or the PACS says that it can't serve us now.
    PacsRefused
        The PACS answered no; `NotInPacs` when it does not hold that.
    """
    try:
        yield
    except httpx.HTTPStatusError as exc:
        status = exc.response.status_code
        if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise PacsRefused(
                "The PACS at {url} does not accept the user name or password (HTTP {status}).",
                "Set pacs.username and pacs.password to those of that PACS; with hilum send "
                "--to, give --user.",
                url=url,
                status=status,
            ) from exc
        if status in BUSY or status >= SERVER_ERROR:
            raise PacsUnavailable(
                "The PACS at {url} answered HTTP {status}.",
                "Check its log for this minute; hilum retries where it can.",
                url=url,
                status=status,
            ) from exc
        refusal = NotInPacs if status == httpx.codes.NOT_FOUND else PacsRefused
        raise refusal(
            Message(
                "The PACS at {url} answered HTTP {status} to {path}.",
                url=url,
                status=status,
                path=exc.request.url.path,
            ),
            Message("Check that this is the address of that PACS."),
        ) from exc
    except httpx.InvalidURL as exc:
        raise PacsRefused(
            "{url} is not an address: {exc}.", "Write it as http://host:8042.", url=url, exc=exc
        ) from exc
    except httpx.HTTPError as exc:  # time-outs, connections, protocol, certificates
        also = Message(", and the certificates of both sides") if url.startswith("https:") else ""
        raise PacsUnavailable(
            "The PACS at {url} did not answer ({kind}).",
            "Check that it is running and that host and port are right{also}.",
            url=url,
            kind=type(exc).__name__,
            also=also,
        ) from exc


def open_http(
    url: str,
    *,
    verify: ssl.SSLContext | bool,
    transport: httpx.BaseTransport | None,
    proof: Proof | None = None,
) -> tuple[Send, Callable[[], None]]:
    """Return what sends requests, and what closes its connections.

    Plain HTTP goes past httpx's client, which takes as long for its cookies, redirects and
    addresses as the request itself; TLS and proxies go through it. With a proof there is
    no proxy: the server is of this machine.
    """
    if proof or (transport is None and url.startswith("http://") and not getproxies()):
        plain = PlainTransport(proof)
        return plain.handle_request, plain.close
    client = httpx.Client(verify=verify, transport=transport, limits=LIMITS)

    def send(request: httpx.Request) -> httpx.Response:
        most = request.extensions.get("max_bytes")
        if most is None:
            return client.send(request)
        answer, content = client.send(request, stream=True), bytearray()
        with closing(answer):
            for piece in answer.iter_bytes():
                content += piece
                if answer.is_success and len(content) > most:
                    raise FileTooLarge(len(content), most)
        kept = {name: answer.headers[name] for name in ("content-type",) if name in answer.headers}
        return httpx.Response(
            answer.status_code, headers=kept, content=bytes(content), request=request
        )

    return send, client.close


def headers(url: str, username: str | None, password: str | None) -> httpx.Headers:
    """Return what every request says, with the credentials."""
    request = httpx.Request("GET", url, headers=AS_IT_IS)
    if username is not None:
        request = next(httpx.BasicAuth(username, password or "").sync_auth_flow(request))
    return httpx.Headers({n: v for n, v in request.headers.items() if n != "host"})
