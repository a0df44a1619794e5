"""Words for people: findings, scores and safety statements.

Kept at the root because the overlay, the DICOM reports and the other forms must
all say the same. Codes are not words: they are in the table of `encode`.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeVar

from hilum.eligibility import Reason
from hilum.language import Language, Message
from hilum.radiograph import PixelDecision
from hilum.reading import (
    DECIMALS,
    LATERAL,
    OPERATING_POINT_SCORE,
    OUT_OF_DISTRIBUTION,
    Finding,
    ReferenceDistance,
    ViewOpinion,
)
from hilum.structures import (
    GREY_ZONE,
    Anatomy,
    CardiothoracicRatio,
    Projection,
    QualityAspect,
    QualityCheck,
)
from hilum.values.dates import read_date

Worded = TypeVar("Worded", Reason, PixelDecision)

FINDING_NAMES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "Atelectasis": Message("Atelectasis"),
        "Consolidation": Message("Consolidation"),
        "Infiltration": Message("Infiltration"),
        "Pneumothorax": Message("Pneumothorax"),
        "Edema": Message("Pulmonary edema"),
        "Emphysema": Message("Emphysema"),
        "Fibrosis": Message("Fibrosis"),
        "Effusion": Message("Pleural effusion"),
        "Pneumonia": Message("Pneumonia"),
        "Pleural_Thickening": Message("Pleural thickening"),
        "Cardiomegaly": Message("Cardiomegaly"),
        "Nodule": Message("Nodule"),
        "Mass": Message("Mass"),
        "Hernia": Message("Hernia"),
        "Lung Lesion": Message("Lung lesion"),
        "Fracture": Message("Fracture"),
        "Lung Opacity": Message("Lung opacity"),
        "Enlarged Cardiomediastinum": Message("Enlarged cardiomediastinum"),
    }
)
"""TorchXRayVision's label → what a person calls it."""

STRUCTURE_NAMES: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "Left Clavicle": Message("Left clavicle"),
        "Right Clavicle": Message("Right clavicle"),
        "Left Scapula": Message("Left scapula"),
        "Right Scapula": Message("Right scapula"),
        "Left Lung": Message("Left lung"),
        "Right Lung": Message("Right lung"),
        "Left Hilus Pulmonis": Message("Left hilum"),
        "Right Hilus Pulmonis": Message("Right hilum"),
        "Heart": Message("Heart"),
        "Aorta": Message("Aorta"),
        "Facies Diaphragmatica": Message("Diaphragm"),
        "Mediastinum": Message("Mediastinum"),
        "Weasand": Message("Esophagus"),
        "Spine": Message("Spine"),
    }
)
"""TorchXRayVision's name of an anatomical structure → what a person calls it."""

ASPECTS: Final[Mapping[QualityAspect, Message]] = MappingProxyType(
    {
        QualityAspect.EXPOSURE: Message("exposure"),
        QualityAspect.ROTATION: Message("rotation"),
        QualityAspect.INSPIRATION: Message("inspiration"),
        QualityAspect.COLLIMATION: Message("collimation"),
    }
)
"""What is judged of an image's quality → its word."""

DEMONSTRATION: Final = Message("DEMONSTRATION")
"""The stamp of a model that must never be mistaken for a trained one."""

AI: Final = Message("AI")
"""How artificial intelligence is abbreviated."""

POSITIVE_OF_ALL: Final = Message("{positive} of {all} findings at or above the operating point")
"""How many findings of all are positive."""

PATH_REASONS: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "demonstration_model": Message(
            "the demonstration model does not read images of patients; "
            "install a trained one with `hilum models pull`"
        ),
        "inference_memory": Message(
            "reading it takes more memory than node.inference_memory_bytes allows"
        ),
        "picture_without_header": Message(
            "PNG and JPEG say nothing about patient, body part or view: "
            "make sure that it is a frontal chest radiograph"
        ),
        "out_of_distribution": Message(
            "unusual image: it differs more from the reference images than {percentile:.1f} % of "
            "them do; be careful with its findings"
        ),
        "lateral_by_pixels": Message(
            "the pixels look like a lateral view (frontal: {frontal:.2f}), but the header says "
            "{stated}; check the image"
        ),
        "lateral_by_pixels.unstated": Message(
            "the pixels look like a lateral view (frontal: {frontal:.2f}), and the header does not "
            "say; check the image"
        ),
    }
)
"""Name → reason, of what no rule of the gate but the path decides."""

SITE_PROBABILITY: Final = Message(
    "calibrated probability at this site (n={images}): {value}, 95% interval {low} to {high}"
)

WHY_UNCHANGED: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "too_few": Message("Too few images: unchanged."),
        "not_reached": Message("No threshold reaches it: unchanged."),
    }
)
"""Why a rule did not choose an operating point, as a file of operating points says → its words."""

WHY_UNCALIBRATED: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "too_few": Message("Too few images."),
        "not_rising": Message("A higher raw value does not make it likelier."),
    }
)
"""Why there is no calibrated probability → its words."""

REFERENCE: Final = Message("Distance from the reference images")
REFERENCE_PERCENTILE: Final = Message("percentile {percentile:.1f} of {images} images")
"""What is said of how unlike the reference images an image is: its name, and how much."""

RAW_DIGITS: Final = 4
"""Significant digits of raw values for people: operating points may be as small as 0.002."""


def finding_name(label: str, language: Language) -> str:
    """Return what a person calls the finding; a label we don't know, as it stands.

    Parameters
    ----------
    label
        The model's own name of the finding, e.g. ``"Pleural_Thickening"``.
    """
    if label not in FINDING_NAMES:
        return label.replace("_", " ")
    return language.say(FINDING_NAMES[label])


def structure_name(name: str) -> str:
    """Return what a person calls an anatomical structure; one we don't know, as it stands."""
    return STRUCTURE_NAMES.get(name, name)


def anatomy_statements(anatomy: Anatomy) -> Iterator[Message]:
    """Yield what is said of the anatomy: the ratio, the image's quality, where findings lie."""
    yield from ratio_statements(anatomy.ratio)
    yield from quality_statements(anatomy.quality)
    for label, structure in anatomy.sites.items():
        yield Message(
            "{finding}: {structure} (derived from the peak of its heatmap)",
            finding=FINDING_NAMES.get(label, label),
            structure=structure_name(structure),
        )


def ratio_statements(ratio: CardiothoracicRatio) -> Iterator[Message]:
    """Yield what the cardiothoracic ratio means, or why there is none."""
    value, limit = ratio.value, ratio.limit
    if value is None:
        why = Message.joined("; ", [reason.text for reason in ratio.reasons])
        yield Message("The cardiothoracic ratio could not be measured: {why}.", why=why)
    elif ratio.projection is Projection.AP:
        yield Message(
            "Cardiothoracic ratio {ratio:.2f}, AP view: no limit applies, because an AP image "
            "magnifies the heart.",
            ratio=value,
        )
    elif ratio.above_limit is None:
        yield Message(
            "Cardiothoracic ratio {ratio:.2f}: no limit applies, because the view is not stated.",
            ratio=value,
        )
    elif ratio.above_limit:
        yield Message(
            "Cardiothoracic ratio {ratio:.2f}, above the limit of {limit:.2f} for PA images.",
            ratio=value,
            limit=limit,
        )
    else:
        yield Message(
            "Cardiothoracic ratio {ratio:.2f}, not above the limit of {limit:.2f} for PA images.",
            ratio=value,
            limit=limit,
        )
    if ratio.in_grey_zone:
        low, high = GREY_ZONE
        yield Message(
            "A ratio between {low:.2f} and {high:.2f} says little about the size of the heart.",
            low=low,
            high=high,
        )


def quality_statements(checks: Iterable[QualityCheck]) -> Iterator[Message]:
    """Yield what is to be noted of an image's quality, then what could not be judged."""
    told = [(check, check.note.text) for check in checks if check.note is not None]
    if noted := [text for check, text in told if check.judged]:
        yield Message("Image quality: {what}.", what=Message.joined("; ", noted))
    if unjudged := [
        Message("{aspect} ({why})", aspect=ASPECTS[check.aspect], why=text)
        for check, text in told
        if not check.judged
    ]:
        what = Message.joined("; ", unjudged)
        yield Message("Image quality that could not be judged: {what}.", what=what)


def person(name: str) -> str:
    """Return a DICOM Person Name as people write it: family name, given names.

    Of its forms (letters, ideographs, phonetic) the first that is there (PS3.5 6.2.1.2).
    """
    form = next((each for each in name.split("=") if each.strip("^ ")), "")
    parts = [part.strip() for part in form.split("^")]
    family, *others = [*parts, "", "", "", ""][:5]
    given = " ".join(part for part in others[:2] if part)
    return ", ".join(part for part in (family, given) if part)


def day_text(stored: str, language: Language) -> str:
    """Return a DICOM date in the reader's language; what is no date, as it stands."""
    found = read_date(stored)
    if found is None or found.first != found.last:
        return stored
    return language.date(found.first)


def path_reason(name: str, **values: object) -> Reason:
    """Return one of `PATH_REASONS` in plain words, with the values that its text names.

    Its code is what is before the point of its name.
    """
    return Reason(name.partition(".")[0], PATH_REASONS[name].with_values(**values))


def pixel_doubts(
    reference: ReferenceDistance | None, view: ViewOpinion | None
) -> tuple[Reason, ...]:
    """Return what the pixels say against an image that the gate let through."""
    doubts = []
    if reference is not None and reference.unusual:
        doubts.append(path_reason(OUT_OF_DISTRIBUTION, percentile=reference.percentile))
    if view is not None and not view.is_frontal:
        name = LATERAL if view.stated else f"{LATERAL}.unstated"
        doubts.append(path_reason(name, frontal=view.frontal, stated=view.stated))
    return tuple(doubts)


def in_language(language: Language, texts: tuple[Worded, ...]) -> tuple[Worded, ...]:
    """Return reasons or decisions with their texts in a language."""
    return tuple(replace(each, text=language.say(each.text)) for each in texts)


def anatomy_in_language(language: Language, anatomy: Anatomy) -> Anatomy:
    """Return an anatomy whose reasons and notes are in a language."""
    reasons = in_language(language, anatomy.ratio.reasons)
    quality = tuple(
        replace(check, note=None if check.note is None else in_language(language, (check.note,))[0])
        for check in anatomy.quality
    )
    return replace(anatomy, ratio=replace(anatomy.ratio, reasons=reasons), quality=quality)


def score_text(finding: Finding, language: Language) -> str:
    """Return a finding's score as people read it, in the language's notation."""
    return language.notated(f"{shown_score(finding.score, positive=finding.positive):.2f}")


def probability_text(finding: Finding, language: Language) -> str:
    """Return its calibrated probability at this site; empty where the site has none."""
    site = finding.probability
    if site is None:
        return ""
    values = (_hundredths(each, language) for each in (site.value, site.low, site.high))
    named = dict(zip(("value", "low", "high"), values, strict=True))
    return language.say(SITE_PROBABILITY, **named, images=site.images)


def _hundredths(probability: float, language: Language) -> str:
    """Return a probability with two decimals; no image makes one certain, so never 0 or 1."""
    rounded = round(probability, 2)
    shown = min(max(rounded, 0.01), 0.99)
    sign = "" if shown == rounded else "<" if rounded < shown else ">"
    return sign + language.fixed(shown, 2)


def shown_score(score: float, *, positive: bool) -> float:
    """Return a score with two decimals, the same wherever a person may see it.

    Rounded, but never across the operating point: 0.499 is below it and reads 0.49, and a
    positive finding never reads less than 0.50.
    """
    hundredths, at_operating_point = round(score * 100), round(OPERATING_POINT_SCORE * 100)
    if positive:
        return max(hundredths, at_operating_point) / 100
    return min(hundredths, at_operating_point - 1) / 100


def raw_texts(finding: Finding, language: Language) -> tuple[str, str]:
    """Return a finding's raw value and its operating point, in the language's notation.

    Both have four significant digits, or as many more as it takes to tell a negative
    finding's raw value from its operating point; seven decimals at most.
    """
    raw, point = finding.raw, finding.operating_point
    for digits in range(RAW_DIGITS, DECIMALS + 1):
        texts = _significant(raw, digits), _significant(point, digits)
        if finding.positive or float(texts[0]) < float(texts[1]):
            break
    return language.notated(texts[0]), language.notated(texts[1])


def _significant(value: float, digits: int) -> str:
    """Return a value in [0, 1] with significant digits, and never as a power of ten."""
    before_first = 0 if value <= 0 else -math.floor(math.log10(value))
    return f"{value:.{min(digits + max(before_first - 1, 0), DECIMALS)}f}"
