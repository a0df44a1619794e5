"""An evaluation as JSON and CSV, for programs and spreadsheets."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from hilum import PRODUCT, RESEARCH_USE_ONLY, __version__
from hilum.eligibility import Reason
from hilum.evaluation.intervals import Estimate
from hilum.evaluation.results import Evaluation, FindingResult
from hilum.values.csv_text import csv_text, harmless, true_or_false

SCHEMA: Final = "hilum.evaluation/1"

FIGURES: Final = ("sensitivity", "specificity", "ppv", "npv", "called", "prevalence")


def document(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as JSON holds it; no patient is named in it, files are."""
    readings, join = evaluation.readings, evaluation.join
    return {
        "schema": SCHEMA,
        "software": {"name": PRODUCT, "version": __version__},
        "notice": f"{RESEARCH_USE_ONLY} A score is not a probability.",
        "model": {
            "name": readings.model,
            "version": readings.version,
            "sha256": readings.sha256,
            "operating_points": readings.operating_points,
            "demonstration": readings.demonstration,
        },
        "pixel_pipeline": readings.pipeline,
        "readings": readings.source,
        "labels": {
            "source": evaluation.labels.source,
            "dataset": evaluation.labels.dataset,
            "rows": len(evaluation.labels),
            "joined_by": join.key.value,
            "without_image": len(join.unmatched),
            "ambiguous": len(join.ambiguous),
            "contradictions": join.contradictions,
            "images_sharing_a_study_label": join.shared,
        },
        "flow": {
            **dict(readings.flow),
            "labelled": int(join.labelled.sum()),
            "reasons": _by_code(readings.reasons),
        },
        "patients": evaluation.patients if evaluation.patients_known else None,
        "in_training_data": evaluation.in_training,
        "comparisons_of_groups": evaluation.tests,
        "compared_with": None if evaluation.other is None else evaluation.other.title,
        "findings": [plain(finding) for finding in evaluation.findings],
        "not_of_the_model": list(evaluation.not_of_the_model),
        "not_labelled": list(evaluation.not_labelled),
    }


def _by_code(reasons: Mapping[Reason, int]) -> dict[str, int]:
    """Return code → files, whatever their texts quote."""
    counted: Counter[str] = Counter()
    for reason, count in reasons.items():
        counted[reason.code] += count
    return dict(counted)


def plain(value: Any) -> Any:
    """Return a value as JSON holds it: no NaN, no arrays."""
    if isinstance(value, StrEnum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else round(float(value), 6)
    return value


def finding_rows(evaluation: Evaluation) -> str:
    """Return one line a finding, as CSV."""
    return _csv([_row(finding) for finding in evaluation.findings])


def _row(finding: FindingResult) -> dict[str, object]:
    row: dict[str, object] = {
        "finding": harmless(finding.label),
        "standing": finding.standing.value,
        "images": finding.images,
        "positives": finding.positives,
        "unknown": finding.unknown,
        **_cells("auroc", finding.area),
        **_cells("auprc", finding.precision),
    }
    for name in FIGURES:
        row |= _cells(name, getattr(finding.point, name))
    row |= {
        "true_positives": finding.point.true_positives,
        "false_positives": finding.point.false_positives,
        "false_negatives": finding.point.false_negatives,
        "true_negatives": finding.point.true_negatives,
        **_cells("calibration_slope", finding.calibration.slope),
        **_cells("calibration_intercept", finding.calibration.intercept),
        "brier": _number(finding.calibration.brier),
        "prevalence_elsewhere": _number(finding.prevalence_here),
        **_cells("ppv_elsewhere", finding.ppv_here),
        **_cells("npv_elsewhere", finding.npv_here),
    }
    return row


def group_rows(evaluation: Evaluation) -> str:
    """Return one line a finding, group and measure, as CSV."""
    rows = [
        {
            "finding": harmless(finding.label),
            "grouping": group.grouping.value,
            "group": harmless(group.name),
            "images": group.images,
            "positives": group.positives,
            "too_few": true_or_false(group.too_few),
            "measure": measure.value,
            **_cells("value", figure.value),
            **_cells("difference", figure.difference),
            "p": _number(figure.p),
            "p_adjusted": _number(figure.adjusted),
            "differs": true_or_false(figure.differs),
        }
        for finding in evaluation.findings
        for group in finding.groups
        for measure, figure in group.figures.items()
    ]
    return _csv(rows)


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as CSV; nothing where there is none."""
    return csv_text(list(rows[0]), rows) if rows else ""


def _cells(name: str, estimate: Estimate) -> dict[str, str]:
    return {
        name: _number(estimate.value),
        f"{name}_low": _number(estimate.low),
        f"{name}_high": _number(estimate.high),
    }


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
