"""The page where operators release images for research, after a look at each."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from hilum.errors import NotInPacs, RadiographRefused, SourceUnreadable
from hilum.language import Message
from hilum.radiograph import ImageUIDs
from hilum.records import images, releases, worklist
from hilum.records.images import ImageRecord
from hilum.records.keys import uids_of
from hilum.records.releases import ACTIONS, ExportQuery, Release, ReleaseState
from hilum.web.context import WebContext
from hilum.web.pages import render
from hilum.web.pictures import MOST_BYTES, Where, image_of, tools_of, version
from hilum.web.sessions import Context, NodeOperator, Operator, Visitor, note
from hilum.web.slots import Slot
from hilum.wording import day_text, finding_name

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/export"

SIZE: Final = 24
"""Images on one page: a person looks at each of them."""

BETWEEN: Final = " "
"""Separates UIDs and version in a form's value; no UID has it."""

FIELDS: Final = ("since", "until", "finding", "reviewed")

DECISIONS: Final = {
    ReleaseState.SHOWN: Message("not decided"),
    ReleaseState.RELEASED: Message("released"),
    ReleaseState.KEPT_BACK: Message("kept back"),
}
"""Decision → its word."""

NOTHING_CHOSEN: Final = Message("No image was selected.")


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What the address asks for."""

    wanted: ExportQuery
    after: ImageUIDs | None
    """Behind which image; None for the first page."""
    query: str
    """The same as in an address, without the place."""
    decided: int | None
    failed: int
    """Images about which the form before decided, and those about which it could not."""


def asked(request: Request, decided: int | None = None, failed: int = 0) -> ExportRequest:
    """Return what the address asks for."""
    given = {name: request.query_params.get(name, "").strip()[:200] for name in FIELDS}
    since, until = (given[name].replace("-", "")[:8] for name in ("since", "until"))
    wanted = ExportQuery(since, until, given["finding"], bool(given["reviewed"]))
    place = request.query_params.get("after", "").split(BETWEEN)
    after = ImageUIDs(*place) if len(place) == len(ImageUIDs._fields) else None
    query = urlencode({name: each for name, each in given.items() if each})
    return ExportRequest(wanted, after, query, decided, failed)


FromAddress = Annotated[ExportRequest, Depends(asked)]


@router.get(HERE)
def show(request: Request, who: NodeOperator, context: Context, ask: FromAddress) -> Response:
    """Show the images that may be exported, and what was decided about each."""
    with context.database.look() as connection:
        rows = releases.images(
            connection, context.archive, ask.wanted, after=ask.after, size=SIZE + 1
        )
        tiles = [_tile(row, who) for row in rows[:SIZE]]
        known = releases.of_images(connection, context.archive, (tile["uids"] for tile in tiles))
        labels = worklist.labels(connection, context.archive)
    for tile in tiles:
        release = known.get(tile["uids"])
        tile["state"] = ReleaseState.SHOWN if release is None else release.state
        tile["word"] = DECISIONS[tile["state"]]
        tile["actor"] = "" if release is None else release.actor
    return render(
        request,
        "export.html",
        who,
        ask=ask,
        tiles=tiles,
        following=BETWEEN.join(tiles[-1]["uids"]) if len(rows) > SIZE else "",
        labels=[(label, finding_name(label, who.language)) for label in labels],
    )


def _tile(row: Any, who: Visitor) -> dict[str, Any]:
    """Return what the page shows of one image."""
    uids = uids_of(row)
    return {
        "uids": uids,
        "value": BETWEEN.join((*uids, version(row))),
        "day": day_text(row.study_date, who.language),
    }


@router.get("/studies/{study}/images/{image}/release.jpg")
def picture(where: Where, context: Context, _: Operator, __: Slot) -> Response:
    """Return all of an image, as it is looked at before it is released.

    Raises
    ------
    HTTPException
        It is not exported whatever is decided; the text says why.
    """
    try:
        made, _digest = _looked_at(context, image_of(context, where))
    except RadiographRefused as exc:
        raise HTTPException(HTTPStatus.CONFLICT, exc.problem) from exc
    return Response(made, media_type="image/jpeg")


@router.post(HERE)
def decide(
    who: NodeOperator,
    context: Context,
    _: Slot,
    decision: Annotated[ReleaseState, Form()],
    chosen: Annotated[list[str] | None, Form()] = None,
    query: Annotated[str, Form()] = "",
) -> Response:
    """Release images or keep them back, and write down who did."""
    if decision not in ACTIONS:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
    if not chosen:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, who.language.say(NOTHING_CHOSEN))
    done = [_decided(context, who, each, decision) for each in chosen[:SIZE]]
    told = urlencode({"decided": sum(done), "failed": len(done) - sum(done)})
    kept = "".join(letter for letter in query if letter.isalnum() or letter in "&=-_.%+")
    return RedirectResponse(f"{HERE}?{kept}{'&' if kept else ''}{told}", HTTPStatus.SEE_OTHER)


def _decided(context: WebContext, who: Visitor, value: str, decision: ReleaseState) -> bool:
    """Decide about one image; return False where it is another one now, or is not exported."""
    *names, seen = value.split(BETWEEN)
    if len(names) != len(ImageUIDs._fields):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
    uids = ImageUIDs(*names)
    with context.database.look() as connection:
        image = images.entry(connection, context.archive, uids)
    if image is None or version(image) != seen:
        return False
    try:
        _made, digest = _looked_at(context, image)
    except (RadiographRefused, SourceUnreadable, NotInPacs):
        return False
    release = Release(*uids, decision, digest, who.name, datetime.now(UTC))
    with context.database.transaction() as connection:
        releases.put(connection, context.archive, release)
    study, series, sop = uids
    note(context, who.name, ACTIONS[decision], study=study, image=sop, series=series)
    return True


def _looked_at(context: WebContext, image: ImageRecord) -> tuple[bytes, str]:
    file = context.pacs.fetch(image.reference, max_bytes=MOST_BYTES)
    return tools_of(context).release_picture(file)
