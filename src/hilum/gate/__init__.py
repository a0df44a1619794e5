"""May the model read it? A table of rules; every refusal names all its reasons."""

from typing import Final

from pydicom import Dataset

from hilum.eligibility import Eligibility, Reason
from hilum.gate import evidence
from hilum.gate.header import called
from hilum.gate.rule import GateInput, Rule
from hilum.gate.table import REFUSAL_RULES, WARNING_RULES
from hilum.settings import GateSettings

__all__ = ["judge", "judge_picture", "stated_view"]

SIZE: Final = frozenset({"Rows", "Columns"})

PICTURE_RULES: Final = tuple(rule for rule in REFUSAL_RULES if SIZE.issuperset(rule.attributes))
"""Rules that need no DICOM header: they look at the size of the image alone."""


def judge(
    header: Dataset,
    settings: GateSettings,
    *,
    min_age_years: float | None = None,
    clinical_model: bool = True,
) -> Eligibility:
    """Say whether a model may read an image, with all the reasons at once.

    Parameters
    ----------
    min_age_years
        From which age on the model reads (its card says so), None for any.
    clinical_model
        False for a model that is not made for patients: it may see quality-control images.

    Returns
    -------
    Eligibility
        Objections and warnings in the order of the rules (docs/gate.md).
    """
    case = GateInput(header, settings, min_age_years or None, clinical_model=clinical_model)
    return Eligibility(_broken(REFUSAL_RULES, case), _broken(WARNING_RULES, case))


def judge_picture(rows: int, columns: int, settings: GateSettings) -> Eligibility:
    """Say whether a model may read a PNG or JPEG, of which only the size is known."""
    header = Dataset()
    header.Rows, header.Columns = rows, columns
    case = GateInput(header, settings)
    return Eligibility(_broken(PICTURE_RULES, case), ())


def stated_view(header: Dataset) -> str:
    """Return what decides about the view in a header, e.g. ``"View Position: PA"``; or nothing."""
    found = evidence.view(header).decided_by
    return "" if found is None else f"{called(found.keyword)}: {found.value}"


def _broken(rules: tuple[Rule, ...], case: GateInput) -> tuple[Reason, ...]:
    """Return the reasons of the rules that a case breaks."""
    found = ((rule, rule.broken(case)) for rule in rules if case.is_image or not rule.of_images)
    return tuple(rule.reason(gaps) for rule, gaps in found if gaps is not None)
