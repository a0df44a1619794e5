"""The roll-out: which mode the node is in, and what became of the images of each."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from hilum.records import rollout
from hilum.records.rollout import ModeReport
from hilum.settings.node import NodeMode
from hilum.web import words
from hilum.web.context import WebContext
from hilum.web.pages import render
from hilum.web.sessions import Context, NodeOperator
from hilum.wording import finding_name

router: Final = APIRouter(include_in_schema=False)


@router.get("/rollout")
def show(request: Request, who: NodeOperator, context: Context) -> HTMLResponse:
    """Show the report of each stage."""
    made = reports(context)
    labels = {each.label for report in made for each in report.findings}
    return render(
        request,
        "rollout.html",
        who,
        mode=context.settings.current().node.mode,
        modes=words.MODE_NAMES,
        reports=made,
        newest=rollout.NEWEST,
        names={label: finding_name(label, who.language) for label in labels},
    )


def reports(context: WebContext) -> list[ModeReport]:
    """Return the report of each mode in which images ended."""
    with context.database.look() as connection:
        made = [rollout.report(connection, context.archive, mode) for mode in NodeMode]
    return [each for each in made if each.images]
