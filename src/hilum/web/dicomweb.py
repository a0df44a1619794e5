"""The PACS's DICOMweb behind the page's login: read only, and only what OHIF asks for.

Nothing of a request is handed on: what Orthanc is asked is written anew from parts that are
allowed, each by name. Orthanc is never asked for another transfer syntax or for a picture: it
would decode, and its decoders end with some files.

Sources
-------
DICOM PS3.18, 10.4 (Retrieve) and 10.6 (Search); RFC 7239 (Forwarded), by which Orthanc
knows the address under which its bulk data is reached.
"""

import json
import re
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from hilum.errors import PacsNotOurs
from hilum.language import Message
from hilum.pacs.credentials import PacsAddress
from hilum.pacs.http import pacs_errors
from hilum.pacs.plain_http import Proof, require_same
from hilum.records import limits
from hilum.web.context import WebContext
from hilum.web.ohif import DICOMWEB_PATH
from hilum.web.ohif_metadata import for_ohif
from hilum.web.sessions import Context, Viewer, note_async, note_search
from hilum.web.slots import ProxySlot, TimedResponse

router: Final = APIRouter(include_in_schema=False)

UID: Final = r"(?=[0-9.]{1,64}(?:/|$))[0-9]+(?:\.[0-9]+)*"
SERIES: Final = rf"studies/{UID}/series/{UID}"
INSTANCE: Final = rf"{SERIES}/instances/{UID}"

SEARCH: Final = re.compile(rf"(?:(?:studies/{UID}/|{SERIES}/)?(?:series|instances)|studies)")
METADATA: Final = re.compile(rf"(?:studies/{UID}|{SERIES}|{INSTANCE})/metadata")
FILE: Final = re.compile(INSTANCE)
BULK: Final = r"bulk(?:data)?/[0-9A-Za-z/]{1,200}"
PIXELS: Final = re.compile(rf"{INSTANCE}/(?:frames/[0-9]{{1,6}}|{BULK})")
STUDY: Final = re.compile(rf"studies/({UID})")

JSON: Final = "application/dicom+json"
AS_STORED: Final = "multipart/related; type={}; transfer-syntax=*"

ASKED: Final = {
    SEARCH: JSON,
    METADATA: JSON,
    FILE: AS_STORED.format("application/dicom"),
    PIXELS: AS_STORED.format("application/octet-stream"),
}
"""Path → the media type that Orthanc is asked for."""

ATTRIBUTE: Final = re.compile(
    r"[0-9A-Fa-f]{8}|AccessionNumber|BodyPartExamined|InstanceNumber|Modality|ModalitiesInStudy"
    r"|PatientBirthDate|PatientID|PatientName|PatientSex|ReferringPhysicianName|SOPClassUID"
    r"|SOPInstanceUID|SeriesDescription|SeriesInstanceUID|SeriesNumber|StudyDate|StudyDescription"
    r"|StudyID|StudyInstanceUID|StudyTime"
)
VALUE: Final = re.compile(r"[^\x00-\x1f\x7f]{0,256}")
CONTROLS: Final = {
    "limit": re.compile(r"[0-9]{1,6}"),
    "offset": re.compile(r"[0-9]{1,9}"),
    "fuzzymatching": re.compile(r"true|false"),
    "includefield": re.compile(r"[0-9A-Za-z,]{1,1024}"),
}
"""Parameters of a search beside attributes (PS3.18 8.3.4), and what each may say."""

OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override")
"""Headers by which some servers take another method than the request's own."""

HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")

PASSED_BACK: Final = ("content-length", "content-encoding", "etag")

CHUNK: Final = 256 * 1024

HIERARCHY: Final = ("0020000D", "0020000E", "00080018")
"""Study, Series and SOP Instance UID in DICOM JSON."""

PAGING: Final = frozenset({"limit", "offset"})
MOST_LISTED: Final = 2000
MOST_READ: Final = 16 * 1024 * 1024
"""Entries and bytes of a list from which what somebody does not see is taken out."""

WITHIN_MOST: Final = 20_000
"""Instances that are remembered with the study and series that they are in."""

SAFE: Final = re.compile(
    r"(?:multipart/related|application/(?:dicom|dicom\+json|json|octet-stream)|image/(?!svg))",
    re.IGNORECASE,
)
"""Types that no browser runs as a page; anything else is handed on as bytes."""

METADATA_MOST: Final = 16 * 1024 * 1024
"""Bytes of metadata that are looked through: those of some thousand images."""

VIEWED_MOST: Final = 4096
"""Sessions and studies that are remembered, so that one look is one line of the audit trail."""

NOT_THERE: Final = Message("Image not found. It may have been deleted from the PACS.")
TOO_MUCH: Final = Message("This list is too long. Narrow the search.")
NOT_OPEN: Final = Message("Only requests that a viewer needs are passed on to the PACS.")


def client_of(pacs: PacsAddress, timeout_s: float) -> httpx.AsyncClient:
    """Return what asks the PACS, logged in; for one event loop."""
    with pacs_errors(pacs.url):
        return httpx.AsyncClient(
            base_url=pacs.dicomweb,
            auth=pacs.auth,
            timeout=timeout_s,
            headers={"accept-encoding": "identity"},
            trust_env=pacs.proof is None,  # no proxy on the way to this machine
            verify=pacs.verify,
        )


@router.get(DICOMWEB_PATH + "/{path:path}", dependencies=[ProxySlot])
async def hand_through(path: str, request: Request, who: Viewer, context: Context) -> Response:
    """Hand a request to the PACS, and its answer back piece by piece."""
    question = asked(path, request, context.address.proof, whole=who.limits is None)
    study = STUDY.match(path)
    if who.limits is not None:
        await _require_seen(path, request, context)
    if study and request.app.state.viewed.add((who.key or who.name, study[1])):
        await note_async(context, who.name, "study.viewed", study=study[1], by="dicomweb")
    if study is None:
        given = request.query_params
        await run_in_threadpool(note_search, request, context, who, "dicomweb", given)
    if who.limits is not None and (SEARCH.fullmatch(path) or METADATA.fullmatch(path)):
        return await _seen_part(path, question, request, context)
    with pacs_errors(context.address.url):
        answer = await _answer(question, request)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            await answer.aclose()
            answer.raise_for_status()
    if answer.status_code == httpx.codes.NO_CONTENT:  # how some say that they found nothing
        await answer.aclose()
        return JSONResponse([], media_type=JSON)
    kind = answer.headers.get("content-type", "")
    passed = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    passed["content-type"] = kind if SAFE.match(kind) else "application/octet-stream"
    pieces = _pieces(answer)
    if METADATA.fullmatch(path):
        passed.pop("content-length", None)
        pieces = _mended(pieces, _mend(request, context))
    return TimedResponse(pieces, answer.status_code, headers=passed)


def _mend(request: Request, context: WebContext) -> Callable[[bytes], bytes]:
    """Return what makes the PACS's metadata those of this page's viewer."""
    there = context.address.dicomweb.encode()
    here = f"{request.url.scheme}://{request.headers['host']}{DICOMWEB_PATH}".encode()
    return lambda metadata: for_ohif(metadata.replace(there, here))


def asked(path: str, request: Request, proof: Proof | None, *, whole: bool = True) -> httpx.Request:
    """Return what Orthanc is asked, made of allowed parts alone.

    Parameters
    ----------
    whole
        Whether the answer is handed on as it is; False: a list is asked for from its beginning.

    Raises
    ------
    HTTPException
        A part of the request is not among them.
    """
    accept = next((kind for form, kind in ASKED.items() if form.fullmatch(path)), None)
    headers, host = request.headers, request.headers.get("host", "")
    if (
        accept is None
        or request.scope["raw_path"] != f"{DICOMWEB_PATH}/{path}".encode()  # nothing is escaped
        or headers.get("content-length", "0") != "0"
        or "transfer-encoding" in headers
        or any(name in headers for name in OVERRIDES)
        or HOST.fullmatch(host) is None
    ):
        raise HTTPException(HTTPStatus.BAD_REQUEST, NOT_OPEN)
    searches = SEARCH.fullmatch(path) is not None
    given = _parameters(request, searches=searches)
    if searches and not whole:
        given = [pair for pair in given if pair[0] not in PAGING] + [("limit", str(MOST_LISTED))]
    return _question(path, given, accept, request, proof)


def _question(
    path: str,
    parameters: list[tuple[str, str]],
    accept: str,
    request: Request,
    proof: Proof | None,
) -> httpx.Request:
    host = request.headers["host"]
    told = {"accept": accept, "host": host, "forwarded": f"host={host};proto={request.url.scheme}"}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters)
    client: httpx.AsyncClient = request.app.state.dicomweb
    address = f"/{path}?{query}" if query else f"/{path}"
    return client.build_request(
        "GET", address, headers=told, extensions={"trace": Connecting(proof)}
    )


class Connecting:
    """Hears of the connection that carries a question; around a new one it asks for a proof."""

    def __init__(self, proof: Proof | None) -> None:
        self._proof = proof
        self._before: frozenset[str] | None = None
        self.new = False

    async def __call__(self, event: str, found: dict[str, Any]) -> None:
        """Hear of an event (httpcore's names)."""
        if event == "connection.connect_tcp.started":
            self.new = True
            self._before = self._proof and self._proof()
        if event == "connection.connect_tcp.complete":
            try:
                require_same(self._before, self._proof)
            except (httpx.ConnectError, PacsNotOurs):
                await found["return_value"].aclose()
                raise


async def _answer(question: httpx.Request, request: Request) -> httpx.Response:
    """Ask the PACS, and again where it let go of a connection that had been kept open.

    It may do so in the moment of the question: Orthanc after half a second without one.
    """
    client: httpx.AsyncClient = request.app.state.dicomweb
    connecting: Connecting = question.extensions["trace"]
    while True:
        connecting.new = False
        try:
            return await client.send(question, stream=True)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if connecting.new:
                raise


def _parameters(request: Request, *, searches: bool) -> list[tuple[str, str]]:
    """Return the parameters of a search; anything else has none."""
    given = request.query_params.multi_items()
    if not given:
        if request.url.query:
            raise HTTPException(HTTPStatus.BAD_REQUEST, NOT_OPEN)
        return []
    names = [name for name, _ in given if name != "includefield"]
    if not searches or len(set(names)) < len(names) or not all(map(_is_allowed, given)):
        raise HTTPException(HTTPStatus.BAD_REQUEST, NOT_OPEN)
    return given


def _is_allowed(parameter: tuple[str, str]) -> bool:
    name, value = parameter
    allowed = CONTROLS.get(name) or (VALUE if ATTRIBUTE.fullmatch(name) else None)
    return allowed is not None and allowed.fullmatch(value) is not None


async def _require_seen(path: str, request: Request, context: WebContext) -> None:
    """Raise `HTTPException` unless an address is of a study that is seen, and a file in it its own.

    The PACS is asked of no other study: one that is not seen is like one that is not there.
    """
    study = STUDY.match(path)
    if study is not None and not await _seen(context, {study[1]}):
        raise HTTPException(HTTPStatus.NOT_FOUND, NOT_THERE)
    if FILE.match(path) is None or METADATA.fullmatch(path):
        return
    named = tuple(path.split("/")[1:6:2])
    within = request.app.state.within
    if named in within:
        return
    given, address = [("SOPInstanceUID", named[2])], path[: path.index("/instances/")]
    proof = context.address.proof
    question = _question(f"{address}/instances", given, JSON, request, proof)
    for found in await _listed(question, request, context):
        if named == tuple(_value(found, tag) for tag in HIERARCHY):
            within.add(named)
            return
    raise HTTPException(HTTPStatus.NOT_FOUND, NOT_THERE)


async def _seen_part(
    path: str, question: httpx.Request, request: Request, context: WebContext
) -> Response:
    """Return what of a list is of studies that are seen, whatever the PACS made of the question.

    Pages are counted here: by the PACS's pages one could count what is left out.
    """
    found = await _listed(question, request, context)
    study = STUDY.match(path)
    named = {study[1]} if study else {_value(each, HIERARCHY[0]) for each in found}
    there = await _seen(context, named)
    seen = [each for each in found if _value(each, HIERARCHY[0]) in there]
    if METADATA.fullmatch(path):
        if not seen:
            raise HTTPException(HTTPStatus.NOT_FOUND, NOT_THERE)
        return Response(_mend(request, context)(json.dumps(seen).encode()), media_type=JSON)
    start = int(request.query_params.get("offset", "0"))
    size = int(request.query_params.get("limit", str(MOST_LISTED)))
    return JSONResponse(seen[start : start + size], media_type=JSON)


async def _seen(context: WebContext, studies: set[str]) -> set[str]:
    def look() -> set[str]:
        with context.database.look() as connection:
            return limits.seen(connection, context.archive, studies)

    return await run_in_threadpool(look)


async def _listed(
    question: httpx.Request, request: Request, context: WebContext
) -> list[dict[str, Any]]:
    """Return a list of the PACS; empty where it has no answer to that."""
    read = bytearray()
    with pacs_errors(context.address.url):
        answer = await _answer(question, request)
        try:
            if answer.status_code == httpx.codes.NOT_FOUND:
                return []
            answer.raise_for_status()
            async for piece in answer.aiter_raw(CHUNK):
                read += piece
                if len(read) > MOST_READ:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_MUCH)
        finally:
            await answer.aclose()
    found = await run_in_threadpool(json.loads, read or b"[]")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _value(dataset: dict[str, Any], tag: str) -> str:
    """Return the one value of an attribute in DICOM JSON, empty for anything else."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]) if isinstance(values, list) and len(values) == 1 else ""


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the answer as it comes, and let go of it when the browser leaves."""
    try:
        async for piece in answer.aiter_raw(CHUNK):
            yield piece
    finally:
        await answer.aclose()


async def _mended(
    pieces: AsyncIterator[bytes], mend: Callable[[bytes], bytes]
) -> AsyncIterator[bytes]:
    """Yield metadata as a viewer needs it; as it comes where it is very long."""
    content = b""
    async for piece in pieces:
        content += piece
        if len(content) > METADATA_MOST:
            yield content
            async for rest in pieces:
                yield rest
            return
    yield mend(content)
