"""The API: what the page shows, as JSON, for programs with a token."""

import re
from dataclasses import asdict, replace
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Depends, FastAPI, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from pydantic.json_schema import models_json_schema
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from hilum import PRODUCT, RESEARCH_USE_ONLY, __version__
from hilum.records import images, limits, readings, reviews, worklist
from hilum.records.images import ImageRecord
from hilum.records.states import RETRIED, State
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import StudyWarning
from hilum.records.worklist import WorklistFilter, WorklistPosition
from hilum.settings.node import NodeMode
from hilum.web import words
from hilum.web.anatomy import record_of
from hilum.web.api_models import (
    AMBIGUOUS,
    BODY_PROBLEMS,
    PROBLEMS,
    SCHEMAS,
    TEXT,
    UID_PATTERN,
    AgreementDocument,
    AnatomyDocument,
    FindingDocument,
    FormInPath,
    HealthDocument,
    ImageAsked,
    ImageLine,
    Invalid,
    JobsDocument,
    Label,
    ModeReportDocument,
    Problem,
    ReadingDocument,
    ReasonDocument,
    RetryAnswer,
    RetryWanted,
    ReviewDocument,
    StatusDocument,
    StudyDocument,
    StudyLabels,
    StudyLine,
    StudyPage,
    UidInPath,
)
from hilum.web.context import InstalledModel, WebContext
from hilum.web.operations import read_again
from hilum.web.rollout import reports
from hilum.web.sessions import (
    Context,
    NodeOperator,
    NodeViewer,
    Operator,
    Reader,
    Viewer,
    Visitor,
    note,
    note_search,
)
from hilum.web.slots import Slot, slots_of
from hilum.web.status import status_of
from hilum.web.study import written
from hilum.web.try_file import file_of, tried
from hilum.web.unaided import require_seen

PREFIX: Final = "/api/v1"

DAY: Final = r"^([0-9]{8})?$"
UID: Final = re.compile(UID_PATTERN)

HIGHEST_RANK: Final = 100
"""Above every rank of the worklist."""

ANY_FORM: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK: {"content": {"*/*": {}}, "description": "A file in that form."}
}

FILE_BODY: Final = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}
"""Said by hand, since the file is read only once it is known who sends it."""

router: Final = APIRouter(
    prefix=PREFIX,
    responses=PROBLEMS,
    dependencies=[Depends(HTTPBearer(auto_error=False, description="hilum users token NAME"))],
)


Asked = Annotated[ImageAsked, Depends()]


def not_found(what: str) -> HTTPException:
    """Return the error for something that is not written down here."""
    return HTTPException(HTTPStatus.NOT_FOUND, f"{what} is not known here.")


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Viewer) -> Response:
    """Return the description of this API."""
    return JSONResponse(described(request.app))


def described(app: FastAPI) -> dict[str, Any]:
    """Return OpenAPI's description of the API."""
    said = get_openapi(
        title=PRODUCT,
        version=__version__,
        description=f"{RESEARCH_USE_ONLY} A score is not a probability.",
        routes=app.routes,
    )
    _, told = models_json_schema(
        [(Problem, "serialization"), (Invalid, "serialization")], ref_template=SCHEMAS
    )
    said["components"]["schemas"].update(told["$defs"])
    return said


def wanted_of(
    text: Annotated[
        str, Query(max_length=200, pattern=TEXT, description="Words of name, ID, accession number.")
    ] = "",
    state: Annotated[
        State | None, Query(description="Without it and without words: any but refused.")
    ] = None,
    finding: Annotated[str, Query(max_length=100, pattern=TEXT)] = "",
    since: Annotated[str, Query(pattern=DAY, description="Study Date, YYYYMMDD.")] = "",
    until: Annotated[str, Query(pattern=DAY)] = "",
    *,
    open_only: bool = False,
    urgent_only: bool = False,
    context: Context,
) -> WorklistFilter:
    """Return which studies are looked for."""
    hides = context.settings.current().worklist.ineligible == "hide"
    return WorklistFilter(
        text, state or "", finding, since, until, open_only, urgent_only, hide_ineligible=hides
    )


@router.get("/studies", tags=["studies"])
def studies(
    request: Request,
    who: Viewer,
    context: Context,
    wanted: Annotated[WorklistFilter, Depends(wanted_of)],
    *,
    after: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    mode: Annotated[
        NodeMode | None, Query(description="Without it: any; silent ones by words alone.")
    ] = None,
) -> StudyPage:
    """List studies in the order of the worklist."""
    wanted = replace(wanted, mode=mode or "")
    note_search(request, context, who, "api", request.query_params)
    place = _place(after)
    with context.database.look() as connection:
        rows, following = worklist.page(
            connection, context.archive, wanted, size=limit, after=place
        )
    lines = [StudyLine.of(row) for row in rows]
    return StudyPage(studies=lines, next=None if following is None else str(following))


@router.get("/studies/{study_instance_uid}", tags=["studies"])
def study(
    study_instance_uid: UidInPath, request: Request, who: Viewer, context: Context
) -> StudyDocument:
    """Return a study and the outcome of its images."""
    with context.database.look() as connection:
        row = worklist.row(connection, context.archive, study_instance_uid)
        lines = images.entries(connection, context.archive, study_instance_uid=study_instance_uid)
    if row is None:
        raise not_found("This study")
    _viewed(request, who, context, study_instance_uid)
    say = who.language.say
    warnings = [
        ReasonDocument(code=each, text=say(words.STUDY_WARNINGS[StudyWarning(each)]))
        for each in row.warnings
    ]
    outcomes = [ImageLine.of(each) for each in lines]
    return StudyDocument(study=StudyLine.of(row), warnings=warnings, images=outcomes)


@router.put("/studies/{study_instance_uid}/labels", tags=["studies"], responses=BODY_PROBLEMS)
def put_labels(
    study_instance_uid: UidInPath,
    who: NodeOperator,
    context: Context,
    labels: Annotated[list[Label], Body(embed=True, max_length=32)],
) -> StudyLabels:
    """Label a study, instead of what it was labelled; users may be limited to labels."""
    with context.database.transaction() as connection:
        if not limits.seen(connection, context.archive, [study_instance_uid]):
            raise not_found("This study")
        kept = limits.set_labels(connection, context.archive, study_instance_uid, labels)
    note(context, who.name, "study.labelled", study=study_instance_uid, labels=kept)
    return StudyLabels(labels=kept)


@router.post("/studies/{study_instance_uid}/read", tags=["studies"])
def read_study(
    study_instance_uid: UidInPath,
    who: NodeOperator,
    context: Context,
    *,
    again: Annotated[bool, Query(description="Also images that were analyzed before.")] = False,
) -> RetryAnswer:
    """Let a study be read that is in the PACS; the outcome comes by the deliveries of the settings.

    `asked` is 0 where nothing is new, or the PACS has no such study.
    """
    asked = context.read_study(study_instance_uid, again)
    note(context, who.name, "study.requested", study=study_instance_uid, asked=asked)
    return RetryAnswer(asked=asked)


@router.get("/images/{sop_instance_uid}", tags=["images"], responses=AMBIGUOUS)
def image(asked: Asked, _: Viewer, context: Context) -> ImageLine:
    """Return the outcome of an image."""
    return ImageLine.of(_entry(context, asked))


@router.get("/images/{sop_instance_uid}/reading", tags=["images"], responses=AMBIGUOUS)
def reading(asked: Asked, request: Request, who: Viewer, context: Context) -> ReadingDocument:
    """Return what the model said of an image, as a document hilum.reading/1."""
    return ReadingDocument.of(_reading(request, who, context, asked).document)


@router.get(
    "/images/{sop_instance_uid}/reading.{form}",
    tags=["images"],
    responses=AMBIGUOUS | ANY_FORM,
    response_class=Response,
)
def reading_file(
    asked: Asked, form: FormInPath, request: Request, who: Viewer, context: Context, _: Slot
) -> Response:
    """Return what the model said of an image in one of the forms that the page offers."""
    return written(context, _entry(context, asked), _reading(request, who, context, asked), form)


@router.get("/images/{sop_instance_uid}/findings", tags=["images"], responses=AMBIGUOUS)
def findings(
    asked: Asked, request: Request, who: Viewer, context: Context
) -> list[FindingDocument]:
    """Return the findings of an image."""
    document = _reading(request, who, context, asked).document
    rows = document["readings"][0]["findings"]
    return [FindingDocument.model_validate(each) for each in rows]


@router.get("/images/{sop_instance_uid}/anatomy", tags=["images"], responses=AMBIGUOUS)
def anatomy(asked: Asked, request: Request, who: Viewer, context: Context) -> AnatomyDocument:
    """Return what a network measured of lungs and heart, or how far it is with that."""
    entry = _entry(context, asked)
    found = record_of(context, entry)
    if found is None:
        raise not_found("The anatomy of this image")
    _require_told(context, who, entry)
    _viewed(request, who, context, entry.study_instance_uid)
    say = who.language.say
    return AnatomyDocument.of(
        {**asdict(found), "why": say(found.why), "said": [say(each) for each in found.said]}
    )


@router.get("/images/{sop_instance_uid}/reviews", tags=["images"], responses=AMBIGUOUS)
def reviews_of(
    asked: Asked, request: Request, who: Viewer, context: Context
) -> list[ReviewDocument]:
    """Return what readers said of an image."""
    entry = _entry(context, asked)
    with context.database.look() as connection:
        found = reviews.on_image(connection, context.archive, entry.uids)
    _require_told(context, who, entry)
    _viewed(request, who, context, entry.study_instance_uid)
    return [ReviewDocument.of(each) for each in found]


@router.get("/agreement", tags=["reviews"])
def agreement(
    _: Viewer,
    context: Context,
    *,
    unaided: Annotated[
        bool | None, Query(description="Only reviews before the findings were shown, or after.")
    ] = None,
) -> list[AgreementDocument]:
    """Return how often readers agreed, by finding and month."""
    with context.database.look() as connection:
        found = reviews.agreement(connection, context.archive, unaided=unaided)
    return [AgreementDocument.model_validate(each) for each in found]


@router.get("/jobs", tags=["node"])
def jobs(
    _: Viewer,
    context: Context,
    state: Annotated[list[State] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JobsDocument:
    """List the outcome of images, the newest first."""
    with context.database.look() as connection:
        found = images.entries(connection, context.archive, state or list(State), limit=limit)
        counts = images.counts(connection, context.archive)
    return JobsDocument(jobs=[ImageLine.of(each) for each in found], counts=counts)


@router.post("/jobs/retry", tags=["node"], responses=BODY_PROBLEMS | AMBIGUOUS)
def retry(who: Operator, context: Context, wanted: Annotated[RetryWanted, Body()]) -> RetryAnswer:
    """Let images be read again that failed, were refused or are gone."""
    if wanted.state is not None and wanted.state not in RETRIED:
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Only failed, refused and gone images are retried."
        )
    where = wanted.study_instance_uid, wanted.series_instance_uid
    named = tuple(wanted.sop_instance_uids)
    return RetryAnswer(asked=read_again(context, who, named, where=where, state=wanted.state))


@router.post(
    "/try", tags=["node"], responses=BODY_PROBLEMS, openapi_extra={"requestBody": FILE_BODY}
)
async def try_file(request: Request, who: Reader, context: Context) -> ReadingDocument:
    """Analyze a file; nothing is stored."""
    async with file_of(request) as file, slots_of(request).taken(who.name):
        return await run_in_threadpool(_try, file, who, context)


def _try(file: UploadFile, who: Visitor, context: WebContext) -> ReadingDocument:
    document = tried(context, file)
    note(context, who.name, "file.tried", status=document["readings"][0]["status"])
    return ReadingDocument.of(document)


@router.get("/status", tags=["node"])
def status(request: Request, _: NodeViewer) -> StatusDocument:
    """Return how the node is doing."""
    return StatusDocument.of(status_of(request).look())


@router.get("/health", tags=["node"])
def health(request: Request, _: Viewer) -> HealthDocument:
    """Return the state of health."""
    return HealthDocument.of(status_of(request).health())


@router.get("/rollout", tags=["node"])
def rollout(_: NodeOperator, context: Context) -> list[ModeReportDocument]:
    """Return what became of the images of each mode of the node."""
    return [ModeReportDocument.of(each) for each in reports(context)]


@router.get("/models", tags=["node"])
def models(_: Viewer, context: Context) -> list[InstalledModel]:
    """Return the models that are known here."""
    return list(context.models())


def _place(after: str | None) -> WorklistPosition | None:
    if not after:
        return None
    try:
        place = WorklistPosition.parse(after)
        if 0 <= place.rank < HIGHEST_RANK and UID.match(place.study_instance_uid):
            return place
    except ValueError:
        pass  # said below
    raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "after is not what `next` of a page said.")


def _entry(context: WebContext, asked: ImageAsked) -> ImageRecord:
    within = asked.study_instance_uid, asked.series_instance_uid
    with context.database.look() as connection:
        found = images.called(connection, context.archive, asked.sop_instance_uid, within)
    if not found:
        raise not_found("This image")
    if len(found) > 1:
        studies = ", ".join(dict.fromkeys(each.study_instance_uid for each in found))
        raise HTTPException(
            HTTPStatus.CONFLICT,
            f"{len(found)} images have this UID. Name study or series: {studies}.",
        )
    return found[0]


def _reading(
    request: Request, who: Visitor, context: WebContext, asked: ImageAsked
) -> StoredReading:
    entry = _entry(context, asked)
    with context.database.look() as connection:
        found = readings.get(connection, context.archive, entry.uids)
    if found is None:
        raise not_found("A reading of this image")
    _require_told(context, who, entry)
    _viewed(request, who, context, entry.study_instance_uid)
    return found


def _require_told(context: WebContext, who: Visitor, image: ImageRecord) -> None:
    """Refuse what tells of findings of the audit mode before a review of one's own."""
    if image.mode is NodeMode.AUDIT:
        require_seen(context, who, image)


def _viewed(request: Request, who: Visitor, context: WebContext, study_instance_uid: str) -> None:
    """Write into the audit trail that somebody looked at a study, once."""
    if request.app.state.viewed.add((who.key or who.name, study_instance_uid)):
        note(context, who.name, "study.viewed", study=study_instance_uid, by="api")
