"""Radiographs for the browser: thumbnail, preview and full resolution."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Depends, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hilum.errors import (
    FileTooLarge,
    InferenceTimeout,
    InferenceWorkerDied,
    NotInPacs,
    RadiographRefused,
    SourceUnreadable,
)
from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records import images, worklist
from hilum.records.images import ImageRecord
from hilum.runtime.caches import LruCache, LruSet
from hilum.web.context import WebContext
from hilum.web.displayed import DisplayedImage
from hilum.web.sessions import Context, Viewer
from hilum.web.slots import Slot, large_response
from hilum.web.study_tools import StudyTools

router: Final = APIRouter(include_in_schema=False)

KEPT: Final = 4
"""Pictures that stay in memory: a reader goes back and forth between few."""

REMEMBERED: Final = 256
"""Images that ended the worker that opened them, and are not opened again."""

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of a file that is opened for the page; a radiograph of 100 million pixels has 200 MB."""

Made = TypeVar("Made")

Shown = tuple[ImageUIDs, str]
"""An image, and which version of it."""

NO_PIXELS: Final = Message("This image has no pixels that can be shown.")
TOO_LARGE: Final = Message("This image is too large for this page. Open it in a DICOM viewer.")
HARMFUL: Final = Message(
    "This image crashed the process that opened it, or took too long, and is not opened again."
)
GONE: Final = Message("Image not found. It may have been deleted from the PACS.")


class PictureCache:
    """Pictures of the last images that were looked at. Safe for several threads."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._pictures: LruCache[Shown, DisplayedImage] = LruCache(KEPT)
        self._harmful: LruSet[Shown] = LruSet(REMEMBERED)
        self._lock = threading.Lock()
        self._turns: dict[Shown, threading.Lock] = {}

    def picture(self, image: ImageRecord) -> DisplayedImage:
        """Return an image as it is displayed.

        Raises
        ------
        PacsError
            The PACS does not answer, or does not hold it any more.
        RadiographRefused
            It has no pixels that can be shown.
        SourceUnreadable
            Its file is damaged.
        HTTPException
            It is too large, or ended a worker before.
        """
        key = image.uids, version(image)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        try:
            with turn:  # a page asks for the quick and the whole picture at once: one is decoded
                made = self._pictures.get(key)
                if made is None:
                    made = self._made(image, tools_of(self._context).picture)
                    self._pictures.put(key, made)
                return made
        finally:
            with self._lock:
                self._turns.pop(key, None)

    def small(self, image: ImageRecord) -> bytes:
        """Return the small picture; made once, empty when none can be made."""
        context = self._context
        with context.database.look() as connection:
            kept = worklist.thumbnail(connection, context.archive, image.uids)
        if kept is not None:
            return kept
        try:
            made = self._made(image, tools_of(context).thumbnail)
        except (RadiographRefused, SourceUnreadable, NotInPacs):
            made = b""
        with context.database.transaction() as connection:
            worklist.keep_thumbnail(connection, context.archive, image.uids, made)
        return made

    def _made(self, image: ImageRecord, make: Callable[[bytes], Made]) -> Made:
        """Return what a worker makes of an image; one that ended a worker is not tried again."""
        key = image.uids, version(image)
        if key in self._harmful:
            raise HTTPException(HTTPStatus.CONFLICT, HARMFUL)
        try:
            return make(self._context.pacs.fetch(image.reference, max_bytes=MOST_BYTES))
        except FileTooLarge as exc:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE) from exc
        except (InferenceWorkerDied, InferenceTimeout):
            self._harmful.add(key)
            raise


def tools_of(context: WebContext) -> StudyTools:
    """Return what draws and writes for the study page.

    Raises
    ------
    HTTPException
        This page was started without.
    """
    if context.tools is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, GONE)
    return context.tools


def picture_cache(request: Request) -> PictureCache:
    """Return the application's pictures."""
    pictures: PictureCache = request.app.state.pictures
    return pictures


@dataclass(frozen=True, slots=True)
class Address:
    """What an address names."""

    study: str
    image: str
    """Study and SOP Instance UID."""
    series: str | None = None
    """Series Instance UID, where a SOP Instance UID is in several series of the study."""

    def __str__(self) -> str:
        series = "" if self.series is None else f"&series={self.series}"
        return f"/studies/{self.study}?image={self.image}{series}"


Where = Annotated[Address, Depends()]


def image_of(context: WebContext, where: Address) -> ImageRecord:
    """Return the line of the image that an address names.

    Raises
    ------
    HTTPException
        There is none in that study, or it is in several series and none is named.
    """
    within = where.study, where.series
    with context.database.look() as connection:
        found = images.called(connection, context.archive, where.image, within)
    if len(found) > 1:
        raise HTTPException(
            HTTPStatus.CONFLICT, Message("This image is in several series. Name one: ?series=…")
        )
    if not found:
        raise HTTPException(HTTPStatus.NOT_FOUND, GONE)
    return found[0]


def stored_as(context: WebContext, image: ImageRecord, result: str) -> str | None:
    """Return the reference to a result of an image, None for what is none of it."""
    if result not in image.results:
        return None
    # not known of the overlay beside a report that this node did not make
    known = image.reference_to(result)
    study = image.uids.study_instance_uid
    return known or next(iter(context.pacs.find_objects(result, study=study)), None)


def version(image: ImageRecord) -> str:
    """Return what changes when an image comes again with other pixels."""
    return f"{image.run}-{image.arrived.timestamp():.0f}"


@router.get("/studies/{study}/images/{image}/small.webp")
def small(request: Request, where: Where, context: Context, _: Viewer, __: Slot) -> Response:
    """Return the small picture of an image."""
    made = picture_cache(request).small(image_of(context, where))
    if not made:
        raise HTTPException(HTTPStatus.NOT_FOUND, NO_PIXELS)
    return Response(made, media_type="image/webp")


@router.get("/studies/{study}/images/{image}/quick.jpg")
def quick(request: Request, where: Where, context: Context, _: Viewer, __: Slot) -> Response:
    """Return an image as it is displayed, in eight bits and at most 1024 pixels a side."""
    made = picture_cache(request).picture(image_of(context, where)).quick
    return Response(made, media_type="image/jpeg")


@router.get("/studies/{study}/images/{image}/pixels")
def all_pixels(request: Request, where: Where, context: Context, _: Viewer, __: Slot) -> Response:
    """Return an image in its own units, and what is told of them; see `hilum.web.displayed`."""
    picture = picture_cache(request).picture(image_of(context, where))
    if picture.packed is None:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
    headers = {"Content-Encoding": "deflate"}
    return large_response(picture.packed, "application/octet-stream", headers)
