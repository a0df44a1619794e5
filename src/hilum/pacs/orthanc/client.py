"""A client of Orthanc's REST API.

Sources
-------
Orthanc Book, "REST API of Orthanc"; works with 1.10 (Debian 12) and 1.12.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self, TypedDict, Unpack

import httpx

from hilum.errors import PacsRefused, PacsUnavailable
from hilum.language.message import filled_in
from hilum.pacs.http import headers, open_http, pacs_errors
from hilum.pacs.plain_http import Proof

REALM: Final = "Orthanc"
"""Begins the realm for which every Orthanc asks a password (HTTP WWW-Authenticate)."""

PROBE_S: Final = 1.0
"""Seconds that whatever listens on a port gets to say what it is."""


def is_orthanc(url: str) -> bool:
    """Whether an Orthanc answers at `url`, with or without asking for a password."""
    try:
        answer = httpx.get(f"{url}/system", timeout=PROBE_S)
    except httpx.HTTPError:
        return False
    return REALM in answer.headers.get("WWW-Authenticate", "") or '"DicomAet"' in answer.text


class Options(TypedDict, total=False):
    """What a request may have beside its method and path."""

    content: bytes | str
    """Body as it is."""
    json: Any
    """Body, to be written as JSON."""
    params: Mapping[str, int | str]
    """What comes after the question mark."""
    accept: str
    """Media type that is wanted."""
    timeout_s: float
    """Seconds to wait for this answer."""
    max_bytes: int | None
    """Size of the largest answer that is taken; None takes any."""


@contextmanager
def understood() -> Iterator[None]:
    """Let an answer that is JSON, but not what Orthanc says, be asked for again."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        raise garbled("sent an unexpected answer") from exc


def garbled(what: str, **values: object) -> PacsUnavailable:
    """Return the error that something went wrong on the way."""
    return PacsUnavailable(
        "The PACS {what}.",
        "Check whatever is between hilum and that Orthanc, e.g. a proxy.",
        what=filled_in(what, values),
    )


class Orthanc:
    """One Orthanc server."""

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 30.0,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
        proof: Proof | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        with pacs_errors(self.url):
            self._headers = headers(self.url, username, password)
            self._send, self._close = open_http(
                self.url, verify=verify, transport=transport, proof=proof
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._close()

    def request(self, method: str, path: str, **options: Unpack[Options]) -> httpx.Response:
        """Send one request and return its successful response.

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        PacsRefused
            The PACS answered no.
        FileTooLarge
            Its answer has more than ``max_bytes``.
        """
        with pacs_errors(self.url):
            limits = httpx.Timeout(options.get("timeout_s", self._timeout_s))
            request = httpx.Request(
                method,
                self.url + path,
                params=options.get("params"),
                headers=self._headers,
                content=options.get("content"),
                json=options.get("json"),
                extensions={"timeout": limits.as_dict(), "max_bytes": options.get("max_bytes")},
            )
            if "accept" in options:
                request.headers["Accept"] = options["accept"]
            return self._send(request).raise_for_status()

    def json(self, method: str, path: str, **options: Unpack[Options]) -> Any:
        """Send one request and return what its answer says as JSON.

        Raises
        ------
        PacsUnavailable
            No answer, not now, or an answer that is cut off or no JSON.
        PacsRefused
            The PACS answered no.
        """
        answer = self.request(method, path, **options)
        try:
            return answer.json()
        except ValueError as exc:
            raise garbled(
                "at {url} returned something other than JSON for {path}", url=self.url, path=path
            ) from exc

    def system(self) -> dict[str, Any]:
        """Return Orthanc's description of itself (``/system``).

        Raises
        ------
        PacsUnavailable
            No answer, or not now.
        PacsRefused
            The user name or password is wrong, or this is no Orthanc.
        """
        answer = self.request("GET", "/system")
        try:
            described: dict[str, Any] = answer.json()
            described["Version"]
        except (ValueError, LookupError, TypeError) as exc:
            raise PacsRefused(
                "What answers at {url} is not an Orthanc.",
                "Set pacs.url to the address of Orthanc's REST API, e.g. http://host:8042.",
                url=self.url,
            ) from exc
        return described
