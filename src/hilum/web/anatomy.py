"""The anatomy on the study page: lungs, heart, both widths, and the button that asks for them."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from hilum.language import Message
from hilum.records import anatomies
from hilum.records.anatomies import AnatomyRecord, AnatomyState
from hilum.records.images import ImageRecord
from hilum.records.states import State
from hilum.web import unaided
from hilum.web.context import WebContext
from hilum.web.pages import fill
from hilum.web.pictures import Where, image_of
from hilum.web.sessions import Context, Reader, Viewer, Visitor, note

router: Final = APIRouter(include_in_schema=False)

OFF: Final = Message("The anatomy is switched off here (anatomy.mode).")
UNREAD: Final = Message("This image has not been analyzed.")

WIDTHS: Final = (
    ("heart_width", "heart", Message("Heart, greatest width")),
    ("chest_width", "chest", Message("Chest, greatest inner width")),
)
"""Key in the document, name for the style sheet, and word of each width."""


@router.post("/studies/{study}/images/{image}/anatomy")
def ask(where: Where, who: Reader, context: Context) -> Response:
    """Let the anatomy of an image be measured, and show its study."""
    image = image_of(context, where)
    if context.ask_anatomy is None:
        raise HTTPException(HTTPStatus.CONFLICT, OFF)
    unaided.require_seen(context, who, image)
    if image.state is not State.STORED:
        raise HTTPException(HTTPStatus.CONFLICT, UNREAD)
    if context.ask_anatomy(image.job):
        uids = image.uids
        note(
            context,
            who.name,
            "anatomy.asked",
            study=uids.study_instance_uid,
            image=uids.sop_instance_uid,
        )
    return RedirectResponse(f"{where}#anatomy", HTTPStatus.SEE_OTHER)


@router.get("/studies/{study}/images/{image}/anatomy")
def panel(where: Where, who: Viewer, context: Context) -> Response:
    """Return what the study page says of the anatomy, for one that waits for it."""
    image = image_of(context, where)
    unaided.require_seen(context, who, image)
    shown = anatomy_of(context, image, who, hidden=False)
    if shown is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, OFF)
    return HTMLResponse(fill("anatomy.html", who, anatomy=shown))


def record_of(context: WebContext, image: ImageRecord) -> AnatomyRecord | None:
    """Return what is written down of the anatomy of an image's present run."""
    with context.database.look() as connection:
        return anatomies.of_run(connection, context.archive, image.uids, image.run)


def anatomy_of(
    context: WebContext, image: ImageRecord | None, who: Visitor, *, hidden: bool
) -> dict[str, Any] | None:
    """Return what is shown of the anatomy of an image; None where nothing is.

    Parameters
    ----------
    hidden
        Whether the reader is to see the image before what any network says of it.
    """
    if image is None or hidden or image.state is not State.STORED:
        return None
    found = record_of(context, image)
    if found is None and context.ask_anatomy is None:
        return None
    shown = _shown(found, who, asks=context.ask_anatomy is not None)
    study, uid, series = map(
        quote, (image.study_instance_uid, image.sop_instance_uid, image.series_instance_uid)
    )
    return {**shown, "address": f"/studies/{study}/images/{uid}/anatomy?series={series}"}


def _shown(found: AnatomyRecord | None, who: Visitor, *, asks: bool) -> dict[str, Any]:
    failed = found is not None and found.state is AnatomyState.FAILED
    document = None if found is None else found.document
    return {
        "asks": asks and (found is None or failed),
        "waiting": found is not None and found.state is AnatomyState.WAITING,
        "why": found.why if found is not None and failed else "",
        "said": [] if found is None else found.said,
        "model": None if document is None else document["model"],
        "widths": [] if document is None else list(_widths(document, who)),
        "drawn": None if document is None else _drawn(document),
    }


def _widths(document: Mapping[str, Any], who: Visitor) -> Iterator[tuple[Message, str]]:
    """Yield the word and the length of each width that was measured."""
    for key, _, word in WIDTHS:
        width = document[key]
        if width is not None:
            length = f"{width['pixels']:.0f} px" if width["mm"] is None else f"{width['mm']:.0f} mm"
            yield word, who.language.notated(length)


def _drawn(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is drawn over the image, in source pixels; for ``stage.js``."""
    return {
        "outlines": [line for each in document["structures"] for line in each["outlines"]],
        "widths": [
            [name, document[key]["line"]] for key, name, _ in WIDTHS if document[key] is not None
        ],
    }
