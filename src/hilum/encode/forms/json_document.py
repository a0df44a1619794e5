"""The JSON document ``hilum.reading/1``: rows of outcomes under one head.

Its JSON Schema is ``schemas/reading-1.json`` beside this file.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib import resources
from typing import Any, Final

import numpy as np
from pydicom.sr.coding import Code

from hilum import PRODUCT, RESEARCH_USE_ONLY, __version__
from hilum.eligibility import Reason
from hilum.encode.codes import CodeTable, load_codes
from hilum.encode.forms.form import Form, FormSource
from hilum.outcome import Outcome
from hilum.radiograph import ImageUIDs, PixelDecision, PixelPipeline, Radiograph
from hilum.reading import DECIMALS, SITE_PROBABILITY, Finding, ModelIdentity, Reading
from hilum.settings import Settings
from hilum.structures import Anatomy, Line, Projection
from hilum.values.site_curve import SiteProbability

ORIGIN: Final = "operating_points_origin"
"""Entry of the model that is only there where a site chose its own operating points."""

SCHEMA: Final = "hilum.reading/1"
"""Name and major version of the document; a change that breaks a consumer raises it."""


def document_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    file = resources.files("hilum.encode").joinpath("schemas/reading-1.json")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def reading_document(outcome: Outcome, model: ModelIdentity, settings: Settings) -> dict[str, Any]:
    """Return the document of one file."""
    codes = load_codes(settings.report.codes_file)
    head = document_head(model, settings.pixels.pipeline)
    return {**head, "readings": [document_row(outcome, codes)]}


def document_head(model: ModelIdentity, pipeline: PixelPipeline) -> dict[str, Any]:
    """Return everything of the document but its rows."""
    return {
        "schema": SCHEMA,
        "software": {"name": PRODUCT, "version": __version__},
        "notice": f"{RESEARCH_USE_ONLY} A score is not a probability.",
        "model": {name: value for name, value in asdict(model).items() if value or name != ORIGIN},
        "pixel_pipeline": pipeline.value,
    }


def document_row(outcome: Outcome, codes: CodeTable) -> dict[str, Any]:
    """Return the row of one file."""
    reading = outcome.reading
    anatomy = None if outcome.read is None else outcome.read.anatomy
    return {
        "path": outcome.path,
        **_uids(outcome.uids),
        "status": outcome.status.value,
        "reasons": _coded_texts(outcome.reasons),
        "pixels": None if reading is None else _pixels(reading.radiograph),
        **_second_opinions(reading),
        "findings": []
        if reading is None
        else [finding_entry(f, codes.finding(f.label)) for f in reading.findings],
        **({} if anatomy is None else {"anatomy": anatomy_document(anatomy)}),
        "outputs": list(outcome.outputs),
        "seconds": {stage: round(spent, 4) for stage, spent in outcome.seconds.items()},
    }


def _second_opinions(reading: Reading | None) -> dict[str, Any]:
    """Return what the pixels say of the image as a whole; nothing where they were not asked."""
    if reading is None:
        return {}
    said = {"out_of_distribution": reading.reference, "view": reading.view}
    return {name: asdict(each) for name, each in said.items() if each is not None}


def _uids(uids: ImageUIDs | None) -> dict[str, str | None]:
    """Return what names an image, attribute → UID; None for what it lacks."""
    named = {} if uids is None else uids._asdict()
    return {name: named.get(name) or None for name in ImageUIDs._fields}


def _coded_texts(items: Iterable[Reason | PixelDecision]) -> list[dict[str, str]]:
    return [{"code": item.code, "text": item.text} for item in items]


def _pixels(radiograph: Radiograph) -> dict[str, Any]:
    return {
        "pipeline": radiograph.pipeline.value,
        "rows": radiograph.rows,
        "columns": radiograph.columns,
        "decisions": _coded_texts(radiograph.decisions),
    }


def finding_entry(finding: Finding, code: Code) -> dict[str, Any]:
    """Return what the document says of one finding."""
    return {
        "label": finding.label,
        "code": {"value": code.value, "scheme": code.scheme_designator, "meaning": code.meaning},
        "raw": round(finding.raw, DECIMALS),
        "operating_point": finding.operating_point,
        "score": round(finding.score, DECIMALS),
        "positive": finding.positive,
        **({} if finding.probability is None else {SITE_PROBABILITY: _site(finding.probability)}),
    }


def _site(probability: SiteProbability) -> dict[str, float]:
    return {name: round(value, DECIMALS) for name, value in asdict(probability).items()}


def anatomy_document(anatomy: Anatomy) -> dict[str, Any]:
    """Return what the document says of lungs, heart and the cardiothoracic ratio."""
    ratio, model = anatomy.ratio, asdict(anatomy.model)
    del model["operating_points"], model[ORIGIN]  # a segmentation network has none
    return {
        "model": model,
        "projection": ratio.projection.value,
        "cardiothoracic_ratio": None if ratio.value is None else round(ratio.value, 4),
        "limit": ratio.limit if ratio.projection is Projection.PA else None,
        "above_limit": ratio.above_limit,
        "in_grey_zone": ratio.in_grey_zone,
        "heart_width": _line(ratio.heart),
        "chest_width": _line(ratio.thorax),
        "reasons": _coded_texts(ratio.reasons),
        "structures": [
            {
                "name": structure.name,
                "cut": sorted(structure.cut),
                "outlines": [np.round(line, 1).tolist() for line in anatomy.drawn[structure.name]],
            }
            for structure in anatomy.structures.values()
        ],
        "sites": dict(anatomy.sites),
        "quality": [
            {
                "aspect": check.aspect.value,
                "judged": check.judged,
                "value": None if check.value is None else round(check.value, 4),
                "note": None if check.note is None else _coded_texts([check.note])[0],
            }
            for check in anatomy.quality
        ],
    }


def _line(line: Line | None) -> dict[str, Any] | None:
    """Return a width: both ends in source pixels (column, row), and how long it is."""
    if line is None:
        return None
    return {
        "line": np.round(line.points, 1).tolist(),
        "pixels": round(line.pixels, 1),
        "mm": None if line.mm is None else round(line.mm, 1),
    }


def _written(source: FormSource) -> bytes:
    return json.dumps(source.document, indent=1, ensure_ascii=False).encode()


FORM: Final = Form("json", "JSON", "findings.json", "application/json", _written)
