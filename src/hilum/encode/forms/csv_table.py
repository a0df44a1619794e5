"""CSV: one row an image, whatever became of it."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final

from hilum.encode.forms.form import Form, FormSource
from hilum.outcome import Outcome
from hilum.radiograph import ImageUIDs
from hilum.reading import DECIMALS, SITE_PROBABILITY, Finding, ModelIdentity
from hilum.structures import Anatomy
from hilum.values.csv_text import harmless, true_or_false
from hilum.values.site_curve import SiteProbability
from hilum.wording import shown_score

IMAGE: Final = ("path", *ImageUIDs._fields, "status", "reasons", "positives")
"""Columns about the image."""

MODEL: Final = (
    "model",
    "model_version",
    "model_sha256",
    "model_verified",
    "demonstration",
    "operating_points",
    "operating_points_origin",
    "pixel_pipeline",
    "pixel_decisions",
    "pixel_decision_texts",
    "reference_percentile",
    "frontal_by_pixels",
)
"""Columns about what read it."""

ANATOMY: Final = (
    "cardiothoracic_ratio",
    "projection",
    "heart_width_mm",
    "chest_width_mm",
    "anatomy_reasons",
    "anatomy_model",
)
"""Columns about the anatomy, where it was asked for."""

VALUES: Final = ("score", "positive", "raw", "operating_point")
"""Columns of each finding."""

SITE_VALUES: Final = tuple(f"{SITE_PROBABILITY}{each}" for each in ("", "_low", "_high", "_n"))
"""Columns of each finding for which the site has it: with its 95 % interval, and the number of
images that it rests on."""


@dataclass(frozen=True, slots=True)
class CsvTable:
    """What a table has columns for."""

    labels: Sequence[str]
    """The model's findings, in the card's order: each gets the columns ``<label> score`` (0.5 is
    the operating point; not a probability), ``<label> positive``, ``<label> raw`` and ``<label>
    operating_point`` (the threshold on the raw value)."""
    anatomy: bool = False
    """Whether it was asked for."""
    calibrated: Collection[str] = ()
    """Labels with a calibrated probability at this site."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        findings = (
            f"{label} {value}"
            for label in self.labels
            for value in (*VALUES, *(SITE_VALUES if label in self.calibrated else ()))
        )
        return (*IMAGE, *MODEL, *(ANATOMY if self.anatomy else ()), *findings)

    def row(self, outcome: Outcome) -> dict[str, str]:
        """Return the row of one image, column → cell; empty where nothing is known, or asked."""
        row = dict.fromkeys(self.columns, "")
        row["path"] = str(harmless(outcome.path))
        if outcome.uids is not None:
            row.update({name: str(harmless(uid)) for name, uid in outcome.uids._asdict().items()})
        row["status"] = outcome.status.value
        row["reasons"] = "; ".join(f"{reason.code}: {reason.text}" for reason in outcome.reasons)
        if outcome.reading is None:
            return row
        radiograph = outcome.reading.radiograph
        row["positives"] = "; ".join(finding.label for finding in outcome.reading.positives)
        row["pixel_pipeline"] = radiograph.pipeline.value
        row["pixel_decisions"] = "; ".join(decision.code for decision in radiograph.decisions)
        row["pixel_decision_texts"] = " ".join(decision.text for decision in radiograph.decisions)
        if outcome.reading.reference is not None:
            row["reference_percentile"] = f"{outcome.reading.reference.percentile}"
        if outcome.reading.view is not None:
            row["frontal_by_pixels"] = f"{outcome.reading.view.frontal}"
        row.update(_model(outcome.reading.model))
        if self.anatomy and outcome.read is not None and outcome.read.anatomy is not None:
            row.update(_anatomy(outcome.read.anatomy))
        for finding in outcome.reading.findings:
            if finding.label in self.labels:
                row.update(_finding(finding))
            if finding.label in self.calibrated and finding.probability is not None:
                row.update(_site(finding.label, finding.probability))
        return row

    def lines(self, outcomes: Iterable[Outcome]) -> Iterator[str]:
        """Yield the file line by line as outcomes come, the names of the columns first."""
        buffer = StringIO(newline="")
        writer = csv.DictWriter(buffer, self.columns, lineterminator="\r\n")
        writer.writeheader()
        for outcome in outcomes:
            yield _taken(buffer)
            writer.writerow(self.row(outcome))
        yield _taken(buffer)


def _taken(buffer: StringIO) -> str:
    line = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return line


def _model(model: ModelIdentity) -> dict[str, str]:
    return {
        "model": model.name,
        "model_version": model.version,
        "model_sha256": model.sha256,
        "model_verified": true_or_false(model.verified),
        "demonstration": true_or_false(model.demonstration),
        "operating_points": model.operating_points,
        "operating_points_origin": str(harmless(model.operating_points_origin)),
    }


def _anatomy(anatomy: Anatomy) -> dict[str, str]:
    ratio = anatomy.ratio
    widths = [None if line is None else line.mm for line in (ratio.heart, ratio.thorax)]
    return {
        "cardiothoracic_ratio": "" if ratio.value is None else f"{ratio.value:.4f}",
        "projection": ratio.projection.value,
        **{
            name: "" if width is None else f"{width:.1f}"
            for name, width in zip(("heart_width_mm", "chest_width_mm"), widths, strict=True)
        },
        "anatomy_reasons": "; ".join(f"{reason.code}: {reason.text}" for reason in ratio.reasons),
        "anatomy_model": f"{anatomy.model.name} {anatomy.model.version}",
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        f"{finding.label} score": f"{shown_score(finding.score, positive=finding.positive):.2f}",
        f"{finding.label} positive": true_or_false(finding.positive),
        f"{finding.label} raw": f"{round(finding.raw, DECIMALS)}",
        f"{finding.label} operating_point": f"{finding.operating_point}",
    }


def _site(label: str, probability: SiteProbability) -> dict[str, str]:
    values = (probability.value, probability.low, probability.high)
    cells = (*(f"{round(value, DECIMALS)}" for value in values), f"{probability.images}")
    return {f"{label} {name}": cell for name, cell in zip(SITE_VALUES, cells, strict=True)}


def _written(source: FormSource) -> bytes:
    findings, read = source.reading.findings, source.outcome.read
    table = CsvTable(
        [finding.label for finding in findings],
        anatomy=read is not None and read.anatomy is not None,
        calibrated=[finding.label for finding in findings if finding.probability is not None],
    )
    return "".join(table.lines([source.outcome])).encode()


FORM: Final = Form("csv", "CSV", "findings.csv", "text/csv; charset=utf-8", _written)
