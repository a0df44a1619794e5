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
from hilum.wording import WHY_UNCALIBRATED, WHY_UNCHANGED, finding_name

router: Final = APIRouter(include_in_schema=False)

HERE: Final = "/points"

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
    named = context.named_points()
    current = context.settings.current().model.points_name if named is None else named[0]
    last = {each.name: each for each in reversed(used)}
    rows = [_row(each.name, each.document, who, used=each) for each in last.values()]
    if named is not None and current not in last:
        rows.insert(0, _row(*named, who, by_setting=True))
    rows += [_row(name, "", who) for name in context.card_points() if name not in last]
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


def _row(
    name: str,
    document: str,
    who: Visitor,
    *,
    used: UsedPoints | None = None,
    by_setting: bool = False,
) -> dict[str, Any]:
    """Return what is shown of operating points.

    Parameters
    ----------
    document
        The whole file; empty for a set of the card, and for a file that was written by hand.
    used
        When they were last put to use here.
    by_setting
        Whether they were not, and a setting names their file.
    """
    file = json.loads(document) if document else None
    findings = [] if file is None else list(file["findings"].items())
    return {
        "name": name,
        "used": used,
        "by_setting": by_setting,
        "file": file,
        "calibrated": any(each["calibration"] or each["uncalibrated"] for _, each in findings),
        "findings": [
            {
                **each,
                "name": finding_name(label, who.language),
                "why": WHY_UNCHANGED.get(each["why"], ""),
                "uncalibrated": WHY_UNCALIBRATED.get(each["uncalibrated"], ""),
            }
            for label, each in findings
        ],
    }
