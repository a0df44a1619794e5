"""The operations page: queue, failures, and buttons to retry."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from hilum import RESEARCH_USE_ONLY
from hilum.language import Message
from hilum.records import Connection, images
from hilum.records.alerts import ALERT_STATES
from hilum.records.drift_watch import shift_words
from hilum.records.images import ImageRecord, Within
from hilum.records.states import State
from hilum.telemetry.alerts import send_test
from hilum.web.context import WebContext
from hilum.web.pages import fill, render
from hilum.web.pictures import Where, image_of
from hilum.web.sessions import Context, NodeOperator, NodeViewer, Operator, Visitor, note
from hilum.web.status import StatusSnapshot, status_of
from hilum.web.words import CONSTANCY
from hilum.wording import finding_name

router: Final = APIRouter(include_in_schema=False)


CHART: Final = {"width": 720, "height": 120}
"""Of the chart of hours, in its own units."""


def bars(snapshot: StatusSnapshot) -> list[dict[str, object]]:
    """Return the chart's columns: each with its hour and its parts from the bottom up."""
    highest = max((hour.images for hour in snapshot.hours), default=0) or 1
    step = CHART["width"] / len(snapshot.hours)
    columns = []
    for number, hour in enumerate(snapshot.hours):
        bottom = float(CHART["height"])
        parts = []
        for state in (State.STORED, State.REFUSED, State.FAILED):
            count = hour.ended.get(state, 0)
            tall = round(count / highest * (CHART["height"] - 4), 1)
            tall = max(tall, 1.5) if count else 0.0
            bottom -= tall
            parts.append({"state": state.value, "y": round(bottom, 1), "height": tall})
        x, width = round(number * step + 1, 1), round(step - 2, 1)
        columns.append({"hour": hour, "x": x, "width": width, "parts": parts})
    return columns


def _values(request: Request, context: WebContext) -> dict[str, Any]:
    status = status_of(request)
    snapshot = status.look()
    return {
        "now": snapshot,
        "health": status.health(),
        "models": context.models(),
        "bars": bars(snapshot),
        "chart": CHART,
        "constancy": context.settings.current().constancy,
        "disagreed": status.agreement(),
        "finding_name": finding_name,
        "alerting": context.settings.current().alerts,
        "alert_states": ALERT_STATES,
        "constancy_words": CONSTANCY,
        "shift_words": shift_words,
        "highest": max((hour.images for hour in snapshot.hours), default=0),
    }


@router.get("/operations")
def show(
    request: Request,
    who: NodeViewer,
    context: Context,
    asked: int | None = None,
    tested: int | None = None,
) -> Response:
    """Show how the node is doing."""
    values = _values(request, context)
    return render(request, "operations.html", who, asked=asked, tested=tested, **values)


@router.get("/operations/live")
def live(request: Request, who: NodeViewer, context: Context) -> Response:
    """Return the part of the page that changes by itself."""
    return Response(fill("status.html", who, **_values(request, context)), media_type="text/html")


@router.post("/operations/retry")
def retry(
    who: Operator,
    context: Context,
    uid: Annotated[list[str] | None, Form()] = None,
    state: Annotated[State | None, Form()] = None,
) -> Response:
    """Let images be read again: those that are named, or all of a state."""
    asked = read_again(context, who, tuple(uid or ()), state=state)
    return RedirectResponse(f"/operations?asked={asked}", HTTPStatus.SEE_OTHER)


@router.post("/studies/{study}/images/{image}/retry")
def retry_image(where: Where, who: Operator, context: Context) -> Response:
    """Let an image be read again, and show its study."""
    uids = image_of(context, where).uids
    read_again(
        context,
        who,
        (uids.sop_instance_uid,),
        where=(uids.study_instance_uid, uids.series_instance_uid),
    )
    return RedirectResponse(str(where), HTTPStatus.SEE_OTHER)


@router.post("/operations/deliveries/retry")
def retry_deliveries(who: NodeOperator, context: Context) -> Response:
    """Let everything be sent again that failed to arrive."""
    asked = context.retry_deliveries()
    note(context, who.name, "delivery.retried", deliveries=asked)
    return RedirectResponse("/operations#deliveries", HTTPStatus.SEE_OTHER)


@router.post("/operations/alerts/test")
def test_alerts(who: NodeOperator, context: Context) -> Response:
    """Send a test alert to each target; the page then says how many took it."""
    taken = send_test(context.settings.current().alerts, RESEARCH_USE_ONLY)
    note(context, who.name, "alert.tested", targets=len(taken), taken=sum(taken.values()))
    return RedirectResponse(f"/operations?tested={sum(taken.values())}", HTTPStatus.SEE_OTHER)


def read_again(
    context: WebContext,
    who: Visitor,
    named: tuple[str, ...],
    *,
    where: Within = (None, None),
    state: State | None = None,
) -> int:
    """Ask for another attempt and write down who did; return how many images will be read.

    Raises
    ------
    HTTPException
        What is named is several images: one SOP Instance UID in two studies.
    """
    with context.database.look() as connection:
        if state is not None:
            found = images.entries(connection, context.archive, (state,))
        else:
            found = [each for name in named for each in _called(connection, context, name, where)]
    if not found:
        return 0
    asked = context.retry([entry.uids for entry in found])
    if len(found) == 1:
        uids = found[0].uids
        about = {"study": uids.study_instance_uid, "image": uids.sop_instance_uid}
        note(context, who.name, "image.retried", **about, asked=asked)
    else:
        note(context, who.name, "image.retried", images=len(found), asked=asked)
    return asked


def _called(
    connection: Connection, context: WebContext, name: str, where: Within
) -> list[ImageRecord]:
    found = images.called(connection, context.archive, name, where)
    if len(found) > 1:
        raise HTTPException(
            HTTPStatus.CONFLICT, Message("This UID is in several studies or series. Name one.")
        )
    return found
