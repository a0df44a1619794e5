"""The reasons as people read them: every code with its text.

Texts begin small and end without a full stop: they are parts of lines, tables and reports.
"""

from collections.abc import Mapping
from typing import Final

from hilum.eligibility import Reason
from hilum.language import Message
from hilum.values.quoting import quoted

REASONS: Final = {
    "not_an_image": Message("not an image: the object has no Rows and Columns"),
    "own_result": Message("made by hilum itself: {attribute} is {value}"),
    "modality": Message("Modality {value} is not supported"),
    "secondary_capture": Message(
        "a secondary capture, not the acquired image: SOP Class is {value}; to read it, set "
        "gate.modalities = {setting}"
    ),
    "processed_copy": Message("a processed copy of a radiograph: {attribute} is {value}"),
    "for_processing": Message(
        "raw data of the detector, not for presentation: {attribute} is {value}"
    ),
    "multi_frame": Message("more than one frame: Number of Frames is {value}"),
    "colour": Message(
        "neither grey nor convertible to grey: Photometric Interpretation is {value}"
    ),
    "too_small": Message("too small: {value} pixels, and at least {limit} on each side are needed"),
    "aspect_ratio": Message(
        "not the shape of a chest radiograph: {value} pixels are 1 : {ratio}, and at most 1 : "
        "{limit} is read"
    ),
    "not_chest": Message("not a chest: {attribute} is {value}"),
    "not_frontal": Message("not a frontal view: {attribute} is {value}"),
    "too_young": Message(
        "patient too young for this model: {value} years ({said}), and its minimum age is "
        "{limit} years"
    ),
    "quality_control": Message("a quality-control image, not a patient: {attribute} is {value}"),
    "not_upright": Message("stored turned or mirrored: {attribute} is {value}"),
    "body_part_unknown": Message("the body part is not stated: make sure that it is a chest"),
    "view_unknown": Message("the view is not stated: make sure that it is PA or AP"),
    "combined_parts": Message(
        "more than the chest: {attribute} is {value}; the model was made for chests alone"
    ),
    "body_part_contradiction": Message(
        "the header contradicts itself: taken as {taken}, but {attribute} is {value}"
    ),
    "view_contradiction": Message(
        "the header contradicts itself: taken as {taken}, but {attribute} is {value}"
    ),
    "derived_secondary": Message("marked as derived after the examination: Image Type is {value}"),
    "age_unknown": Message("patient's age unknown: the model's minimum age is {limit} years"),
    "age_unreadable": Message(
        "patient's age cannot be read: {value}; the model's minimum age is {limit} years "
        "(setting gate.unreadable_age: read or refuse)"
    ),
    "age_contradiction": Message(
        "age and birth date disagree: Patient's Age is {value}, and by the birth date it is "
        "{years} years, which counts"
    ),
    "age_ignored": Message(
        "cannot be right and was ignored: {value}; the age is {years} years by {said}"
    ),
}
"""Code, which never changes → text."""

OTHER_WORDING: Final = {
    "combined_refused": Message(
        'not a chest alone: {attribute} is {value}; to read it, set gate.combined_parts = "read"'
    ),
    "body_part_unrecognized": Message(
        "not a known part of the body: Body Part Examined is {value}; make sure that it is a chest"
    ),
    "view_unrecognized": Message(
        "not a known view: View Position is {value}; make sure that it is PA or AP"
    ),
    "modality_settable": Message(
        "Modality {value} is not read here; to read it, set gate.modalities = {setting}"
    ),
    "modality_missing": Message(
        "Modality is missing; to read such images, set gate.modalities = {setting}"
    ),
}
"""Other wordings of a reason, which its rule names as ``wording``."""

WORDS: Final = {
    "chest": Message("a chest"),
    "not_chest": Message("another part of the body"),
    "frontal": Message("a frontal view"),
    "not_frontal": Message("another view"),
    "phantom": Message("a phantom"),
}
"""Phrases that reasons are made with."""


def reason(code: str, *, source: str = "", values: Mapping[str, str]) -> Reason:
    """Return one reason in plain words.

    Parameters
    ----------
    values
        What fills the gaps of the text; ``wording`` names another wording of the same reason.

    Raises
    ------
    KeyError
        There is no such code, or a gap of its text has no value.
    """
    shown = {
        name: text if isinstance(text, Message) else quoted(text)
        for name, text in values.items()
        if name != "wording"
    }
    wording = OTHER_WORDING[values["wording"]] if "wording" in values else REASONS[code]
    return Reason(code, wording.with_values(**shown), source)
