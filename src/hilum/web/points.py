"""Operating points: which are in use, which were, and a click to change that."""

import json
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from hilum.errors import HilumError
from hilum.language import Message
from hilum.records import points_used
from hilum.records.points_used import UsedPoints
from hilum.web.context import WebContext
from hilum.web.pages import render
from hilum.web.sessions import ConfirmedOperator, Context, Visitor
from hilum.wording import finding_name

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/points"

WHY_UNCALIBRATED: Final = {
    "": "",
    "too_few": Message("Too few images."),
    "not_rising": Message("A higher raw value does not make it likelier."),
}
"""Why there is no calibrated probability → its words."""

WHY: Final = {
    "": "",
    "too_few": Message("Too few images: unchanged."),
    "not_reached": Message("No threshold reaches it: unchanged."),
}
"""Why the rule did not choose a threshold → its words."""

NO_MODEL: Final = Message("There is no usable model here.")


@router.get(HERE)
def show(request: Request, who: ConfirmedOperator, context: Context) -> Response:
    """Show the operating points that can be put to use."""
    return page(request, who, context)


@router.post(HERE)
def use(
    request: Request, who: ConfirmedOperator, context: Context, name: Annotated[str, Form()]
) -> Response:
    """Put operating points to use that were before, or a set of the model's card."""
    known = {*context.card_points(), *(each.name for each in _history(context))}
    if context.use_points is None or name not in known:
        return page(request, who, context, error=NO_MODEL)
    try:
        context.use_points(name, who.name)
    except HilumError as exc:
        return page(request, who, context, error=exc.message)
    return RedirectResponse(HERE, HTTPStatus.SEE_OTHER)


def page(request: Request, who: Visitor, context: WebContext, *, error: str = "") -> Response:
    """Return the page, with what went wrong."""
    used = _history(context)
    current = context.settings.current().model.points_name
    rows = [_row(each, who) for each in {each.name: each for each in reversed(used)}.values()]
    names = {row["name"] for row in rows}
    rows += [_card_row(name) for name in context.card_points() if name not in names]
    before = points_used.previous(used, current)
    return render(
        request,
        "points.html",
        who,
        status=HTTPStatus.CONFLICT if error else HTTPStatus.OK,
        rows=rows,
        current=current,
        before=None if before is None else before.name,
        error=error,
    )


def _history(context: WebContext) -> list[UsedPoints]:
    with context.database.look() as connection:
        return points_used.history(connection)


def _card_row(name: str) -> dict[str, Any]:
    return {"name": name, "used": None, "file": None, "findings": []}


def _row(used: UsedPoints, who: Visitor) -> dict[str, Any]:
    """Return what is shown of points that were put to use."""
    file = json.loads(used.document) if used.document else None
    findings = [] if file is None else list(file["findings"].items())
    return {
        "name": used.name,
        "used": used,
        "file": file,
        "calibrated": any(each["calibration"] or each["uncalibrated"] for _, each in findings),
        "findings": [
            {
                **each,
                "name": finding_name(label, who.language),
                "why": WHY.get(each["why"], ""),
                "uncalibrated": WHY_UNCALIBRATED.get(each["uncalibrated"], ""),
            }
            for label, each in findings
        ],
    }
