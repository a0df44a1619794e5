"""The API's request and response models, as OpenAPI describes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Self

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from hilum.records.anatomies import AnatomyState
from hilum.records.forwards import ForwardState
from hilum.records.review import Opinion, ReaderAnswer
from hilum.records.states import State, Urgency
from hilum.records.throughput import Hour, Refusals
from hilum.settings.node import NodeMode
from hilum.values.site_curve import SiteProbability
from hilum.web.context import NodeCheck
from hilum.web.status import StatusSnapshot

UID_PATTERN: Final = r"^[0-9]+(\.[0-9]+)*$"

TEXT: Final = r"^[^\x00]*$"
"""PostgreSQL keeps no NUL in a text."""

Uid = Annotated[str, Field(pattern=UID_PATTERN, max_length=64)]
Label = Annotated[str, Field(min_length=1, max_length=64, pattern=TEXT)]
FormInPath = Annotated[str, Path(pattern="^[a-z0-9]{1,16}$", description="E.g. fhir.")]
UidInPath = Annotated[str, Path(pattern=UID_PATTERN, max_length=64)]


@dataclass(frozen=True, slots=True)
class ImageAsked:
    """Which image is asked for."""

    sop_instance_uid: UidInPath
    study_instance_uid: Annotated[
        str | None,
        Query(pattern=UID_PATTERN, max_length=64, description="Where a UID is in several studies."),
    ] = None
    series_instance_uid: Annotated[
        str | None,
        Query(pattern=UID_PATTERN, max_length=64, description="Where it is in several series."),
    ] = None


class ApiDocument(BaseModel):
    """Frozen, and made of attributes where it is given an object."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    @classmethod
    def of(cls, source: Any) -> Self:
        """Return the document of an object with attributes of its names, or of a mapping."""
        return cls.model_validate(source)


class Problem(ApiDocument):
    """Why something could not be done, and what to do."""

    detail: str


class InvalidValue(ApiDocument):
    """One value that is not what is expected."""

    loc: list[str | int]
    msg: str


class Invalid(ApiDocument):
    """The values that are not what is expected."""

    detail: list[InvalidValue] | str


SCHEMAS: Final = "#/components/schemas/{model}"
"""Where OpenAPI's description has the schema of a document."""


def _told(model: type[BaseModel], description: str) -> dict[str, Any]:
    """Return OpenAPI's description of an answer that many routes may give.

    From the model itself, FastAPI would prepare a field for each route while a node starts.
    """
    schema = {"$ref": SCHEMAS.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.UNAUTHORIZED: _told(Problem, "No token, or one that has ended."),
    HTTPStatus.FORBIDDEN: _told(Problem, "The role does not allow this."),
    HTTPStatus.NOT_FOUND: _told(Problem, "There is nothing of that name."),
    HTTPStatus.UNPROCESSABLE_ENTITY: _told(Invalid, "A value is not right."),
    HTTPStatus.SERVICE_UNAVAILABLE: _told(Problem, "Not now."),
}

AMBIGUOUS: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.CONFLICT: _told(
        Problem, "Images in several studies or series have this UID: name one."
    )
}

BODY_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.BAD_REQUEST: _told(Problem, "The body is damaged or cut off."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _told(Problem, "Too large."),
}


class ReasonDocument(ApiDocument):
    """A coded reason in plain words."""

    code: str
    text: str


class StudyLabels(ApiDocument):
    """Labels of a study, as they are compared."""

    labels: list[str]


class StudyLine(ApiDocument):
    """A study, as the worklist shows it."""

    study_instance_uid: str
    patient_name: str
    patient_id: str
    birth_date: str = Field(description="DICOM DA, empty when unknown.")
    sex: str
    accession_number: str
    study_date: str = Field(description="DICOM DA, empty when unknown.")
    study_time: str = Field(description="DICOM TM, empty when unknown.")
    description: str
    arrived: datetime
    changed: datetime
    due: datetime = Field(description="When a reader should have seen it: the worklist's order.")
    urgency: Urgency
    state: State
    images: int
    positives: int = Field(description="Findings that are positive in any of its images.")
    findings: list[tuple[str, float, bool]] = Field(
        description="Label, score, positive: the highest of all images, positives first."
    )
    reviewed: datetime | None = Field(description="When a reader last reviewed it.")
    mode: NodeMode = Field(
        description="silent: for operators alone; audit: what was found is not told here."
    )


class StudyPage(ApiDocument):
    """Some studies, in the order of the worklist."""

    studies: list[StudyLine]
    next: str | None = Field(description="Give it as `after` for the next page; null: no more.")


class ImageNamed(ApiDocument):
    """What names an image."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


class ImageLine(ImageNamed):
    """Outcome of one image."""

    urgency: Urgency
    state: State
    reasons: list[ReasonDocument]
    results: list[str] = Field(description="SOP Instance UIDs of what was stored for it.")
    attempts: int
    arrived: datetime
    started: datetime | None
    settled: datetime | None
    model: str | None
    seconds: dict[str, float] = Field(description="Stage → seconds that it took there.")
    mode: NodeMode = Field(description="How far its results get.")


class StudyDocument(ApiDocument):
    """A study and its images."""

    study: StudyLine
    warnings: list[ReasonDocument] = Field(description="What is wrong with the study as a whole.")
    images: list[ImageLine]


class JobsDocument(ApiDocument):
    """Images, the newest first, and how many there are in each state."""

    jobs: list[ImageLine]
    counts: dict[State, int]


class RetryWanted(ApiDocument):
    """Which images to read again: these, or all of a state."""

    model_config = ConfigDict(extra="forbid")  # a name misspelled would mean all of them

    sop_instance_uids: list[Uid] = Field(default=[], max_length=10_000)
    study_instance_uid: Uid | None = Field(None, description="Only in this study.")
    series_instance_uid: Uid | None = Field(None, description="Only in this series.")
    state: State | None = Field(
        None, description="failed, refused or gone; others have no further attempt."
    )


class RetryAnswer(ApiDocument):
    """How many images will be read again."""

    asked: int


class FindingScore(ApiDocument):
    """One label's result; a score is not a probability."""

    label: str
    raw: float
    operating_point: float
    score: float
    positive: bool


class FindingDocument(FindingScore):
    """One finding and its code."""

    code: dict[str, str]
    calibrated_probability_at_this_site: SiteProbability | None = Field(
        None, description="Only where the site's own operating points in use have it."
    )


class ReviewedFindingDocument(FindingScore):
    """One finding, as the model gave it and the reader sees it."""

    answer: ReaderAnswer
    opinion: Opinion = Field(description="How the answer compares with what the model says.")


class AnatomyDocument(ApiDocument):
    """Anatomy of one image: whether it was measured, and what was."""

    state: AnatomyState
    asked: datetime
    why: str = Field(description="Why it failed; empty else.")
    said: list[str] = Field(description="In sentences.")
    document: dict[str, Any] | None = Field(
        description="The `anatomy` of a hilum.reading/1 document; null before it was measured."
    )
    results: list[str] = Field(description="SOP Instance UIDs of what is in the PACS.")


class ReviewDocument(ImageNamed):
    """One review of one reader on one image."""

    at: datetime
    reader: str
    model: str
    model_sha256: str
    demonstration: bool
    findings: list[ReviewedFindingDocument]
    missing: list[str] = Field(description="What the model does not look for, in words.")
    comment: str
    unaided: bool = Field(description="Whether the findings had not been shown to the reader.")
    report: str = Field(description="SOP Instance UID of the SR that says the same.")


class AgreementDocument(ApiDocument):
    """What readers said of one finding in one month; each review counts once."""

    label: str
    month: str
    agree: int
    missed: int = Field(description="Present by the reader, below the operating point.")
    false_positive: int = Field(description="Absent by the reader, at or above it.")
    unsure: int
    interval: tuple[float, float] | None = Field(
        description="95 % interval of the share that agrees, unsure left out; null without any."
    )


class FindingCountDocument(ApiDocument):
    """What was found on the newest images of a mode, and how often readers agreed."""

    label: str
    positives: int
    images: int
    agree: int
    missed: int
    false_positive: int
    interval: tuple[float, float] | None = Field(
        description="95 % interval of the share of agreement, by Wilson; null without an answer."
    )


class ModeReportDocument(ApiDocument):
    """What became of the images of one mode."""

    mode: NodeMode
    ended: dict[State, int]
    first: datetime | None
    last: datetime | None = Field(description="When the first and the last of them ended.")
    refusals: list[Refusals] = Field(description="Of the newest images.")
    findings: list[FindingCountDocument]


class HealthDocument(ApiDocument):
    """The state of health."""

    ok: bool
    checks: list[NodeCheck]

    @classmethod
    def of(cls, source: Sequence[NodeCheck]) -> Self:
        """Return the document of checks."""
        return cls(ok=all(check.ok for check in source), checks=list(source))


class StatusDocument(ApiDocument):
    """How the node is doing."""

    at: datetime
    counts: dict[State, int]
    waiting: dict[Urgency, int]
    reading: int
    oldest: datetime | None = Field(description="Arrival of the image that waits longest.")
    hours: list[Hour]
    refusals: list[Refusals] = Field(description="Of the last seven days.")
    forwards: dict[ForwardState, int]
    workers_alive: int
    free_bytes: int

    @classmethod
    def of(cls, source: StatusSnapshot) -> Self:
        """Return the document of a snapshot."""
        return cls(
            at=source.at,
            counts=source.counts,
            waiting=dict(source.depth.waiting),
            reading=source.depth.reading,
            oldest=source.depth.oldest,
            hours=source.hours,
            refusals=source.refusals,
            forwards=source.forwards,
            workers_alive=sum(map(source.lives, source.workers)),
            free_bytes=source.storage.free,
        )


class ReadingDocument(ApiDocument):
    """A document ``hilum.reading/1``; its JSON Schema is shipped with hilum."""

    model_config = ConfigDict(extra="allow")

    readings: list[dict[str, Any]]
