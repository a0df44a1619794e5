"""Radiographs for the browser: thumbnail, preview and full resolution.

Measured for RG1 (1955 × 1841, 15 bits) on a 2-core server: displaying takes 52 ms, the
quick JPEG 2 ms and 92 kB, all 4096 grey levels 45 ms and 3.1 MB. So the whole picture is
sent in one piece after the quick one; tiles would save nothing.
"""

import threading
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Annotated, Final

import numpy as np
from fastapi import APIRouter, Depends, Request
from numpy.typing import NDArray
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hilum.errors import NotInPacs, RadiographRefused, SourceUnreadable
from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records import images, worklist
from hilum.records.images import ImageRecord
from hilum.runtime.caches import LruCache
from hilum.web.context import WebContext
from hilum.web.sessions import Context, Viewer
from hilum.web.tools import Picture, StudyTools

router: Final = APIRouter(include_in_schema=False)

KEPT: Final = 4
"""Pictures that stay in memory: a reader goes back and forth between few."""

AT_ONCE: Final = 2
"""Images that are decoded at a time for the page: the node's readers come first."""

QUICK_SIDE: Final = 1024
"""Longest side of the quick picture, in pixels."""

SMALL: Final = (96, 96)
"""Largest size of a small picture, in pixels: twice what is shown, for sharp screens."""

KEEP: Final = "private, max-age=86400, immutable"
"""Browsers keep a picture for a day: its address changes with the file."""

Shown = tuple[ImageUIDs, str]
"""An image, and which version of it."""

NOT_FOUND: Final = 404
CONFLICT: Final = 409
GONE: Final = Message("There is no such image here, or it was deleted from the PACS.")


class Gallery:
    """Pictures of the last images that were looked at. Safe for several threads.

    Parameters
    ----------
    context
        Records and PACS.
    """

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._pictures: LruCache[Shown, Picture] = LruCache(KEPT)
        self._lock = threading.Lock()
        self._decoding = threading.BoundedSemaphore(AT_ONCE)
        self._turns: dict[Shown, threading.Lock] = {}

    def picture(self, image: ImageRecord) -> Picture:
        """Return an image as it is displayed.

        Raises
        ------
        PacsError
            The PACS does not answer, or does not hold it any more.
        RadiographRefused
            It has no pixels that can be shown.
        SourceUnreadable
            Its file is damaged.
        """
        key = image.uids, version(image)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        try:
            with turn:  # a page asks for the quick and the whole picture at once: one is decoded
                made = self._pictures.get(key)
                if made is None:
                    with self._decoding:
                        file = self._context.pacs.fetch(image.reference)
                        made = tools_of(self._context).picture(file)
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
            made = thumbnail(self.picture(image).pixels)
        except (RadiographRefused, SourceUnreadable, NotInPacs):
            made = b""
        with context.database.transaction() as connection:
            worklist.keep_thumbnail(connection, context.archive, image.uids, made)
        return made


def tools_of(context: WebContext) -> StudyTools:
    """Return what draws and writes for the study page.

    Raises
    ------
    HTTPException
        This page was started without.
    """
    if context.tools is None:
        raise HTTPException(NOT_FOUND, GONE)
    return context.tools


def gallery_of(request: Request) -> Gallery:
    """Return the application's gallery, which it has from the first picture on."""
    state = request.app.state
    if not hasattr(state, "gallery"):
        state.gallery = Gallery(state.context)
    gallery: Gallery = state.gallery
    return gallery


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
    study, series = where.study, where.series
    with context.database.look() as connection:
        found = images.called(
            connection,
            context.archive,
            where.image,
            study_instance_uid=study,
            series_instance_uid=series,
        )
    if len(found) > 1:
        raise HTTPException(
            CONFLICT, Message("This image is in several series. Name one: ?series=…")
        )
    if not found:
        raise HTTPException(NOT_FOUND, GONE)
    return found[0]


def stored_as(context: WebContext, image: ImageRecord, result: str) -> str | None:
    """Return the reference to a result of an image, None for what is none of it."""
    if result not in image.results:
        return None
    # not known of the overlay beside a report that this node did not make
    known = image.reference_to(result)
    return known or next(iter(context.pacs.find_objects(result)), None)


def version(image: ImageRecord) -> str:
    """Return what changes when an image comes again with other pixels."""
    return f"{image.run}-{image.arrived.timestamp():.0f}"


def thumbnail(pixels: NDArray[np.uint16]) -> bytes:
    """Return a small WebP of grey levels."""
    step = max(1, min(pixels.shape) // 256)
    picture = eight_bits(pixels[::step, ::step])
    picture.thumbnail(SMALL)
    return _file(picture, "WEBP", quality=80)


def quick(picture: Picture) -> bytes:
    """Return a JPEG of at most `QUICK_SIDE` pixels a side, to be seen before the whole one."""
    whole = eight_bits(picture.pixels)
    step = -(-max(whole.size) // QUICK_SIDE)
    return _file(whole.reduce(step) if step > 1 else whole, "JPEG", quality=90)


def eight_bits(pixels: NDArray[np.uint16]) -> Image.Image:
    """Return grey levels as a picture of eight bits."""
    return Image.fromarray((pixels >> 4).astype(np.uint8))


def packed(picture: Picture) -> bytes:
    """Return every grey level, as differences along rows, low bytes first, then high ones.

    Differences are folded to be small and positive (zigzag), which compresses noise to a
    little more than its entropy. ``study.js`` undoes it.
    """
    differences = picture.pixels.astype(np.int16)
    differences[:, 1:] -= picture.pixels[:, :-1].astype(np.int16)
    folded = ((differences << 1) ^ (differences >> 15)).view(np.uint16)
    low, high = (folded & 0xFF).astype(np.uint8), (folded >> 8).astype(np.uint8)
    # Z_RLE: noise has no repetitions to look for, the high bytes little else than runs
    deflating = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return deflating.compress(low.tobytes() + high.tobytes()) + deflating.flush()


@router.get("/studies/{study}/images/{image}/small.webp")
def small(request: Request, where: Where, context: Context, _: Viewer) -> Response:
    """Return the small picture of an image."""
    made = gallery_of(request).small(image_of(context, where))
    if not made:
        raise HTTPException(NOT_FOUND, Message("This image has no pixels that can be shown."))
    return Response(made, media_type="image/webp", headers={"Cache-Control": KEEP})


@router.get("/studies/{study}/images/{image}/quick.jpg")
def quick_picture(request: Request, where: Where, context: Context, _: Viewer) -> Response:
    """Return an image as it is displayed, in eight bits and at most 1024 pixels a side."""
    made = quick(gallery_of(request).picture(image_of(context, where)))
    return Response(made, media_type="image/jpeg", headers={"Cache-Control": KEEP})


@router.get("/studies/{study}/images/{image}/pixels")
def all_pixels(request: Request, where: Where, context: Context, _: Viewer) -> Response:
    """Return an image as it is displayed, every pixel with 4096 grey levels; see `packed`."""
    picture = gallery_of(request).picture(image_of(context, where))
    headers = {
        "Cache-Control": KEEP,
        "Content-Encoding": "deflate",
        "X-Rows": str(picture.rows),
        "X-Columns": str(picture.columns),
    }
    return Response(packed(picture), media_type="application/octet-stream", headers=headers)


def _file(picture: Image.Image, form: str, **options: int) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
