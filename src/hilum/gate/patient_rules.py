"""Rules about who and what is shown: part of the body, view, age, and whether it is a patient."""

from typing import Final

from hilum.gate import evidence
from hilum.gate.header import called, value
from hilum.gate.rule import Gaps, GateInput, left_to_site, rule
from hilum.gate.vocabulary import Meaning, meanings
from hilum.language import Message
from hilum.settings import ReadOrRefuse
from hilum.values.ages import BORN, STATED, TAKEN, TAKEN_ABOUT

PART: Final = ("BodyPartExamined", "AnatomicRegionSequence", *evidence.IMAGE_TEXTS)
VIEW: Final = ("ViewPosition", "ViewCodeSequence", *evidence.IMAGE_TEXTS)
AGE: Final = (STATED, BORN)
"""Attributes that are asked about part of the body, view and age."""

CONTRADICTION: Final = Message(
    "the header contradicts itself: taken as {taken}, but {attribute} is {value}"
)

PHANTOM: Final = Message("a phantom")
"""Stands for the name of one, which is never quoted: it may be a patient's."""


@rule(
    (*PART, *evidence.STUDY_TEXTS),
    "the first that says anything says chest, and nothing else beside it",
    "PS3.3 C.7.3.1, 10.5; PS3.16 Annex L, CID 4009",
    Message("not a chest: {attribute} is {value}"),
)
def not_chest(case: GateInput) -> Gaps | None:
    """Object to another part of the body, and to more than the chest where that is not read."""
    found = _against(case.body_part)
    if found is None or not _is_combined(case):
        return found
    if not case.refuses("combined_parts"):
        return None
    wording = Message(
        'not a chest alone: {attribute} is {value}; to read it, set gate.combined_parts = "read"'
    )
    return {**found, "wording": wording}


@rule(
    PART,
    "the chest alone, if gate.combined_parts is read",
    "the setting gate.combined_parts",
    Message("more than the chest: {attribute} is {value}; the model was made for chests alone"),
)
def combined_parts(case: GateInput) -> Gaps | None:
    """Say that the image shows more than the chest."""
    if not _is_combined(case) or case.refuses("combined_parts"):
        return None
    return _against(case.body_part)


def _is_combined(case: GateInput) -> bool:
    decisive = case.body_part.decided_by
    return decisive is not None and decisive.combined


@rule(
    (*VIEW, "BodyPartExamined", "PatientOrientation", *evidence.STUDY_TEXTS),
    "the first that says anything says PA, AP or frontal",
    "PS3.3 C.8.1.1, C.8.11.5, C.7.6.1; PS3.16 CID 4010",
    Message("not a frontal view: {attribute} is {value}"),
)
def not_frontal(case: GateInput) -> Gaps | None:
    """Object to another view."""
    return _against(case.view)


def _against(resolution: evidence.Resolution) -> Gaps | None:
    decisive = resolution.decided_by
    if decisive is None or decisive.fits:
        return None
    return {"attribute": called(decisive.keyword), "value": decisive.value}


@left_to_site(
    ReadOrRefuse.READ,
    PART[:1],
    "anything that tells, and no unknown word, if {}",
    "the setting gate.unknown_view",
    Message("the body part is not stated: make sure that it is a chest"),
)
def body_part_unknown(case: GateInput) -> Gaps | None:
    """Say that nothing speaks for or against a chest, or only an unknown word does."""
    wording = Message(
        "not a known part of the body: Body Part Examined is {value}; make sure that it is a chest"
    )
    return _unknown(case.body_part, wording)


@left_to_site(
    ReadOrRefuse.READ,
    VIEW[:1],
    "anything that tells, and no unknown word, if {}",
    "the setting gate.unknown_view",
    Message("the view is not stated: make sure that it is PA or AP"),
)
def view_unknown(case: GateInput) -> Gaps | None:
    """Say that nothing speaks for or against a frontal view, or only an unknown word does."""
    wording = Message("not a known view: View Position is {value}; make sure that it is PA or AP")
    return _unknown(case.view, wording)


def _unknown(found: evidence.Resolution, wording: Message) -> Gaps | None:
    if found.decided_by and (not found.unrecognized or not found.decided_by.fits):
        return None  # it is told, or refused for what tells otherwise
    return {"wording": wording, "value": found.unrecognized} if found.unrecognized else {}


@rule(PART, "all that is about this image agrees", "PS3.3 C.7.3.1, 10.5", CONTRADICTION)
def body_part_contradiction(case: GateInput) -> Gaps | None:
    """Say that a description contradicts what was decided about a chest."""
    return _contradiction(case.body_part, Message("a chest"), Message("another part of the body"))


@rule(
    (*VIEW, "PatientOrientation"),
    "all that is about this image agrees",
    "PS3.3 C.8.11.5",
    CONTRADICTION,
)
def view_contradiction(case: GateInput) -> Gaps | None:
    """Say that a description contradicts what was decided about a frontal view."""
    return _contradiction(case.view, Message("a frontal view"), Message("another view"))


def _contradiction(found: evidence.Resolution, fitting: str, other: str) -> Gaps | None:
    if found.decided_by is None or found.against is None:
        return None
    about = {"attribute": called(found.against.keyword), "value": found.against.value}
    return {"taken": fitting if found.decided_by.fits else other, **about}


@rule(
    (*AGE, *TAKEN, *TAKEN_ABOUT),
    "at least the model card's minimum age",
    "PS3.3 C.7.2.2, C.7.1.1; the model card",
    Message(
        "patient too young for this model: {value} years ({said}), and its minimum age is "
        "{limit} years"
    ),
)
def too_young(case: GateInput) -> Gaps | None:
    """Object to patients that the model was not made for."""
    years, limit, by = case.age.years, case.min_age_years, case.age.by
    if limit is None or years is None or years >= limit:
        return None
    # a date of birth is the patient's and never quoted
    said = called(by) if by == BORN else f"{called(by)} {value(case.header, by)}"
    return {"value": f"{int(years)}", "said": said, "limit": f"{limit:g}"}


@rule(
    (*AGE, *TAKEN, *TAKEN_ABOUT),
    "known, if the model card has a minimum age",
    "PS3.3 C.7.2.2, C.7.1.1; the model card",
    Message("patient's age unknown: the model's minimum age is {limit} years"),
)
def age_unknown(case: GateInput) -> Gaps | None:
    """Say that the age limit could not be checked."""
    if case.min_age_years is None or case.age.years is not None or case.age.unusable:
        return None
    return {"limit": f"{case.min_age_years:g}"}


@left_to_site(
    ReadOrRefuse.READ,
    AGE,
    "can be read, if {} and the model card has a minimum age",
    "the setting gate.unreadable_age",
    Message(
        "patient's age cannot be read: {value}; the model's minimum age is {limit} years "
        "(setting gate.unreadable_age: read or refuse)"
    ),
)
def age_unreadable(case: GateInput) -> Gaps | None:
    """Say that what is said of the age cannot be read, or cannot be."""
    if case.min_age_years is None or case.age.years is not None or not case.age.unusable:
        return None
    return {"value": _unusable(case), "limit": f"{case.min_age_years:g}"}


@rule(
    (*AGE, *TAKEN, *TAKEN_ABOUT),
    "age and birth date agree within a year, and lie on one side of the minimum age",
    "PS3.3 C.7.2.2, C.7.1.1",
    Message(
        "age and birth date disagree: Patient's Age is {value}, and by the birth date it is "
        "{years} years, which counts"
    ),
)
def age_contradiction(case: GateInput) -> Gaps | None:
    """Say that age and birth date do not agree, and which was taken."""
    age = case.age
    if age.computed is None or age.stated is None or not age.doubtful_at(case.min_age_years):
        return None
    return {"value": value(case.header, STATED), "years": f"{int(age.computed)}"}


@rule(
    AGE,
    "both can be read and can be right",
    "PS3.5 6.2",
    Message("cannot be right and was ignored: {value}; the age is {years} years by {said}"),
)
def age_ignored(case: GateInput) -> Gaps | None:
    """Say that one of age and birth date cannot be read, or cannot be, and the other was taken."""
    age = case.age
    if age.years is None or not age.unusable:
        return None
    return {"value": _unusable(case), "said": called(age.by), "years": f"{int(age.years)}"}


def _unusable(case: GateInput) -> str:
    """Return what cannot be read, quoted; of a date of birth only its form is."""
    return ", ".join(
        f"{called(keyword)} {_form(said) if keyword == BORN else said}"
        for keyword in case.age.unusable
        for said in [value(case.header, keyword)]
    )


def _form(text: str) -> str:
    """Return how a text is written, without what it says: ``##.##.####``."""
    return "".join("#" if c.isdigit() else "x" if c.isalpha() else c for c in text)


@rule(
    (
        *("QualityControlImage", "QualityControlSubject", "BodyPartExamined"),
        *(*evidence.IMAGE_TEXTS, "PatientName", "PatientID"),
    ),
    "not YES and no word for a phantom, unless the model is not for patients",
    "PS3.3 C.7.6.1, C.7.1.1",
    Message("a quality-control image, not a patient: {attribute} is {value}"),
)
def quality_control(case: GateInput) -> Gaps | None:
    """Object to phantoms and test images where patients are read."""
    if not case.clinical_model:
        return None
    for keyword in ("QualityControlImage", "QualityControlSubject"):
        if value(case.header, keyword) == "YES":
            return case.quoted(keyword)
    for keyword in ("BodyPartExamined", *evidence.IMAGE_TEXTS, "PatientName", "PatientID"):
        if Meaning.PHANTOM in meanings(value(case.header, keyword)):
            named = keyword in {"PatientName", "PatientID"}
            return {**case.quoted(keyword), **({"value": PHANTOM} if named else {})}
    return None
