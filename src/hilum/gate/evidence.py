"""What part of the body, and from where: taken from all that a header says about it.

The first that speaks decides; what contradicts it is kept. First the attributes that are
made for it, then codes, then descriptions of the image, then descriptions of the study.

Sources
-------
PS3.3 C.7.3.1 (Body Part Examined), 10.5 (Anatomic Region Sequence), C.8.1.1 and C.8.11.5
(View Position, View Code Sequence), C.7.6.1.1.1 (Patient Orientation). PS3.16 CID 4009,
4010 (anatomy and views of digital X-ray), Annex L (terms of Body Part Examined).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydicom import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from hilum.gate.header import value, values
from hilum.gate.vocabulary import BodyPart, Meaning, all_meanings, body_part_term, meanings
from hilum.radiograph import directions
from hilum.values.attributes import SEPARATOR, items_of

IMAGE_TEXTS: Final = ("AcquisitionDeviceProcessingDescription", "SeriesDescription", "ProtocolName")
"""Descriptions of this image, or of a series that is often this image alone."""

STUDY_TEXTS: Final = (
    "PerformedProcedureStepDescription",
    "RequestedProcedureDescription",
    "ProcedureCodeSequence",
    "StudyDescription",
)
"""Descriptions of an examination, which may have several images of several parts."""

CHEST_NAMES: Final = ("Chest", "Lung")
"""Anatomy that is a chest, by pydicom's names of SNOMED codes."""

THORAX: Final = Code("51185008", "SCT", "Thorax")
"""What Chest (816094009) was until 2020; still sent, also as SNOMED-RT T-D3000."""

FRONTAL_NAMES: Final = frozenset({"PosteroAnterior", "AnteroPosterior", "Frontal"})
"""The views of CID 4010 that are frontal, by pydicom's names."""


class Topic(NamedTuple):
    """A question to a header."""

    yes: Meaning
    no: Meaning
    """The words that speak for and against."""
    both: bool | None
    """What an image's own description means that has both: None for nothing."""


BODY_PART: Final = Topic(Meaning.CHEST, Meaning.OTHER_REGION, both=False)
"""Is it a chest? Chest and abdomen is not."""

VIEW: Final = Topic(Meaning.FRONTAL, Meaning.OTHER_VIEW, both=None)
"""Is the view frontal? "PA and lateral" names two images, of which this is one."""


class Statement(NamedTuple):
    """One thing that a header says."""

    keyword: str
    """Attribute that says it."""
    value: str
    """Value of the attribute."""
    fits: bool
    """True for a chest, or a frontal view; False for another one."""
    of_image: bool
    """Whether it is about this image, not about the whole examination."""
    combined: bool = False
    """Whether it names the chest together with what lies around it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a header as a whole says."""

    decided_by: Statement | None
    """The statement that counts, None when nothing speaks for or against."""
    against: Statement | None
    """The first statement about the image itself that contradicts it."""
    unrecognized: str = ""
    """What the attribute that is made for it says in words that nobody knows; empty else."""


def body_part(header: Dataset) -> Resolution:
    """Return whether the image shows a chest."""
    named = _body_part_named(header)
    return _resolved(
        [
            *named,
            *_coded(header, "AnatomicRegionSequence", BODY_PART, known=_region),
            *_texts(header, IMAGE_TEXTS, BODY_PART),
            *_texts(header, STUDY_TEXTS, BODY_PART, of_image=False),
        ],
        "" if named else _unrecognized(header, "BodyPartExamined", Meaning.PHANTOM),
    )


def view(header: Dataset) -> Resolution:
    """Return whether the view is frontal."""
    named = list(_texts(header, ("ViewPosition",), VIEW))
    return _resolved(
        [
            *named,
            *_coded(header, "ViewCodeSequence", VIEW, known=_projection),
            *_texts(header, (*IMAGE_TEXTS, "BodyPartExamined"), VIEW),
            *_orientation(header),
            *_texts(header, STUDY_TEXTS, VIEW, of_image=False),
        ],
        "" if named else _unrecognized(header, "ViewPosition", Meaning.NEUTRAL),
    )


def _resolved(statements: list[Statement], unrecognized: str) -> Resolution:
    """Let the first statement decide, and find the first that contradicts it."""
    if not statements:
        return Resolution(None, None, unrecognized)
    first, *others = statements
    against = (each for each in others if each.of_image and each.fits is not first.fits)
    return Resolution(first, next(against, None), unrecognized)


def _body_part_named(header: Dataset) -> list[Statement]:
    """Return what Body Part Examined says, by its defined terms or else by its words."""
    keyword = "BodyPartExamined"
    said = value(header, keyword)
    term = body_part_term(said)
    if term is None:
        return list(_texts(header, (keyword,), BODY_PART))
    fits, combined = term is BodyPart.CHEST, term is BodyPart.COMBINED
    return [Statement(keyword, said, fits, of_image=True, combined=combined)]


def _unrecognized(header: Dataset, keyword: str, silent: Meaning) -> str:
    """Return a value in which no word is known; empty when its words are of another matter."""
    said = value(header, keyword)
    return "" if silent in all_meanings(said) else said


def _texts(
    header: Dataset, keywords: tuple[str, ...], topic: Topic, *, of_image: bool = True
) -> Iterator[Statement]:
    """Yield what plain descriptions say; a sequence is described by its codes' meanings."""
    for keyword in keywords:
        described = items_of(header, keyword) if dictionary_VR(keyword) == "SQ" else []
        said = (
            ", ".join(value(item, "CodeMeaning") for item in described)
            if described
            else value(header, keyword)
        )
        fits = _fits(said, topic, of_image=of_image)
        if fits is not None:
            yield Statement(keyword, said, fits, of_image, _combined(said, topic))


def _fits(text: str, topic: Topic, *, of_image: bool = True) -> bool | None:
    """Return what a text says about a topic, None for nothing."""
    said = meanings(text)
    if topic.yes in said and topic.no in said:
        return topic.both if of_image else None
    if topic.yes in said:
        return True
    return False if topic.no in said else None


def _combined(text: str, topic: Topic) -> bool:
    """Whether a text names the chest and nothing but what lies around it."""
    said = all_meanings(text)
    return topic is BODY_PART and {Meaning.CHEST, Meaning.TRUNK} <= said and topic.no not in said


def _coded(
    header: Dataset, keyword: str, topic: Topic, *, known: Callable[[Code], bool | None]
) -> Iterator[Statement]:
    """Yield what codes say: those that are known, the others by their meaning."""
    for item in items_of(header, keyword):
        said = value(item, "CodeMeaning") or value(item, "CodeValue")
        fits = known(Code(value(item, "CodeValue"), value(item, "CodingSchemeDesignator"), said))
        if fits is None:
            fits = _fits(said, topic)
        for modifier in items_of(item, "ViewModifierCodeSequence"):
            meaning = value(modifier, "CodeMeaning")
            if fits and _fits(meaning, topic) is False:  # antero-posterior, but lordotic
                fits, said = False, f"{said}, {meaning}"
        if fits is not None:
            combined = _combined(said, topic)
            yield Statement(keyword, said, fits, of_image=True, combined=combined)


def _region(code: Code) -> bool | None:
    """Return True for a code of the chest, None for any other: its meaning tells."""
    chest = (THORAX, *(getattr(codes.SCT, name) for name in CHEST_NAMES))
    return True if code in chest else None


def _projection(code: Code) -> bool | None:
    """Return whether a code of CID 4010 is a frontal view, None for other codes."""
    views = codes.cid4010
    # Code knows that SNOMED-RT and SNOMED CT codes of one concept are equal
    name = next((name for name in views.dir() if code == getattr(views, name)), None)
    return None if name is None else name in FRONTAL_NAMES


def _orientation(header: Dataset) -> Iterator[Statement]:
    """Yield what the directions of rows and columns say about the plane of the image."""
    written = values(header, "PatientOrientation")
    found = directions(written)
    if len(found) != len(("row", "column")):
        return
    said = SEPARATOR.join(written)
    axes = {direction[0] for direction in found}
    if axes & set("LR") and axes & set("HF"):
        oblique = any(letter in direction for direction in found for letter in "AP")
        yield Statement("PatientOrientation", said, fits=not oblique, of_image=True)
    elif axes & set("AP") and axes & set("HF"):
        yield Statement("PatientOrientation", said, fits=False, of_image=True)
