"""The study page: radiograph, findings, heatmaps, and earlier studies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response

from hilum.errors import PacsError
from hilum.language import Language, Message
from hilum.reading import Finding
from hilum.records import images, readings, reviews, worklist
from hilum.records.accounts import Role, new_secret
from hilum.records.images import ImageRecord
from hilum.records.review import Opinion, Review, ReviewedFinding
from hilum.records.states import STATES, State
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import StudyWarning
from hilum.records.worklist import StudyRow
from hilum.settings.node import NodeMode
from hilum.values.persons import Trait
from hilum.web import charts, stage, unaided, words
from hilum.web.anatomy import anatomy_of
from hilum.web.claims import other_reader
from hilum.web.context import WebContext
from hilum.web.ohif_files import HOW_TO_GET_IT, folder, study_address
from hilum.web.pages import render
from hilum.web.pictures import Where, image_of, stored_as, tools_of, version
from hilum.web.score_history import ScoreHistory, cover_of, score_history
from hilum.web.sessions import Context, Viewer, Visitor, note
from hilum.web.slots import Slot
from hilum.web.status import status_of
from hilum.web.worklist import bar_of
from hilum.wording import day_text, finding_name, person, probability_text, raw_texts, score_text

router: Final = APIRouter(include_in_schema=False)

EARLIER: Final = 12
"""Other studies of the patient that are shown."""

DECIMALS: Final = 4
"""Decimals of activations on their way to the browser; float16 has no more."""

STORED_MAPS: Final = Message("Heatmaps are in the stored overlay.")


@router.get("/studies/{study}")
def show(
    request: Request,
    study: str,
    context: Context,
    who: Viewer,
    *,
    image: str = "",
    series: str = "",
    compare: str = "",
    ai: bool = False,
) -> HTMLResponse:
    """Show a study, by one of its images, and another one of the same person beside it.

    Parameters
    ----------
    ai
        Whether somebody who sees the image first asks for the findings.
    """
    with context.database.look() as connection:
        row = worklist.row(connection, context.archive, study)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, Message("There is no such study here."))
        entries = images.entries(connection, context.archive, study_instance_uid=study)[::-1]
        chosen = _chosen(entries, _wanted(row, who, series, image))
        reading, given, seen, unasked = None, [], False, ""
        if chosen is not None:
            reading = readings.get(connection, context.archive, chosen.uids)
            given = reviews.on_image(connection, context.archive, chosen.uids)
            seen = unaided.findings_seen(connection, context, who, chosen)
            unasked = "" if unaided.may_ask(who, chosen.mode) else words.AFTER_REVIEW
        others = worklist.others_of_patient(connection, context.archive, row, limit=EARLIER)
        covers = [
            cover_of(each) for each in others.same if unaided.may_ask(who, NodeMode(each.mode))
        ]
        documents = readings.documents(connection, context.archive, covers if reading else ())
    hidden = reading is not None and not (seen or (ai and not unasked))
    course = score_history((row, *others.same), None if hidden else reading, documents, who)
    about = {} if chosen is None else {"image": chosen.sop_instance_uid}
    told = reading is not None and not hidden
    note(context, who.name, "study.viewed", study=study, **about, findings=told)
    return render(
        request,
        "study.html",
        who,
        study=row,
        **_head(row, who),
        entries=[_entry(each, chosen) for each in entries],
        chosen=None if chosen is None else _entry(chosen, chosen),
        shown=None
        if chosen is None
        else stage.picture_of(row, chosen, None if hidden else reading, who),
        prior=stage.prior_of(context, others.same, compare, who),
        stage_words=stage.words_of(who.language),
        reading=None if reading is None else reading.document,
        row=None if reading is None else reading.document["readings"][0],
        findings=_listed(reading, course, who, hidden=hidden),
        anatomy=anatomy_of(context, chosen, who, hidden=hidden),
        hidden=hidden,
        unasked=unasked,
        others=course.others,
        earlier=[_earlier(each, who) for each in others.same],
        apart=[_earlier(each, who, differs) for each, differs in others.apart],
        reviews=[] if hidden else [_given(each, who) for each in given],
        **_model(request, context, reading),
        other_reader=other_reader(context, who, study) if who.may(Role.READER) else "",
        claims=who.may(Role.READER),
        groups=list((words.ANSWERS if hidden else words.OPINIONS).items()),
        forms={}
        if reading is None or hidden or context.tools is None
        else context.tools.forms(reading),
        origin=stage.origin_of(reading),
        reported=reading is None and chosen is not None and _is_reported(context, chosen),
        judges=who.may(Role.READER) and reading is not None,
        key=new_secret(),
        ohif=study_address(study) if folder(context.settings) else None,
        no_ohif=HOW_TO_GET_IT,
    )


@router.get("/studies/{study}/images/{image}/maps.json")
def maps(where: Where, context: Context, who: Viewer) -> Response:
    """Return the activation maps of an image and their outlines, in source pixels."""
    reading = _shown(context, image_of(context, where), who)
    if reading.origin is not None:
        raise HTTPException(HTTPStatus.NOT_FOUND, STORED_MAPS)
    shown = reading.document["readings"][0]
    field = reading.field_of_view
    tools = tools_of(context)
    labels = [each["label"] for each in shown["findings"]]
    drawn = {
        label: [
            [[round(float(x), 1), round(float(y), 1)] for x, y in line]
            for line in tools.outlines(activation.astype("float32"), field)
        ]
        for label, activation in zip(labels, reading.maps, strict=True)
    }
    return JSONResponse(
        {
            "rows": shown["pixels"]["rows"],
            "columns": shown["pixels"]["columns"],
            "field": [field.top, field.left, field.height, field.width],
            "height": reading.maps.shape[1],
            "width": reading.maps.shape[2],
            "maps": {
                label: [round(float(value), DECIMALS) for value in activation.ravel()]
                for label, activation in zip(labels, reading.maps, strict=True)
            },
            "outlines": drawn,
        }
    )


@router.get("/studies/{study}/images/{image}/reading.{form}")
def download(where: Where, form: str, context: Context, who: Viewer, _: Slot) -> Response:
    """Return a reading in one of its forms; what is for people is in their language."""
    entry = image_of(context, where)
    return written(context, entry, _shown(context, entry, who), form, language=who.language)


@router.get("/studies/{study}/images/{image}/results/{result}.{form}")
def result(
    where: Where, result: str, form: str, context: Context, who: Viewer, _: Slot
) -> Response:
    """Return one of the objects that were stored for an image, as DICOM or as a picture."""
    entry = image_of(context, where)
    unaided.require_seen(context, who, entry)
    reference = stored_as(context, entry, result)
    if reference is None or form not in {"dcm", "png"}:
        raise HTTPException(HTTPStatus.NOT_FOUND, Message("The PACS does not hold this result."))
    file = context.pacs.fetch(reference)
    if form == "png":
        return _attached(tools_of(context).png(file), "image/png", f"{result}.png")
    return _attached(file, "application/dicom", f"{result}.dcm")


def reading_of(context: WebContext, image: ImageRecord) -> StoredReading:
    """Return what the model said of an image.

    Raises
    ------
    HTTPException
        It said nothing.
    """
    with context.database.look() as connection:
        found = readings.get(connection, context.archive, image.uids)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, Message("This image has not been analyzed."))
    return found


def _shown(context: WebContext, image: ImageRecord, who: Visitor) -> StoredReading:
    """Return what the model said of an image, to somebody who may see it by now.

    Raises
    ------
    HTTPException
        It said nothing, or they see the image first.
    """
    unaided.require_seen(context, who, image)
    return reading_of(context, image)


def written(
    context: WebContext,
    image: ImageRecord,
    reading: StoredReading,
    form: str,
    *,
    language: Language | None = None,
) -> Response:
    """Return a reading as a file in one of its forms.

    Parameters
    ----------
    language
        That of who asks; None: that of the settings.

    Raises
    ------
    HTTPException
        It cannot be had in that form.
    """
    tools = tools_of(context)
    if form not in tools.forms(reading):
        raise HTTPException(
            HTTPStatus.NOT_FOUND, Message("This reading is not available in this form.")
        )
    if language is not None:
        reading = _warned_in(language, reading, image)
    when = (image.settled or image.arrived).astimezone()
    fetch = lambda: context.pacs.fetch(image.reference)  # noqa: E731
    made = tools.written(form, reading, fetch, when, language=language)
    return _attached(made.content, made.media_type, f"{image.sop_instance_uid}.{made.suffix}")


def _warned_in(language: Language, reading: StoredReading, image: ImageRecord) -> StoredReading:
    """Return a reading with its image's warnings in a language; its own are in that of settings."""
    row = reading.document["readings"][0]
    told = {reason.code: language.say(reason.text) for reason in image.reasons}
    reasons = [{**each, "text": told.get(each["code"], each["text"])} for each in row["reasons"]]
    return replace(
        reading, document={**reading.document, "readings": [{**row, "reasons": reasons}]}
    )


def _is_reported(context: WebContext, image: ImageRecord) -> bool:
    """Whether the archive holds a report that says it is ours, and is not of this node."""
    if context.tools is None or image.results:
        return False
    try:
        return context.tools.is_reported(context.pacs, image.reference, image.uids)
    except PacsError:  # then nothing is said of it
        return False


def _wanted(row: StudyRow, who: Visitor, series: str, image: str) -> tuple[str, str]:
    """Return series and SOP Instance UID to show: the cover, which findings chose, if allowed."""
    if image:
        return series, image
    return ("", "") if who.unaided else (row.cover_series, row.cover)


def _chosen(entries: Sequence[ImageRecord], wanted: tuple[str, str]) -> ImageRecord | None:
    """Return the wanted image, by series and SOP Instance UID; else by the UID, else the first."""
    series, image = wanted
    named = [each for each in entries if each.sop_instance_uid == image]
    exact = [each for each in named if each.series_instance_uid == series]
    return next(iter([*exact, *named, *entries]), None)


def _entry(entry: ImageRecord, chosen: ImageRecord | None) -> dict[str, Any]:
    """Return what is shown of one image."""
    state = entry.state
    return {
        "uid": entry.sop_instance_uid,
        "series": entry.series_instance_uid,
        "version": version(entry),
        "state": state,
        "word": STATES[state],
        "why": words.WHY.get(state, ""),
        "reasons": [reason.text for reason in entry.reasons],
        "arrived": entry.arrived,
        "settled": entry.settled,
        "results": entry.results,
        "chosen": entry is chosen,
        "gone": state is State.GONE,
        "mode": entry.mode,
        "mode_word": words.MODES.get(entry.mode, ""),
    }


def _listed(
    reading: StoredReading | None, course: ScoreHistory, who: Visitor, *, hidden: bool
) -> list[dict[str, Any]]:
    """Return the findings that are shown, with or without what the model says of them."""
    if reading is None:
        return []
    return unaided.findings(reading, who) if hidden else _findings(reading, course, who)


def _findings(reading: StoredReading, course: ScoreHistory, who: Visitor) -> list[dict[str, Any]]:
    """Return all findings, the positive ones first, each part by falling score."""
    language = who.language
    found = [(Finding.of_entry(each), each) for each in reading.document["readings"][0]["findings"]]
    ranked = sorted(found, key=lambda pair: (not pair[1]["positive"], -pair[0].score))
    shown = []
    for finding, stored in ranked:
        name, score = finding_name(finding.label, language), score_text(finding, language)
        raw, point = raw_texts(finding, language)
        positive = bool(stored["positive"])
        scores = course.scores.get(finding.label, ())
        told = f"{name}: {'; '.join(each.label for each in scores)}"
        drawn = charts.course(scores, told, language) if len(scores) > 1 else ""
        shown.append(
            {
                "label": finding.label,
                "name": name,
                "score": score,
                "raw": raw,
                "point": point,
                "site": probability_text(finding, language),
                "positive": positive,
                "bar": charts.bar(finding.score, positive=positive, label=f"{name} {score}"),
                "course": drawn,
                "answers": _answers(stored, who),
                "code": stored["code"],
            }
        )
    return shown


def _answers(finding: Mapping[str, Any], who: Visitor) -> list[tuple[str, str, str, str]]:
    """Return each answer to a finding: itself, its word, its opinion, its statement."""
    model = [finding[name] for name in ("positive", "raw", "operating_point", "score")]
    given = (ReviewedFinding(finding["label"], answer, *model) for answer in words.ANSWERS)
    return [
        (
            each.answer,
            words.ANSWERS[each.answer],
            each.opinion,
            words.answered(each.label, each.answer, who.language),
        )
        for each in given
    ]


def _head(row: StudyRow, who: Visitor) -> dict[str, Any]:
    """Return what is shown of the study and its patient."""
    return {
        "patient": person(row.patient_name),
        "age": words.age(row),
        "study_warnings": [words.STUDY_WARNINGS[StudyWarning(each)] for each in row.warnings],
        "sex": words.SEXES.get(row.sex, ""),
        "day": day_text(row.study_date, who.language),
        "clock": words.clock(row.study_time),
    }


def _earlier(row: StudyRow, who: Visitor, differs: Sequence[Trait] = ()) -> dict[str, Any]:
    """Return what is shown of another study with the same Patient ID."""
    state = State(row.state)
    return {
        "uid": row.study_instance_uid,
        "cover": row.cover,
        "series": row.cover_series,
        "day": day_text(row.study_date, who.language),
        "description": row.description,
        "differs": [words.TRAITS[trait] for trait in differs],
        "state": state,
        "word": STATES[state],
        "bars": [] if who.unaided else [bar_of(each, who) for each in row.findings if each[2]][:2],
    }


def _given(review: Review, who: Visitor) -> dict[str, Any]:
    """Return what is shown of a review."""
    language = who.language
    by_opinion: dict[Opinion, list[str]] = {opinion: [] for opinion in words.OPINIONS}
    for each in review.findings:
        by_opinion[each.opinion].append(words.answered(each.label, each.answer, language))
    return {
        "reader": review.reader,
        "unaided": review.unaided,
        "at": review.at,
        "opinions": [(words.OPINIONS[opinion], said) for opinion, said in by_opinion.items()],
        "missing": [finding_name(each, language) for each in review.missing],
        "comment": review.comment,
        "report": review.report,
    }


def _model(request: Request, context: WebContext, reading: StoredReading | None) -> dict[str, Any]:
    """Return what the node says of the model that read the image, and of its operating points."""
    if reading is None:
        return {"card": None, "points_now": ""}
    model = reading.document["model"]
    cards = status_of(request).models()
    card = next((each for each in cards if each.sha256 == model["sha256"]), None)
    return {"card": card, "points_now": _points_now(context, model)}


def _points_now(context: WebContext, model: Mapping[str, Any]) -> str:
    """Return which operating points are in use now, where a reading was made with others."""
    now = context.settings.current().model
    named = context.named_points()
    current = now.points_name if named is None else named[0]
    same = model["name"] != now.name or model["operating_points"] == current
    unread = current.endswith((".json", ".toml"))  # a file that cannot be read
    return "" if unread or same else current


def _attached(content: bytes, kind: str, name: str) -> Response:
    """Return a file that a browser saves."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)
