"""Uploaded files: sent to the PACS, or analyzed without storing anything."""

import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass
from http import HTTPStatus
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from hilum.errors import HilumError, SourceUnreadable
from hilum.files.candidate import Candidate
from hilum.language import Message
from hilum.pacs.send import Outgoing, Sender, SendStatus, open_sender
from hilum.reading import Finding
from hilum.web.context import WebContext
from hilum.web.pages import fill, render
from hilum.web.sessions import Context, NodeOperator, Reader, Visitor, note
from hilum.web.slots import slots_of
from hilum.wording import finding_name, probability_text, shown_score

router: Final = APIRouter(include_in_schema=False)

ZIP_START: Final = b"PK\x03\x04"
MOST_IN_ZIP: Final = 5000
"""Files of one archive that are looked at."""

BOUNDED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Compressions that zipfile unpacks piece by piece; the others as a whole, however large."""

RATIO: Final = 200
"""An archive that grows by more than this when it is unpacked is none of ours."""

NO_FILE: Final = Message("No file was sent, or the connection was lost.")
NOT_DICOM: Final = Message("This is not a DICOM file.")
NOT_A_ZIP: Final = Message("This ZIP archive is damaged, or protected by a password.")
TOO_LARGE: Final = Message("This is larger than the settings allow (page.max_upload_bytes).")
EMPTY: Final = Message("No DICOM file was in it.")
NO_MODEL: Final = Message("No model is available. Install one with hilum models pull.")


def limits(sent: int, tried: int) -> dict[str, int]:
    """Return where files are taken, once it is known who sends them, and how large they may be."""
    return {"/files/send": sent, "/files/try": tried, "/api/v1/try": tried}


@dataclass(slots=True)
class UploadResult:
    """Outcome of one upload."""

    stored: int = 0
    already_there: int = 0
    not_dicom: int = 0
    refused: int = 0
    """How many files."""
    why: str = ""
    """Why the first of them was refused, in the words of `hilum send`."""
    error: str = ""
    """What went wrong with the whole; empty when nothing did."""


@router.get("/files")
def show(request: Request, who: Reader, context: Context) -> Response:
    """Show where files are dropped."""
    return render(
        request,
        "files.html",
        who,
        can_try=context.read_file is not None,
        limit=context.settings.page.max_upload_bytes,
    )


@asynccontextmanager
async def file_of(request: Request) -> AsyncIterator[UploadFile]:
    """Yield the file of a form, read only now.

    FastAPI reads what an endpoint declares before it asks who sends it; what anybody
    could send would fill the disk.

    Raises
    ------
    HTTPException
        There is no file, or the form is damaged.
    """
    async with request.form(max_files=1, max_fields=8) as form:
        found = form.get("file")
        if not isinstance(found, UploadFile):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, NO_FILE)
        yield found


@router.post("/files/send")
async def send(request: Request, who: NodeOperator, context: Context) -> Response:
    """Send one DICOM file, or a ZIP archive of them, to the PACS."""
    async with file_of(request) as file:
        return await run_in_threadpool(_send, file, who, context)


def _send(file: UploadFile, who: Visitor, context: WebContext) -> Response:
    _limit(file, context.settings.page.max_upload_bytes)
    sent = UploadResult()
    start = file.file.read(4)
    file.file.seek(0)
    address = context.address
    timeout_s = context.settings.pacs.timeout_s
    sender = open_sender(address.target(), timeout_s=timeout_s, files=address.tls)
    with closing(sender):
        if start == ZIP_START:
            _send_archive(file.file, sent, context, sender)
        else:
            name = PurePosixPath(file.filename or "file").name
            _send_one(file.file.read(), name, sent, sender)
            sent.error = NOT_DICOM if sent.not_dicom else sent.why
    counts: dict[str, Any] = {
        name: count for name, count in asdict(sent).items() if isinstance(count, int)
    }
    note(context, who.name, "file.uploaded", **counts)
    return JSONResponse({**counts, "text": _said(who.language.say, sent), "ok": not sent.error})


def _said(say: Any, sent: UploadResult) -> str:
    if sent.error:
        return str(say(sent.error))
    parts = (
        (sent.stored, Message("%d sent")),
        (sent.already_there, Message("%d already there")),
        (sent.not_dicom, Message("%d not DICOM")),
        (sent.refused, Message("%d not taken by the PACS")),
    )
    counts = ", ".join(say(text) % count for count, text in parts if count)
    return f"{counts}: {say(sent.why)}" if sent.why else counts


def _limit(file: UploadFile, most: int) -> None:
    if (file.size or 0) > most:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)


def _send_one(content: bytes, name: str, sent: UploadResult, sender: Sender) -> None:
    """Send one file as `hilum send` does.

    Raises
    ------
    HTTPException
        The PACS gives no answer.
    """
    try:
        if not Candidate(name, lambda: BytesIO(content)).is_dicom():
            sent.not_dicom += 1
            return
        outcome = sender.send(Outgoing.from_bytes(content, name=name))
    except SourceUnreadable as exc:
        sent.refused += 1
        sent.why = sent.why or exc.message
        return
    match outcome.sent:
        case SendStatus.STORED:
            sent.stored += 1
        case SendStatus.ALREADY_THERE:
            sent.already_there += 1
        case SendStatus.REFUSED:
            sent.refused += 1
            sent.why = sent.why or outcome.detail
        case _:
            raise HTTPException(HTTPStatus.BAD_GATEWAY, outcome.detail)


def _send_archive(file: IO[bytes], sent: UploadResult, context: WebContext, sender: Sender) -> None:
    """Send the files of a ZIP archive, one at a time: never the whole of it in memory."""
    most = context.settings.node.max_file_bytes
    try:
        with zipfile.ZipFile(file) as archive:
            for name, content in _members(archive, most, context.settings.page.max_upload_bytes):
                if content is None:
                    sent.refused += 1
                else:
                    _send_one(content, name, sent, sender)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        sent.error = NOT_A_ZIP
        return
    if not sent.stored + sent.already_there + sent.refused:
        sent.error = EMPTY


def _members(
    archive: zipfile.ZipFile, most: int, in_all: int
) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and content of an archive's files; None for one too large or packed too well."""
    unpacked = 0
    for member in archive.infolist()[:MOST_IN_ZIP]:
        if member.is_dir() or PurePosixPath(member.filename).name.startswith("."):
            continue
        size, packed = member.file_size, max(member.compress_size, 1)
        if size > most or size > RATIO * packed or member.compress_type not in BOUNDED:
            yield member.filename, None
            continue
        unpacked += member.file_size
        if unpacked > in_all:
            yield member.filename, None
            return
        with archive.open(member) as opened:
            # zipfile unpacks as much as is asked for, whatever it says
            yield member.filename, opened.read(size)


@router.post("/files/try")
async def try_file(request: Request, who: Reader, context: Context) -> Response:
    """Analyze a file; nothing is stored."""
    async with file_of(request) as file, slots_of(request).taken(who.name):
        return await run_in_threadpool(_try, file, who, context)


def _try(file: UploadFile, who: Visitor, context: WebContext) -> Response:
    document = tried(context, file)
    note(context, who.name, "file.tried", status=document["readings"][0]["status"])
    language = who.language
    return Response(
        fill(
            "tried.html",
            who,
            document=document,
            tried=document["readings"][0],
            file_name=file.filename or "",
            shown_score=shown_score,
            finding_name=lambda label: finding_name(label, language),
            site_text=lambda entry: probability_text(Finding.of_entry(entry), language),
        ),
        media_type="text/html",
    )


def tried(context: WebContext, file: UploadFile) -> Mapping[str, Any]:
    """Return the ``hilum.reading/1`` document of a file that is stored nowhere.

    Raises
    ------
    HTTPException
        There is no model now, or the file is too large.
    """
    if context.read_file is None:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, NO_MODEL)
    _limit(file, context.settings.node.max_file_bytes)
    try:
        return context.read_file(file.file.read(), PurePosixPath(file.filename or "file").name)
    except HilumError as exc:
        raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, exc.message) from exc
