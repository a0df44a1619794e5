"""The worklist's rows: one for each study, kept up to date as its images come and are read.

`arrived` and `refresh` belong into the transaction of what they follow: the feed's
position with the new jobs, and an image's results.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select

from hilum.eligibility import INELIGIBLE
from hilum.radiograph import ImageUIDs
from hilum.records.keys import of_study, study_values, uids_of
from hilum.records.states import ANALYZED, State, Urgency
from hilum.records.stored_reading import document_in
from hilum.records.tables import IMAGE, READING, STUDY, STUDY_FINDING, STUDY_WORD, THUMBNAIL
from hilum.records.upsert import adding, unless_there
from hilum.settings.node import NodeMode
from hilum.settings.worklist import WorklistSettings
from hilum.values.persons import Person, one_person

STATES: Final = (
    State.FAILED,
    State.HELD,
    State.READING,
    State.QUEUED,
    State.ELSEWHERE,
    State.STORED,
    State.REFUSED,
    State.GONE,
)
"""States of images; a study has the first of these that one of its images has."""

MODES: Final = tuple(NodeMode)
"""Modes, the quietest first; a study has the quietest of its images, silent ones aside."""

URGENCIES: Final = (Urgency.URGENT, Urgency.ROUTINE, Urgency.BACKFILL)
"""Urgencies, the greatest first; a study has the greatest of its images."""

SHOWN: Final = 6
"""Findings that a row keeps; the study's page has all."""

WORD: Final = re.compile(r"[^\W_]+")
"""Letters and digits between whatever parts them in names and numbers."""

LONGEST_WORD: Final = 64
"""Letters of a word that are kept."""


ROW: Final = select(STUDY).where(*of_study(STUDY)).with_for_update()
CHANGE: Final = STUDY.update().where(*of_study(STUDY))
NAMES: Final = select(STUDY.c.patient_name, STUDY.c.patient_id, STUDY.c.accession_number).where(
    *of_study(STUDY)
)
IMAGES: Final = (
    select(
        *(IMAGE.c[name] for name in ImageUIDs._fields),
        IMAGE.c.state,
        IMAGE.c.reasons,
        IMAGE.c.arrived,
        IMAGE.c.mode,
    )
    .where(*of_study(IMAGE))
    .order_by(IMAGE.c.arrived, *IMAGE.primary_key.columns)
)
DOCUMENTS: Final = select(
    *(READING.c[name] for name in ImageUIDs._fields), READING.c.document
).where(*of_study(READING))
NO_PICTURES: Final = THUMBNAIL.delete().where(
    *of_study(THUMBNAIL),
    exists().where(
        *(IMAGE.c[column.name] == column for column in THUMBNAIL.primary_key.columns),
        IMAGE.c.state.in_([State.QUEUED, State.HELD]),
    ),
)
WORDS: Final = select(STUDY_WORD.c.word).where(*of_study(STUDY_WORD))
NO_FINDINGS: Final = STUDY_FINDING.delete().where(*of_study(STUDY_FINDING))
"""Asked for each image, hence put together once."""


class Rank(IntEnum):
    """Coarse order of the worklist; within one, studies are in the order in which they are due."""

    URGENT = 0
    """Ordered as STAT, and no reader has reviewed it."""
    ROUTINE = 1
    BACKFILL = 2
    """Old studies that are read after the fact."""
    REVIEWED = 3
    """A reader reviewed it, and nothing came after it."""
    GONE = 4
    """Deleted from the PACS."""
    UNREADABLE = 5
    """Not analyzed, and it may be a frontal chest radiograph. From here on no work for a reader."""
    INELIGIBLE = 6
    """Not analyzed, since it is not what the model was made for."""
    SILENT = 7
    """All its images are the node's in silent mode: operators alone see it."""


class StudyWarning(StrEnum):
    """What is wrong with a study as a whole; it stays, whatever is corrected in the PACS later."""

    PATIENTS_DIFFER = "patients_differ"
    """Images that came name different patients."""
    IMAGE_REPLACED = "image_replaced"
    """One with the same UIDs and another Patient ID came before an image was analyzed."""


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What an image says of its patient and study, as DICOM writes it; unknown is empty."""

    study_instance_uid: str
    patient_name: str = ""
    """Alphabetic group of Patient's Name, with its carets."""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    """Patient's ID, Birth Date (``YYYYMMDD``) and Sex."""
    accession_number: str = ""
    study_date: str = ""
    study_time: str = ""
    """``YYYYMMDD`` and ``HHMMSS``."""
    description: str = ""
    age_years: float | None = None
    """How old the patient was at the date of the image, None when unknown."""
    issuer: str = ""
    """Issuer of Patient ID."""
    whole_name: str = ""
    """Patient's Name with all its groups."""


@dataclass(frozen=True, slots=True)
class DueTimes:
    """How long a study may wait for a reader."""

    by_label: Mapping[str, timedelta] = field(default_factory=dict)
    """Label of a positive finding → how long."""
    ceiling: timedelta = timedelta(minutes=240)
    """How long any study may wait."""

    @classmethod
    def of(cls, settings: WorklistSettings) -> "DueTimes":
        """Return those of the settings."""
        by_label = {
            label: timedelta(minutes=minutes) for label, minutes in settings.wait_minutes.items()
        }
        return cls(by_label, timedelta(minutes=settings.ceiling_minutes))

    def allowed(self, positive: Iterable[str]) -> timedelta:
        """Return how long a study with these positive findings may wait."""
        return min([self.ceiling, *(self.by_label.get(label, self.ceiling) for label in positive)])


DEFAULT_WAITS: Final = DueTimes.of(WorklistSettings())
"""The defaults."""


def arrived(
    connection: Connection,
    archive: str,
    facts: StudyFacts,
    *,
    urgency: Urgency,
    now: datetime,
    waits: DueTimes | None = None,
) -> None:
    """Take a study up, or take what a further image of it adds.

    Call it after the image's own row was written, in the same transaction.

    Parameters
    ----------
    facts
        What the image says; what it leaves empty stays as it was.
    """
    row = {
        **asdict(facts),
        "archive": archive,
        "arrived": now,
        "changed": now,
        "rank": Rank.ROUTINE,
        "due": now,
        "urgency": urgency,
        "state": State.QUEUED,
        "reasons": [],
        "images": 0,
        "positives": 0,
        "findings": [],
        "cover": "",
        "cover_series": "",
        "warnings": [],
    }
    this = study_values(archive, facts.study_instance_uid)
    if connection.execute(unless_there(connection, STUDY), row).rowcount == 1:
        found_by = words(facts.patient_name, facts.patient_id, facts.accession_number)
        _add_words(connection, archive, facts.study_instance_uid, found_by)
    else:
        known = {name: value for name, value in asdict(facts).items() if value not in {"", None}}
        before = connection.execute(ROW, this).one()
        more = min(Urgency(before.urgency), urgency, key=URGENCIES.index)
        connection.execute(CHANGE, {**this, **known, "urgency": more})
        if not one_person(person_of(before), person_of(facts)):
            warn(connection, archive, facts.study_instance_uid, StudyWarning.PATIENTS_DIFFER)
        connection.execute(NO_PICTURES, this)  # of images that came again with other pixels
        _write_words(connection, archive, facts.study_instance_uid)
    refresh(connection, archive, facts.study_instance_uid, now, waits)


def warn(
    connection: Connection, archive: str, study_instance_uid: str, warning: StudyWarning
) -> None:
    """Write a warning into a study's row, once. Unknown: nothing happens."""
    this = study_values(archive, study_instance_uid)
    study = connection.execute(ROW, this).one_or_none()
    if study is not None and warning not in study.warnings:
        connection.execute(CHANGE, {**this, "warnings": [*study.warnings, warning]})


def person_of(study: StudyFacts | Row[Any]) -> Person:
    """Return whose study it is."""
    name = study.whole_name or study.patient_name
    return Person(study.patient_id, study.issuer, name, study.birth_date, study.sex)


def refresh(
    connection: Connection,
    archive: str,
    study_instance_uid: str,
    now: datetime,
    waits: DueTimes | None = None,
) -> None:
    """Write a study's row anew from its images and their readings. Unknown: nothing happens.

    Images of the silent mode do not count beside others, and what was found on those of the audit
    mode is not told.

    Parameters
    ----------
    waits
        How long it may wait; None: as long as the settings' defaults say.
    """
    waits = waits or DEFAULT_WAITS
    this = study_values(archive, study_instance_uid)
    study = connection.execute(ROW, this).one_or_none()
    if study is None:
        return
    every = connection.execute(IMAGES, this).all()
    images = [image for image in every if image.mode != NodeMode.SILENT] or every
    mode = min((NodeMode(image.mode) for image in images), key=MODES.index, default=NodeMode.LIVE)
    readings = _readings(connection, this, images)
    found = _highest(readings)
    positive = [label for label, _, is_positive in found if is_positive]
    state = _state(images)
    urgent = study.urgency == Urgency.URGENT
    anew = {
        "changed": now,
        "rank": Rank.SILENT if mode is NodeMode.SILENT else _rank(study, state, images),
        "mode": mode,
        "due": study.arrived if urgent else study.arrived + waits.allowed(positive),
        "state": state,
        "reasons": _reasons(images, state),
        "images": len(images),
        "positives": len(positive),
        "findings": found[:SHOWN],
        "model": _model(readings),
        **_cover(images, readings),
    }
    connection.execute(CHANGE, {**this, **anew})
    listed = [] if mode is NodeMode.SILENT else positive
    if listed or study.positives:
        line = {"archive": archive, **{name: anew[name] for name in ("rank", "due")}}
        _write_findings(connection, {**line, "study_instance_uid": study_instance_uid}, listed)


def released(connection: Connection, archive: str, now: datetime) -> None:
    """Let all held studies wait for their turn; call it with `images.release_held`."""
    held = (STUDY.c.archive == archive, STUDY.c.state == State.HELD)
    connection.execute(STUDY.update().where(*held).values(state=State.QUEUED, changed=now))


def fold(text: str) -> str:
    """Return `text` in small letters without accents, as words are kept and searched."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words(*texts: str) -> set[str]:
    """Return what `texts` can be found by: words, and numbers also without leading zeros."""
    found = {word for text in texts for word in words_in(fold(text))}
    return found | {stripped for word in found if (stripped := word.lstrip("0"))}


def words_in(folded: str) -> list[str]:
    """Return the words of a folded text, in order."""
    return [word[:LONGEST_WORD] for word in WORD.findall(folded)]


def _write_words(connection: Connection, archive: str, study_instance_uid: str) -> None:
    """Write what the study is found by, over what was there."""
    this = study_values(archive, study_instance_uid)
    wanted = words(*connection.execute(NAMES, this).one())
    there = set(connection.scalars(WORDS, this))
    if gone := there - wanted:
        lost = STUDY_WORD.delete().where(*of_study(STUDY_WORD), STUDY_WORD.c.word.in_(gone))
        connection.execute(lost, this)
    _add_words(connection, archive, study_instance_uid, wanted - there)


def _add_words(
    connection: Connection, archive: str, study_instance_uid: str, added: Collection[str]
) -> None:
    rows = [
        {"archive": archive, "word": word, "study_instance_uid": study_instance_uid}
        for word in sorted(added)
    ]
    if rows:
        connection.execute(adding(STUDY_WORD), rows)


def _readings(
    connection: Connection, study: Mapping[str, Any], images: Sequence[Any]
) -> dict[ImageUIDs, dict[str, Any]]:
    """Return the documents of the images of a study that were read, and may be told of."""
    told = (image for image in images if image.mode != NodeMode.AUDIT)
    read = {uids_of(image) for image in told if image.state in ANALYZED}
    if not read:
        return {}
    rows = connection.execute(DOCUMENTS, study)
    return {uids_of(row): document_in(row.document) for row in rows if uids_of(row) in read}


def _write_findings(
    connection: Connection, line: Mapping[str, Any], positive: Sequence[str]
) -> None:
    """Write what is positive over what was there; `line` is what each line says of the study."""
    connection.execute(NO_FINDINGS, study_values(line["archive"], line["study_instance_uid"]))
    rows = [{**line, "label": label} for label in positive]
    if rows:
        connection.execute(adding(STUDY_FINDING), rows)


def _highest(readings: Mapping[ImageUIDs, Mapping[str, Any]]) -> list[tuple[str, float, bool]]:
    """Return each label's highest finding of all images, positives first, by falling score."""
    highest: dict[str, tuple[str, float, bool]] = {}
    for document in readings.values():
        for row in document["readings"]:
            for finding in row["findings"]:
                label, score = finding["label"], finding["score"]
                now = (label, score, finding["positive"])
                before = highest.get(label, now)
                highest[label] = max(now, before, key=lambda each: (each[2], each[1]))
    return sorted(highest.values(), key=lambda each: (not each[2], -each[1], each[0]))


def _state(images: Sequence[Any]) -> str:
    """Return the state that matters most; a study is queued until its first image is known."""
    return min((image.state for image in images), key=STATES.index, default=State.QUEUED)


def _reasons(images: Sequence[Any], state: str) -> list[list[Any]]:
    """Return code and text of each reason of the images in that state, each once."""
    reasons = {
        json.dumps(reason[:2]): reason[:2]
        for image in images
        if image.state == state
        for reason in image.reasons
    }
    return list(reasons.values())


def _rank(study: Any, state: str, images: Sequence[Any]) -> Rank:
    if state == State.GONE:
        return Rank.GONE
    if state == State.REFUSED:
        refused = (image.reasons for image in images if image.state == State.REFUSED)
        known = all(any(code in INELIGIBLE for code, *_ in each) for each in refused)
        return Rank.INELIGIBLE if known else Rank.UNREADABLE
    latest = max((image.arrived for image in images), default=datetime.min.replace(tzinfo=UTC))
    if study.reviewed is not None and study.reviewed >= latest:
        return Rank.REVIEWED
    return Rank(URGENCIES.index(study.urgency))


def _model(readings: Mapping[ImageUIDs, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return what the row says of the model of the last image that was read."""
    for document in reversed(list(readings.values())):
        model = document["model"]
        return {name: model[name] for name in ("name", "version", "verified", "demonstration")}
    return None


def _cover(
    images: Sequence[Any], readings: Mapping[ImageUIDs, Mapping[str, Any]]
) -> dict[str, str]:
    """Return the image with the most positive findings, else the first; gone ones never."""
    there = [uids_of(image) for image in images if image.state != State.GONE]

    def positives(image: ImageUIDs) -> int:
        rows = readings.get(image, {}).get("readings", ())
        return sum(finding["positive"] for row in rows for finding in row["findings"])

    best = max(there, key=positives, default=ImageUIDs("", "", ""))
    return {"cover": best.sop_instance_uid, "cover_series": best.series_instance_uid}
