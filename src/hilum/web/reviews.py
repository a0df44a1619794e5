"""Reviews by readers: accepted, stored in the PACS, counted, exported."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
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
from hilum.language import Message
from hilum.records import reviews, studies
from hilum.records.images import ImageRecord
from hilum.records.readings import StoredReading
from hilum.records.reviews import Agreement, Opinion, Review, ReviewedFinding
from hilum.records.studies import DueTimes
from hilum.web.context import WebContext
from hilum.web.failures import wants_page
from hilum.web.pages import render
from hilum.web.pictures import Where, image_of, stored_as, tools_of
from hilum.web.sessions import Context, Reader, Viewer, Visitor, note
from hilum.web.slots import Slot
from hilum.web.study import reading_of
from hilum.wording import finding_name, shown_score

router: Final = APIRouter(include_in_schema=False)

SEE_OTHER: Final = 303
UNPROCESSABLE: Final = 422

LONGEST: Final = 2000
"""Letters of a comment."""

MOST_MISSING: Final = 10
"""Findings that one review may name as missing."""

MONTHS: Final = 6
"""Months that are shown; the export has all."""

NOTHING: Final = Message("Give at least an opinion, a missed finding or a comment.")

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
    "opinion",
    "positive",
    "raw",
    "operating_point",
    "score",
    "present",
    "counts",
    "report",
)
"""Of the export. ``present`` is what the reader says of the finding; empty when unsure."""


@router.post("/studies/{study}/images/{image}/review")
async def give(request: Request, where: Where, context: Context, who: Reader, _: Slot) -> Response:
    """Accept a review: encode it as a report, store it, verify that it is there, count it."""
    form = await request.form()
    await run_in_threadpool(_give, context, who, image_of(context, where), form)
    back = f"{where}#reviews"
    return RedirectResponse(back, SEE_OTHER) if wants_page(request) else JSONResponse({"to": back})


@router.get("/reviews")
def show(request: Request, context: Context, who: Viewer) -> HTMLResponse:
    """Show how often readers agree, by finding and month."""
    with context.database.look() as connection:
        counted = reviews.agreement(connection, context.archive)
    months = sorted({each.month for each in counted})[-MONTHS:]
    return render(
        request, "reviews.html", who, rows=_by_finding(counted, months, who), months=months
    )


@router.get("/reviews.csv")
def export(context: Context, who: Viewer) -> StreamingResponse:
    """Return every judged finding, to calibrate operating points with."""
    note(context, who.name, "reviews.exported")
    headers = {"Content-Disposition": 'attachment; filename="hilum-reviews.csv"'}
    return StreamingResponse(_lines(context), media_type="text/csv; charset=utf-8", headers=headers)


def _give(context: WebContext, who: Visitor, image: ImageRecord, form: FormData) -> None:
    reading = reading_of(context, image)
    review = _review(image, reading, who, form)
    key = str(form.get("key") or "")[:64]
    pacs = context.pacs
    uid, file = tools_of(context).review_file(
        pacs.fetch(image.reference), review, key, _judged(context, image)
    )
    if uid not in pacs.present([pacs.store(file).reference]):
        raise PacsUnavailable(
            "The PACS accepted the review but does not show it.", "Submit it again in a minute."
        )
    given = replace(review, report=uid)
    now = datetime.now(UTC)
    with context.database.transaction() as connection:
        if reviews.add(connection, context.archive, given):
            waits = DueTimes.of(context.settings.worklist)
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
        It says nothing, or something that is no opinion.
    """
    document = reading.document
    said = document["readings"][0]["findings"]
    judged = []
    for each in said:
        opinion = str(form.get(f"opinion.{each['label']}") or "")
        if opinion and opinion not in set(Opinion):
            raise HTTPException(UNPROCESSABLE)
        if opinion:
            facts = (each[name] for name in ("positive", "raw", "operating_point", "score"))
            judged.append(ReviewedFinding(each["label"], Opinion(opinion), *facts))
    named = [*form.getlist("missing"), *str(form.get("missing_words") or "").split(";")]
    missing = dict.fromkeys(text for each in named if (text := " ".join(str(each).split())[:200]))
    comment = str(form.get("comment") or "").strip()[:LONGEST]
    if not judged and not missing and not comment:
        raise HTTPException(UNPROCESSABLE, who.language.say(NOTHING))
    model = document["model"]
    return Review(
        *image.uids,
        datetime.now(UTC),
        who.name,
        f"{model['name']} {model['version']}",
        model["sha256"],
        tuple(judged),
        tuple(missing)[:MOST_MISSING],
        comment,
        "",
        model["demonstration"],
    )


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
                "disagree": sum(each.disagree for each in own),
                "unsure": sum(each.unsure for each in own),
                "missed": sum(each.missed for each in own),
                "months": [by_month.get(month) for month in months],
            }
        )
    return sorted(rows, key=lambda row: (-_decided(row), row["name"]))


def _decided(row: dict[str, Any]) -> int:
    decided: int = row["agree"] + row["disagree"] + row["unsure"]
    return decided


def _lines(context: WebContext) -> Iterator[str]:
    buffer = StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    with context.database.look() as connection:
        for row, latest in reviews.export(connection, context.archive):
            writer.writerow(_cells(row, latest=latest))
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cells(row: Any, *, latest: bool) -> list[str]:
    """Return one line of the export; user names and labels may begin like a formula."""
    present = ""
    if row.opinion != Opinion.UNSURE:
        present = _yes(row.positive == (row.opinion == Opinion.AGREE))
    return [
        row.at.isoformat(timespec="seconds"),
        _harmless(row.reader),
        row.study_instance_uid,
        row.series_instance_uid,
        row.sop_instance_uid,
        row.model,
        row.model_sha256,
        _yes(row.demonstration),
        _harmless(row.label),
        row.opinion,
        _yes(row.positive),
        f"{row.raw}",
        f"{row.operating_point}",
        f"{shown_score(row.score, positive=row.positive):.2f}",
        present,
        _yes(latest),
        row.report,
    ]


def _yes(value: bool) -> str:  # noqa: FBT001  the value itself is what is written
    return "true" if value else "false"


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
