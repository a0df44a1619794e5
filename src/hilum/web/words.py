"""Words of the page: states and opinions, and names, dates and ages as people write them."""

import re
from collections.abc import Mapping
from typing import Final

from hilum.language import Language, Message
from hilum.records.constancy import SelfTestMode, SelfTestState
from hilum.records.drift_watch import LEVELS
from hilum.records.review import Opinion, ReaderAnswer
from hilum.records.states import State
from hilum.records.studies import StudyWarning
from hilum.records.worklist import StudyRow
from hilum.settings.node import NodeMode
from hilum.values.ages import age_of
from hilum.values.persons import Trait
from hilum.wording import finding_name

WHY: Final = {
    State.HELD: Message(
        "There is no usable model yet. It will be analyzed automatically once one is installed."
    ),
    State.ELSEWHERE: Message("From a report in the PACS; this node has no usable model yet."),
    State.QUEUED: Message("In the queue."),
    State.READING: Message("Analysis is in progress."),
    State.GONE: Message("Deleted from the PACS."),
}
"""State → why it is so, where no reasons are written down."""

ANSWERS: Final = {
    ReaderAnswer.PRESENT: Message("Present"),
    ReaderAnswer.ABSENT: Message("Absent"),
    ReaderAnswer.UNSURE: Message("Unsure"),
}
"""Answer → its word, in the order of the buttons."""

OPINIONS: Final = {
    Opinion.DISAGREE: Message("Disagree"),
    Opinion.UNSURE: Message("Unsure"),
    Opinion.AGREE: Message("Agree"),
}
"""Opinion → its word, in the order in which a review lists them."""

CONSTANCY: Final[Mapping[str, Message]] = {
    SelfTestState.OK: Message("as the reference"),
    SelfTestState.RECORDED: Message("reference recorded"),
    SelfTestState.ALARM: Message("alarm"),
    SelfTestMode.LIVE: Message("PACS and node"),
    SelfTestMode.OFFLINE: Message("offline, without PACS"),
    **LEVELS,
}
"""How a self-test went and ended, and what is said of a distribution → its word."""

TRAITS: Final = {
    Trait.ISSUER: Message("issuer of the ID"),
    Trait.BIRTH_DATE: Message("birth date"),
    Trait.SEX: Message("sex"),
    Trait.NAME: Message("name"),
}
"""What differs between two persons with one Patient ID."""

STUDY_WARNINGS: Final = {
    StudyWarning.PATIENTS_DIFFER: Message("Images in this study name different patients."),
    StudyWarning.IMAGE_REPLACED: Message(
        "An image was not analyzed: another one with the same UIDs and a different Patient ID "
        "came before its turn. Correct it in the PACS and send it again."
    ),
}
"""What is wrong with a study as a whole."""

MODES: Final = {
    NodeMode.SILENT: Message("Silent mode: shown to operators only, not stored in the PACS."),
    NodeMode.AUDIT: Message("Audit mode: shown after a review, not stored in the PACS."),
    NodeMode.LIVE: "",
}
"""Mode in which an image was analyzed → what is said of its findings."""

MODE_NAMES: Final = {
    NodeMode.SILENT: Message("Silent mode"),
    NodeMode.AUDIT: Message("Audit mode"),
    NodeMode.LIVE: Message("Live mode"),
}
"""Mode → its word."""

AFTER_REVIEW: Final = Message("AI findings are shown after your own review.")

SEXES: Final = {"M": Message("M"), "F": Message("F"), "O": Message("O")}
"""Patient's Sex → how it is abbreviated."""


def answered(label: str, answer: ReaderAnswer, language: Language) -> str:
    """Return what an answer states, to stand in a list: "no atelectasis"."""
    name = finding_name(label, language)
    name = name[:1].lower() + name[1:]
    if answer is ReaderAnswer.ABSENT:
        return language.say("no {finding}", finding=name)
    return name


def clock(stored: str) -> str:
    """Return a DICOM time as hours and minutes, empty when it is none (PS3.5 6.2, TM)."""
    found = re.match(r"([01]\d|2[0-3]):?([0-5]\d)", stored.strip())
    return f"{found[1]}:{found[2]}" if found else ""


def age(study: StudyRow) -> int | None:
    """Return the patient's age in whole years at the date of the image; None when unknown."""
    years = study.age_years
    if years is None:
        told = {"PatientBirthDate": study.birth_date, "StudyDate": study.study_date}
        years = age_of(lambda keyword: told.get(keyword, "")).years
    return None if years is None else int(years)


def duration(minutes: int) -> str:
    """Return a span as ``12 min``, ``3 h``, ``4 d``: the abbreviations hold in both languages."""
    if minutes < 120:  # noqa: PLR2004  two hours
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"  # noqa: PLR2004  two days
