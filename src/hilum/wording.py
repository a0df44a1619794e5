"""Words for people, in the languages that hilum speaks: findings and safety statements.

Kept at the root because the overlay, the DICOM reports and the other forms must
all say the same. Codes are not words: they are in the table of `encode`.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hilum import RESEARCH_USE_ONLY
from hilum.eligibility import Reason
from hilum.reading import DECIMALS, OPERATING_POINT_SCORE, Finding
from hilum.settings import ReasonLanguage

FINDING_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "Atelectasis": ("Atelectasis", "Atelectasia"),
        "Consolidation": ("Consolidation", "Consolidação"),
        "Infiltration": ("Infiltration", "Infiltrado"),
        "Pneumothorax": ("Pneumothorax", "Pneumotórax"),
        "Edema": ("Pulmonary edema", "Edema pulmonar"),
        "Emphysema": ("Emphysema", "Enfisema"),
        "Fibrosis": ("Fibrosis", "Fibrose"),
        "Effusion": ("Pleural effusion", "Derrame pleural"),
        "Pneumonia": ("Pneumonia", "Pneumonia"),
        "Pleural_Thickening": ("Pleural thickening", "Espessamento pleural"),
        "Cardiomegaly": ("Cardiomegaly", "Cardiomegalia"),
        "Nodule": ("Nodule", "Nódulo"),
        "Mass": ("Mass", "Massa"),
        "Hernia": ("Hernia", "Hérnia"),
        "Lung Lesion": ("Lung lesion", "Lesão pulmonar"),
        "Fracture": ("Fracture", "Fratura"),
        "Lung Opacity": ("Lung opacity", "Opacidade pulmonar"),
        "Enlarged Cardiomediastinum": (
            "Enlarged cardiomediastinum",
            "Cardiomediastino alargado",
        ),
    }
)
"""TorchXRayVision's label → its name in English and in Portuguese."""

RESEARCH_USE_ONLY_IN: Final[Mapping[ReasonLanguage, str]] = MappingProxyType(
    {
        ReasonLanguage.ENGLISH: RESEARCH_USE_ONLY,
        ReasonLanguage.PORTUGUESE: "Somente para pesquisa. Não é um dispositivo médico. "
        "Não usar para diagnóstico.",
    }
)
"""`hilum.RESEARCH_USE_ONLY` in each language."""

DEMONSTRATION_IN: Final[Mapping[ReasonLanguage, str]] = MappingProxyType(
    {ReasonLanguage.ENGLISH: "DEMONSTRATION", ReasonLanguage.PORTUGUESE: "DEMONSTRAÇÃO"}
)
"""The stamp of a model that must never be mistaken for a trained one."""

PATH_REASONS: Final[Mapping[str, Mapping[ReasonLanguage, str]]] = MappingProxyType(
    {
        "demonstration_model": {
            ReasonLanguage.ENGLISH: "the demonstration model does not read images of patients; "
            "install a trained one with `hilum models pull`",
            ReasonLanguage.PORTUGUESE: "o modelo de demonstração não lê imagens de pacientes; "
            "instale um modelo treinado com `hilum models pull`",
        },
        "picture_without_header": {
            ReasonLanguage.ENGLISH: "PNG and JPEG say nothing about patient, body part or view: "
            "make sure that it is a frontal chest radiograph",
            ReasonLanguage.PORTUGUESE: "PNG e JPEG nada informam sobre paciente, parte do corpo "
            "ou incidência: confirme que é uma radiografia de tórax em incidência frontal",
        },
    }
)
"""Code → reason in each language, of what no rule of the gate but the path decides."""

RAW_DIGITS: Final = 4
"""Significant digits of raw values for people: operating points may be as small as 0.002."""


def finding_name(label: str, language: ReasonLanguage) -> str:
    """Return what a person calls the finding; a label we don't know, as it stands.

    Parameters
    ----------
    label
        The model's own name of the finding, e.g. ``"Pleural_Thickening"``.
    language
        Language of the name.
    """
    if label not in FINDING_NAMES:
        return label.replace("_", " ")
    english, portuguese = FINDING_NAMES[label]
    return portuguese if language is ReasonLanguage.PORTUGUESE else english


def path_reason(code: str, language: ReasonLanguage) -> Reason:
    """Return one of `PATH_REASONS` in plain words."""
    return Reason(code, PATH_REASONS[code][language])


def score_text(finding: Finding, language: ReasonLanguage) -> str:
    """Return a finding's score with two decimals, in the language's notation.

    Rounded, but never across the operating point, as in the structured reports: 0.499 is
    below it and reads 0.49, and a positive finding never reads less than 0.50.
    """
    hundredths = round(finding.score * 100)
    at_operating_point = round(OPERATING_POINT_SCORE * 100)
    if finding.positive:
        hundredths = max(hundredths, at_operating_point)
    else:
        hundredths = min(hundredths, at_operating_point - 1)
    return _notated(f"{hundredths // 100}.{hundredths % 100:02d}", language)


def raw_texts(finding: Finding, language: ReasonLanguage) -> tuple[str, str]:
    """Return a finding's raw value and its operating point, in the language's notation.

    Both have four significant digits, or as many more as it takes to tell a negative
    finding's raw value from its operating point; seven decimals at most.
    """
    raw, point = finding.raw, finding.operating_point
    for digits in range(RAW_DIGITS, DECIMALS + 1):
        texts = _significant(raw, digits), _significant(point, digits)
        if finding.positive or float(texts[0]) < float(texts[1]):
            break
    return _notated(texts[0], language), _notated(texts[1], language)


def _significant(value: float, digits: int) -> str:
    """Return a value in [0, 1] with significant digits, and never as a power of ten."""
    before_first = 0 if value <= 0 else -math.floor(math.log10(value))
    return f"{value:.{min(digits + max(before_first - 1, 0), DECIMALS)}f}"


def _notated(number: str, language: ReasonLanguage) -> str:
    return number.replace(".", ",") if language is ReasonLanguage.PORTUGUESE else number
