"""Reviews by readers: accepted, stored in the PACS, counted, exported."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from io import StringIO
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from hilum.errors import PacsUnavailable
from hilum.language import LANGUAGES, Message
from hilum.records import agreement_watch, reviews, studies
from hilum.records.accounts import Role
from hilum.records.images import ImageRecord
from hilum.records.review import Opinion, ReaderAnswer, Review, ReviewedFinding
from hilum.records.reviews import Agreement
from hilum.records.rows import as_record
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import DueTimes, fold
from hilum.settings.node import NodeMode
from hilum.values.csv_text import harmless, true_or_false
from hilum.web.context import WebContext
from hilum.web.failures import wants_page
from hilum.web.pages import render
from hilum.web.pictures import Where, image_of, stored_as, tools_of
from hilum.web.sessions import Context, Reader, ReadingMode, Viewer, Visitor, note
from hilum.web.slots import Slot
from hilum.web.study import reading_of
from hilum.web.unaided import findings_seen
from hilum.wording import finding_name, shown_score

router: Final = APIRouter(include_in_schema=False)

ANSWER: Final = "answer."
"""How the fields of answers begin; the finding's label follows."""

LONGEST: Final = 2000
"""Letters of a comment."""

MOST_MISSING: Final = 10
"""Findings that one review may name as missing."""

MONTHS: Final = 6
"""Months that are shown; the export has all."""

NOTHING: Final = Message("Answer at least one finding, or name a missed one, or comment.")
NOT_IN_WORDS: Final = Message("{finding} is in the list of findings: answer it there.")
COLUMNS: Final = (
    "at",
    "reader",
    "study_instance_uid",
    "series_instance_uid",
    "sop_instance_uid",
    "model",
    "model_sha256",
    "demonstration",
    "label",
    "answer",
    "agrees",
    "positive",
    "raw",
    "operating_point",
    "score",
    "unaided",
    "counts",
    "report",
)
"""Of the export. ``agrees`` is empty when the reader is unsure."""


@router.post("/studies/{study}/images/{image}/review")
async def give(request: Request, where: Where, context: Context, who: Reader, _: Slot) -> Response:
    """Accept a review: encode it as a report, store it, verify that it is there, count it."""
    form = await request.form()
    await run_in_threadpool(_give, context, who, image_of(context, where), form)
    back = f"{where}#reviews"
    return (
        RedirectResponse(back, HTTPStatus.SEE_OTHER)
        if wants_page(request)
        else JSONResponse({"to": back})
    )


@router.get("/reviews")
def show(
    request: Request, context: Context, who: Viewer, mode: ReadingMode | None = None
) -> HTMLResponse:
    """Show how often readers agree, by finding and month; `mode`: only those reviews."""
    unaided = None if mode is None else mode is ReadingMode.UNAIDED
    with context.database.look() as connection:
        counted = reviews.agreement(connection, context.archive, unaided=unaided)
    accepted = context.settings.current().constancy
    months = sorted({each.month for each in counted})[-MONTHS:]
    return render(
        request,
        "reviews.html",
        who,
        rows=_by_finding(counted, months, who),
        months=months,
        mode=mode,
        left={(each.label, each.month) for each in agreement_watch.outside(counted, accepted)},
    )


@router.get("/reviews.csv")
def export(context: Context, who: Viewer) -> StreamingResponse:
    """Return every judged finding, to calibrate operating points with."""
    note(context, who.name, "reviews.exported")
    reader = None if who.may(Role.OPERATOR) else who.name
    headers = {"Content-Disposition": 'attachment; filename="hilum-reviews.csv"'}
    lines = _lines(context, reader)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _give(context: WebContext, who: Visitor, image: ImageRecord, form: FormData) -> None:
    reading = reading_of(context, image)
    with context.database.look() as connection:
        seen = findings_seen(connection, context, who, image)
    review = replace(_review(image, reading, who, form), unaided=not seen, mode=image.mode)
    key = str(form.get("key") or "")[:64]
    pacs = context.pacs
    uid, file = tools_of(context).review_file(
        pacs.fetch(image.reference), review, key, _judged(context, image)
    )
    stored = image.mode is NodeMode.LIVE  # else the PACS is told nothing of the findings
    if stored and uid not in pacs.present([pacs.store(file).reference]):
        raise PacsUnavailable(
            "The PACS accepted the review but does not show it.", "Submit it again in a minute."
        )
    given = replace(review, report=uid)
    now = datetime.now(UTC)
    with context.database.transaction() as connection:
        if reviews.add(connection, context.archive, given):
            waits = DueTimes.of(context.settings.current().worklist)
            studies.refresh(connection, context.archive, image.study_instance_uid, now, waits)
    note(
        context,
        who.name,
        "review.submitted",
        study=image.study_instance_uid,
        image=image.sop_instance_uid,
        series=image.series_instance_uid,
        report=uid,
    )


def _review(image: ImageRecord, reading: StoredReading, who: Visitor, form: FormData) -> Review:
    """Return what a form says.

    Raises
    ------
    HTTPException
        It says nothing, something that is no answer, or two things of one finding.
    """
    document = reading.document
    judged = _answers(document["readings"][0]["findings"], form)
    named = str(form.get("missing") or "").split(";")
    missing = dict.fromkeys(text for each in named if (text := " ".join(each.split())[:200]))
    known = _names(each["label"] for each in document["readings"][0]["findings"])
    for each in missing:
        if label := known.get(fold(each)):
            finding = finding_name(label, who.language)
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY, who.language.say(NOT_IN_WORDS, finding=finding)
            )
    comment = str(form.get("comment") or "").strip()[:LONGEST]
    if not judged and not missing and not comment:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, who.language.say(NOTHING))
    model = document["model"]
    return Review(
        *image.uids,
        datetime.now(UTC),
        who.name,
        f"{model['name']} {model['version']}",
        model["sha256"],
        judged,
        tuple(missing)[:MOST_MISSING],
        comment,
        "",
        model["demonstration"],
    )


def _answers(findings: Sequence[Mapping[str, Any]], form: FormData) -> tuple[ReviewedFinding, ...]:
    """Return what a form says of the model's findings.

    Raises
    ------
    HTTPException
        It is no answer, answers one finding twice, or one that the model does not have.
    """
    facts = {each["label"]: each for each in findings}
    given = [
        (name[len(ANSWER) :], said)
        for name, said in form.multi_items()
        if name.startswith(ANSWER) and said
    ]
    answers = {label: str(said) for label, said in given if label in facts}
    if len(answers) < len(given) or not set(answers.values()) <= set(ReaderAnswer):
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
    model = ("positive", "raw", "operating_point", "score")
    return tuple(
        ReviewedFinding(label, ReaderAnswer(said), *(facts[label][name] for name in model))
        for label, said in answers.items()
    )


def _names(labels: Iterable[str]) -> dict[str, str]:
    """Return how findings are called in any language, folded → label."""
    return {
        fold(name): label
        for label in labels
        for name in (label, *(finding_name(label, language) for language in LANGUAGES))
    }


def _judged(context: WebContext, image: ImageRecord) -> bytes | None:
    """Return the model's coded report, the last thing that was stored for the image."""
    report = stored_as(context, image, image.results[-1]) if image.results else None
    return None if report is None else context.pacs.fetch(report)


def _by_finding(counted: list[Agreement], months: list[str], who: Visitor) -> list[dict[str, Any]]:
    """Return the counts of each finding, in all and of each month, the most judged first."""
    rows = []
    for label in dict.fromkeys(each.label for each in counted):
        own = [each for each in counted if each.label == label]
        by_month = {each.month: each for each in own}
        rows.append(
            {
                "name": finding_name(label, who.language),
                "agree": sum(each.agree for each in own),
                "missed": sum(each.missed for each in own),
                "false_positive": sum(each.false_positive for each in own),
                "unsure": sum(each.unsure for each in own),
                "reviews": sum(each.reviews for each in own),
                "months": [by_month.get(month) for month in months],
            }
        )
    return sorted(rows, key=lambda row: (-row["reviews"], row["name"]))


def _lines(context: WebContext, reader: str | None) -> Iterator[str]:
    buffer = StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    with context.database.look() as connection:
        for row, latest in reviews.export(connection, context.archive, reader=reader):
            writer.writerow(_cells(row, latest=latest))
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cells(row: Any, *, latest: bool) -> list[str]:
    """Return one line of the export."""
    opinion = as_record(ReviewedFinding, row).opinion
    values = row._asdict() | {
        "at": row.at.isoformat(timespec="seconds"),
        "agrees": "" if opinion is Opinion.UNSURE else opinion is Opinion.AGREE,
        "score": f"{shown_score(row.score, positive=row.positive):.2f}",
        "counts": latest,
    }
    return [_cell(values[name]) for name in COLUMNS]


def _cell(value: object) -> str:
    """Return a value as it is written: user names and labels may begin like a formula."""
    return true_or_false(value) if isinstance(value, bool) else str(harmless(value))
