"""Who reads a study at the moment, as its open page says; see `hilum.records.claims`."""

from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from hilum.records import claims, worklist
from hilum.web.context import WebContext
from hilum.web.sessions import Context, Reader, Visitor

router: Final = APIRouter(include_in_schema=False)


@router.post("/studies/{study}/claim/live")  # a page that was left open is not a person
def renew(study: str, context: Context, who: Reader) -> JSONResponse:
    """Claim a study, or go on; say who else reads it."""
    return JSONResponse({"other": other_reader(context, who, study)})


@router.delete("/studies/{study}/claim/live")
def leave(study: str, context: Context, who: Reader) -> Response:
    """End the claim: the page was closed."""
    with context.database.transaction() as connection:
        claims.release(connection, context.archive, study, who.name)
    return Response(status_code=204)


def other_reader(context: WebContext, who: Visitor, study: str) -> str:
    """Claim a study that is there; return who else reads it, empty when nobody does."""
    with context.database.transaction() as connection:
        if worklist.row(connection, context.archive, study) is None:
            return ""
        now = datetime.now(UTC)
        holder = claims.take(connection, context.archive, study, who.name, now)
    return "" if holder == who.name else holder
