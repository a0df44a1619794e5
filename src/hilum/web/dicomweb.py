"""Orthanc's DICOMweb behind the page's login: read only, and only what viewers ask for.

Sources
-------
DICOM PS3.18, 10.4 (Retrieve) and 10.6 (Search); RFC 7239 (Forwarded), by which Orthanc
knows the address under which its bulk data is reached.
"""

import re
from collections.abc import AsyncIterator
from typing import Final

import httpx
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from hilum.errors import NotInPacs
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.http import pacs_errors
from hilum.web.ohif import DICOMWEB_PATH
from hilum.web.sessions import Context, Viewer, note_async

router: Final = APIRouter(include_in_schema=False)

UID: Final = r"(?=[0-9.]{1,64}(?:/|$))[0-9]+(?:\.[0-9]+)*"
RETRIEVED: Final = r"(?:metadata|rendered|thumbnail|bulk/[0-9a-f/]+)"
ALLOWED: Final = re.compile(
    rf"(?:studies|series|instances"
    rf"|studies/(?P<study>{UID})(?:"
    rf"|/(?:series|instances|{RETRIEVED})"
    rf"|/series/{UID}(?:|/instances|/{RETRIEVED})"
    rf"|/series/{UID}/instances/{UID}(?:|/frames/[0-9,]{{1,64}}(?:/rendered)?|/{RETRIEVED})"
    rf"))",
    re.IGNORECASE,
)
"""Searches and retrievals; nothing that stores, deletes or asks other servers."""

PASSED_ON: Final = ("accept", "range")
"""Request headers that the answer depends on."""

PASSED_BACK: Final = ("content-length", "content-range", "content-encoding", "etag")

CHUNK: Final = 256 * 1024

SAFE: Final = re.compile(
    r"(?:multipart/related|application/(?:dicom|dicom\+json|json|octet-stream)|image/(?!svg))",
    re.IGNORECASE,
)
"""Types that no browser runs as a page; anything else is handed on as bytes."""

VIEWED_MOST: Final = 4096
"""Sessions and studies that are remembered, so that one look is one line of the audit trail."""


def client_of(pacs: PacsAddress, timeout_s: float) -> httpx.AsyncClient:
    """Return what asks the PACS, logged in; for one event loop."""
    auth = None if pacs.username is None else (pacs.username, pacs.secret or "")
    with pacs_errors(pacs.url):
        return httpx.AsyncClient(
            base_url=pacs.url,
            auth=auth,
            timeout=timeout_s,
            headers={"accept-encoding": "identity"},
            verify=pacs.tls.context() if pacs.url.startswith("https:") else True,
        )


@router.get(DICOMWEB_PATH + "/{path:path}")
async def hand_through(path: str, request: Request, who: Viewer, context: Context) -> Response:
    """Hand a request to the PACS, and its answer back piece by piece."""
    found = ALLOWED.fullmatch(path)
    if found is None:
        raise NotInPacs("DICOMweb is open for searching and reading only.", "See docs/page.md.")
    study = found["study"]
    if study is not None and request.app.state.viewed.add((who.key or who.name, study)):
        await note_async(context, who.name, "study.viewed", study=study, by="dicomweb")
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    host, scheme = request.headers.get("host", ""), request.url.scheme
    headers |= {"host": host, "forwarded": f"host={host};proto={scheme}"}
    client: httpx.AsyncClient = request.app.state.dicomweb
    address = f"{DICOMWEB_PATH}/{path}" + (f"?{request.url.query}" if request.url.query else "")
    with pacs_errors(context.address.url):
        answer = await client.send(
            client.build_request("GET", address, headers=headers), stream=True
        )
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            await answer.aclose()
            answer.raise_for_status()
    kind = answer.headers.get("content-type", "")
    passed = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    passed["content-type"] = kind if SAFE.match(kind) else "application/octet-stream"
    return StreamingResponse(_pieces(answer), answer.status_code, headers=passed)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the answer as it comes, and let go of it when the browser leaves."""
    try:
        async for piece in answer.aiter_raw(CHUNK):
            yield piece
    finally:
        await answer.aclose()
