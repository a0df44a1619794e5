"""The worklist page: studies with their findings, in the order in which they are due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from hilum.language.message import unpacked
from hilum.records import claims, worklist
from hilum.records.accounts import Role
from hilum.records.states import ANALYZED, STATES, State, Urgency
from hilum.records.studies import Rank
from hilum.records.worklist import StudyRow, WorklistFilter, WorklistPosition
from hilum.settings.node import NodeMode
from hilum.web import charts, words
from hilum.web.context import WebContext
from hilum.web.pages import fill, render
from hilum.web.sessions import Context, Viewer, Visitor, note_search
from hilum.web.status import status_of
from hilum.wording import day_text, finding_name, person, shown_score

router: Final = APIRouter(include_in_schema=False)

TOP: Final = 3
"""Findings that a row shows."""

MINUTE_S: Final = 60

FIELDS: Final = ("q", "state", "finding", "since", "until", "open", "urgent", "mode")
"""Fields of the search form."""

LONGEST: Final = 200
"""Letters of a field that count."""

Begun = Annotated[float, Query(ge=0, lt=1e11, allow_inf_nan=False)]
"""When an open page was made, in seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One finding of a row."""

    name: str
    score: str
    """In the reader's language."""
    positive: bool
    """Whether it is at or above its operating point."""
    drawn: str
    """The bar."""


@dataclass(frozen=True, slots=True)
class WorklistRequest:
    """What the address asks for."""

    wanted: WorklistFilter
    """Which studies."""
    after: WorklistPosition | None
    """After which place; None for the first page."""
    query: str
    """The same as in an address, without the place."""


def asked(request: Request, context: Context, who: Viewer) -> WorklistRequest:
    """Return what the address asks for.

    Raises
    ------
    HTTPException
        The place cannot be understood.
    """
    given = {name: request.query_params.get(name, "").strip()[:LONGEST] for name in FIELDS}
    state = given["state"] if given["state"] in set(State) else ""
    wanted = WorklistFilter(
        given["q"],
        state,
        "" if who.unaided else given["finding"],
        given["since"].replace("-", "")[:8],
        given["until"].replace("-", "")[:8],
        bool(given["open"]),
        bool(given["urgent"]),
        given["mode"] if given["mode"] in set(NodeMode) and who.may(Role.OPERATOR) else "",
        hide_ineligible=context.settings.current().worklist.ineligible == "hide",
        by_arrival=who.unaided,
    )
    place = request.query_params.get("after", "")
    try:
        after = WorklistPosition.parse(place) if place else None
    except ValueError as exc:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY) from exc
    return WorklistRequest(
        wanted, after, urlencode({name: each for name, each in given.items() if each})
    )


FromAddress = Annotated[WorklistRequest, Depends(asked)]


@router.get("/")
def show(request: Request, context: Context, who: Viewer, ask: FromAddress) -> HTMLResponse:
    """Show the worklist."""
    note_search(request, context, who, "page", dict(parse_qsl(ask.query)))
    values = rows_of(context, who, ask)
    with context.database.look() as connection:
        labels = worklist.labels(connection, context.archive)
    return render(
        request,
        "worklist.html",
        who,
        **values,
        begun=datetime.now(UTC).timestamp(),
        labels=[(label, finding_name(label, who.language)) for label in labels],
        states=[(state, STATES[state]) for state in STATES],
        modes=list(words.MODE_NAMES.items()) if who.may(Role.OPERATOR) else [],
        model=next((each for each in status_of(request).models() if each.in_use), None),
        pacs=context.address,
    )


@router.get("/worklist/rows")
def rows(
    context: Context, who: Viewer, ask: FromAddress, begun: Begun | None = None
) -> HTMLResponse:
    """Return the rows alone, for a page that is open, and how many came since it is."""
    values = rows_of(context, who, ask)
    if begun is not None:
        since = datetime.fromtimestamp(begun, UTC)
        with context.database.look() as connection:
            values["arrived"] = worklist.arrivals(connection, context.archive, since)
    return HTMLResponse(fill("worklist_rows.html", who, **values))


@router.get("/worklist/notices")
def notices(request: Request, who: Viewer) -> HTMLResponse:
    """Return what is not as it should be; asked for once the page stands."""
    troubles = [check for check in status_of(request).health() if not check.ok]
    return HTMLResponse(fill("worklist_notices.html", who, troubles=troubles))


def rows_of(context: WebContext, who: Visitor, ask: WorklistRequest) -> dict[str, Any]:
    """Return what the rows' template shows."""
    with context.database.look() as connection:
        found, following = worklist.page(
            connection,
            context.archive,
            ask.wanted,
            size=context.settings.current().worklist.page_size,
            after=ask.after,
        )
        counts = worklist.counts(connection, context.archive)
        now = datetime.now(UTC)
        uids = (each.study_instance_uid for each in found)
        claimed = claims.held(connection, context.archive, uids, now)
    return {
        "rows": [row_of(each, who, now) for each in found],
        "ask": ask,
        "counts": counts,
        "arrived": 0,
        "amount": lambda count: amount(count, who),
        "claimed": {study: name for study, name in claimed.items() if name != who.name},
        "not_analyzed": counts.unreadable
        + (0 if ask.wanted.hide_ineligible else counts.ineligible),
        "following": "" if following is None else str(following),
    }


def amount(count: int, who: Visitor) -> str:
    """Return a number of studies as the page writes it; "10,000+" is more than are counted."""
    if count > worklist.MOST:
        return f"{who.language.number(worklist.MOST)}+"
    return who.language.number(count)


def row_of(study: StudyRow, who: Visitor, now: datetime) -> Mapping[str, Any]:
    """Return what one row shows."""
    state = State(study.state)
    shown = [] if who.unaided else [bar_of(each, who) for each in study.findings[:TOP]]
    until = now - study.arrived if who.unaided else study.due - now
    left = round(until.total_seconds() / MINUTE_S)
    texts = [who.language.say(unpacked(text)) for _, text in study.reasons]
    return {
        "study": study,
        "name": person(study.patient_name),
        "age": words.age(study),
        "sex": words.SEXES.get(study.sex, ""),
        "day": day_text(study.study_date, who.language),
        "clock": words.clock(study.study_time),
        "state": state,
        "state_word": STATES[state],
        "why": why_of(study, state, texts),
        "warnings": texts if state in ANALYZED else [],
        "urgent": study.urgency == Urgency.URGENT,
        "backfill": study.rank == Rank.BACKFILL,
        "silent": study.rank == Rank.SILENT,
        "reviewed": study.rank == Rank.REVIEWED,
        "is_due": study.rank < Rank.REVIEWED,
        "bars": shown,
        "more": 0
        if who.unaided
        else max(0, study.positives - sum(each.positive for each in shown)),
        "overdue": left < 0,
        "left": words.duration(abs(left)),
        "model": study.model,
    }


def why_of(study: StudyRow, state: State, texts: Sequence[str]) -> str:
    """Return what a row says in the place of findings."""
    if state not in ANALYZED:
        return "; ".join(texts) or words.WHY.get(state, "")
    return words.AFTER_REVIEW if study.mode == NodeMode.AUDIT else words.WHY.get(state, "")


def bar_of(finding: tuple[str, float, bool], who: Visitor) -> Bar:
    """Return one finding of a row."""
    label, score, positive = finding
    language = who.language
    name, shown = finding_name(label, language), spoken(score, positive=positive, who=who)
    return Bar(name, shown, positive, charts.bar(score, positive=positive, label=f"{name} {shown}"))


def spoken(score: float, *, positive: bool, who: Visitor) -> str:
    """Return a score as every surface writes it: never rounded across the operating point."""
    return who.language.fixed(shown_score(score, positive=positive), 2)
