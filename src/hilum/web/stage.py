"""The picture stage of the study page: what it shows beside the radiograph, and says in words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from hilum.language import Language, Message
from hilum.records import images, readings
from hilum.records.images import ImageRecord
from hilum.records.states import State
from hilum.records.stored_reading import StoredReading
from hilum.records.worklist import StudyRow
from hilum.web import words
from hilum.web.context import WebContext
from hilum.web.pictures import version
from hilum.web.sessions import Visitor
from hilum.web.unaided import may_ask
from hilum.wording import day_text, person

WINDOWS: Final = {
    "default": Message("Default window"),
    "lung": Message("Lung"),
    "mediastinum": Message("Mediastinum"),
    "bone": Message("Bone"),
    "full": Message("Full range"),
    "window": Message("Window"),
    "pixels": Message("The image has no pixel spacing: lengths are in pixels."),
    "unsaved": Message("Lengths are not saved."),
}
"""What the stage calls windows, and where it cannot measure."""

SIDES: Final = {"R": Message("right"), "L": Message("left"), "B": Message("both sides")}
"""Laterality (0020,0060) → its word."""

SPACING: Final = {
    "GEOMETRY": Message("Lengths are corrected for the geometry of the exposure (Pixel Spacing)."),
    "FIDUCIAL": Message("Lengths are calibrated with an object of known size (Pixel Spacing)."),
    "calibrated": Message("Lengths are calibrated; the image does not say how (Pixel Spacing)."),
    "magnified": Message("Lengths at the detector, divided by the estimated magnification of %."),
    "detector": Message(
        "Lengths at the detector (Imager Pixel Spacing): structures in the patient are smaller."
    ),
    "stated": Message("Lengths by Pixel Spacing; the image does not say whether at the detector."),
    "scanned": Message("Lengths on the scanned film (Nominal Scanned Pixel Spacing)."),
}
"""Where a pixel spacing comes from → what lengths by it are worth (PS3.3 10.7.1.3)."""

SHORT: Final = {
    "detector": Message("at the detector"),
    "scanned": Message("on the film"),
}
"""The same beside a length, where it needs to be."""


def words_of(language: Language) -> dict[str, Any]:
    """Return what the stage says, in one language; for ``stage.js``."""

    def said(texts: dict[str, Message]) -> dict[str, str]:
        return {key: language.say(text) for key, text in texts.items()}

    short = dict.fromkeys(SPACING, "") | said(SHORT)
    sides = said(SIDES)
    return {**said(WINDOWS), "sides": sides, "spacing": said(SPACING), "short": short}


def origin_of(reading: StoredReading | None) -> dict[str, Any] | None:
    """Return what is shown of where a reading comes from; None where this node made it."""
    if reading is None or reading.origin is None:
        return None
    origin = reading.origin
    return {"at": datetime.fromisoformat(origin["at"]), "sender": origin["received_from"]}


def picture_of(
    row: StudyRow, image: ImageRecord, reading: StoredReading | None, who: Visitor
) -> dict[str, Any]:
    """Return what the stage shows of one image of a study."""
    day = day_text(row.study_date, who.language)
    return {
        "uid": image.sop_instance_uid,
        "study": row.study_instance_uid,
        "series": image.series_instance_uid,
        "version": version(image),
        "gone": image.state is State.GONE,
        "maps": reading is not None and reading.origin is None,
        "demonstration": reading is not None and reading.document["model"]["demonstration"],
        "day": day,
        "lines": [
            " · ".join(filter(None, (person(row.patient_name), row.patient_id))),
            " ".join(filter(None, (day, words.clock(row.study_time)))),
        ],
    }


def prior_of(
    context: WebContext, others: Sequence[StudyRow], wanted: str, who: Visitor
) -> dict[str, Any] | None:
    """Return the wanted one of the same person's other studies, None where it is none of them."""
    row = next((each for each in others if each.study_instance_uid == wanted and each.cover), None)
    if row is None:
        return None
    with context.database.look() as connection:
        within = row.study_instance_uid, row.cover_series
        found = images.called(connection, context.archive, row.cover, within)
        if not found:
            return None
        told = not who.unaided and may_ask(who, found[0].mode)
        reading = readings.get(connection, context.archive, found[0].uids) if told else None
    return picture_of(row, found[0], reading, who)
