"""A coded report reads back as what was written; what does not hold together does not."""

from collections.abc import Callable, Iterator

import jsonschema
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO

from hilum.encode import (
    ResultContext,
    document_schema,
    load_codes,
    refusal_document,
    report_documents,
    secondary_capture,
    stored_report,
    to_bytes,
)
from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.language import LANGUAGES
from hilum.predict.catalogue import shipped_cards
from hilum.predict.model import normalise
from hilum.radiograph import ImageUIDs, PixelDecision, PixelPipeline
from hilum.reading import DECIMALS, Reading
from hilum.settings import ReportSettings, SRClass
from sr_cases import INVERTED, LATERAL, THREE, UNCERTAIN_VIEW, identity, read, regions_of

TABLE = load_codes()

FREE = (
    "Rib notching",
    "=SUM(A1)",
    "Łamliwość",
    ("a label of more than sixty-four letters " * 3).strip(),
)
"""Labels of models that people add: no table has their codes."""


def back(report: Dataset):
    """Return what a report says once it was a file."""
    return stored_report(dicom.parse(to_bytes(report), name="it"), TABLE)


def coded(reading: Reading, when, regions=(), chosen: ReportSettings | None = None, **more):
    """Return the coded report of a reading."""
    settings = chosen or ReportSettings()
    return report_documents(
        ResultContext.of(reading, when=when, settings=settings), regions, **more
    )[1]


def expected(reading: Reading) -> list[tuple[str, float, bool]]:
    return [(f.label, round(f.score, DECIMALS), f.positive) for f in reading.findings]


def said(found) -> list[tuple[str, float, bool]]:
    rows = found.document["readings"][0]["findings"]
    return [(each["label"], each["score"], each["positive"]) for each in rows]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("card", shipped_cards(), ids=lambda card: card.name)
@pytest.mark.parametrize("positive", [False, True], ids=["none positive", "some positive"])
def test_findings_of_every_model_read_back(header, when, language, card, positive):
    """Label, score and state, in either language."""
    labels = card.trained_labels
    scores = dict.fromkeys(labels[::2], 0.93494) if positive else None
    reading = read(header, scores, labels=labels, model=identity(name=card.name))
    chosen = ReportSettings(language=language)
    found = back(coded(reading, when, regions_of(header, *labels[:1]) if positive else (), chosen))

    assert expected(reading) == said(found)
    assert [f.operating_point for f in reading.findings] == [
        each["operating_point"] for each in found.document["readings"][0]["findings"]
    ]
    assert ImageUIDs.of(header) == found.source
    jsonschema.validate(found.document, document_schema())
    assert when == found.when


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("sr_class", SRClass)
def test_model_decisions_and_warnings_read_back(header, when, language, sr_class):
    """In each SOP Class."""
    decision = PixelDecision("window_applied", "window: 40 to 400, as the header says")
    model = identity(verified=False, operating_points="site")
    reading = read(
        header,
        THREE,
        model=model,
        decisions=(INVERTED, decision),
        pipeline=PixelPipeline.TORCHXRAYVISION,
    )
    chosen = ReportSettings(language=language, sr_class=sr_class)
    document = back(coded(reading, when, (), chosen)).document
    row = document["readings"][0]

    assert (model.name, model.version, model.sha256) == tuple(
        document["model"][name] for name in ("name", "version", "sha256")
    )
    assert not document["model"]["verified"]
    assert "site" == document["model"]["operating_points"]
    assert [INVERTED.text, decision.text] == [each["text"] for each in row["pixels"]["decisions"]]
    assert [UNCERTAIN_VIEW.text] == [each["text"] for each in row["reasons"]]
    assert (header.Rows, header.Columns) == (row["pixels"]["rows"], row["pixels"]["columns"])
    assert "torchxrayvision" == row["pixels"]["pipeline"]


@pytest.mark.parametrize("name", ["demonstration", "demonstration-2", "tiny"])
def test_demonstration_stays_one(header, when, name):
    """Under its own name."""
    reading = read(header, THREE, model=identity(name=name, demonstration=True))
    model = back(coded(reading, when)).document["model"]

    assert (name, True) == (model["name"], model["demonstration"])


def test_labels_without_a_code_read_back(header, when):
    """As the model calls them."""
    reading = read(header, {FREE[0]: 0.8}, labels=FREE)

    assert list(FREE) == [label for label, *_ in said(back(coded(reading, when)))]


def test_overlay_is_named(header, when):
    """It is where the heatmaps are."""
    reading = read(header, THREE)
    sheet = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    overlay = secondary_capture(
        sheet, ResultContext.of(reading, when=when, settings=ReportSettings())
    )
    found = back(coded(reading, when, visual_explanation=overlay))

    assert str(overlay.SOPInstanceUID) == found.overlay
    assert [found.overlay, found.uid] == found.document["readings"][0]["outputs"]


@pytest.mark.parametrize("raw", [0.0, 1e-6, 0.0999999, 0.1, 0.5, 0.9999, 1.0])
@pytest.mark.parametrize("point", [0.0021, 0.1, 0.97])
def test_score_is_what_the_model_would_say(header, when, raw, point):
    """Of the raw value that the report holds in full precision."""
    score = float(normalise(np.array([raw]), np.array([point]))[0])
    reading = read(header, {"Mass": score}, labels=("Mass",))
    finding = reading.findings[0]
    exact = type(finding)("Mass", raw, point, score)
    of_it = Reading(reading.radiograph, reading.model, (exact,), reading.heatmaps, reading.warnings)

    assert expected(of_it) == said(back(coded(of_it, when)))


def test_whatever_else_is_stored_is_passed_over(header, when, reports):
    """The image, our text report, our refusal, another maker's report."""
    settings = ReportSettings()
    text, report = reports(read(header, THREE), chosen=settings)
    refusal = refusal_document(header, [LATERAL], when=when, settings=settings)
    theirs = dcmread(DicomBytesIO(to_bytes(report)))
    theirs.Manufacturer = "Somebody"

    assert [None] * 4 == [stored_report(each, TABLE) for each in (header, text, refusal, theirs)]


def items(item: Dataset) -> Iterator[Dataset]:
    """Yield all content items."""
    yield item
    for child in item.get("ContentSequence", ()):
        yield from items(child)


def named(report: Dataset, meaning: str) -> Dataset:
    """Return the first item of a concept."""
    return next(
        item
        for item in items(report)
        if item.get("ConceptNameCodeSequence")
        and meaning in item.ConceptNameCodeSequence[0].CodeMeaning
    )


def other_state(report: Dataset) -> None:
    named(report, "Atelectasis").ConceptCodeSequence[0].CodeValue = "52101004"


def other_raw(report: Dataset) -> None:
    measured = named(report, "Model output (sigmoid)").MeasuredValueSequence[0]
    measured.FloatingPointValue = 0.0123


def no_number(report: Dataset) -> None:
    named(report, "Model output (sigmoid)").MeasuredValueSequence[0].FloatingPointValue = float(
        "nan"
    )


def other_image(report: Dataset) -> None:
    named(report, "Source").ReferencedSOPSequence[0].ReferencedSOPInstanceUID = "1.2.3"


def other_study(report: Dataset) -> None:
    report.StudyInstanceUID = "1.2.3"


def no_content(report: Dataset) -> None:
    del report.ContentSequence


def no_evidence(report: Dataset) -> None:
    del report.CurrentRequestedProcedureEvidenceSequence


def twice(report: Dataset) -> None:
    rows = report.ContentSequence[-1].ContentSequence
    rows.append(rows[1])


def no_hash(report: Dataset) -> None:
    item = next(i for i in items(report) if "weights_sha256" in str(i.get("TextValue", "")))
    item.TextValue = "weights_sha256=none"


def no_time(report: Dataset) -> None:
    report.ContentTime = ""


def time_before_time(report: Dataset) -> None:
    report.ContentDate = "00010101"


def no_size(report: Dataset) -> None:
    named(report, "Rows").MeasuredValueSequence[0].NumericValue = "-1"


def endless_size(report: Dataset) -> None:
    measured = named(report, "Rows").MeasuredValueSequence[0]
    measured.FloatingPointValue = float("inf")


def nul_in_a_text(report: Dataset) -> None:
    named(report, "Algorithm Version").TextValue = "1\0.0"


def lone_surrogate(report: Dataset) -> None:
    named(report, "Algorithm Version").TextValue = "1\udc80"


def endless_text(report: Dataset) -> None:
    named(report, "Algorithm Version").TextValue = "1" * (3 << 20)


def no_parameters(report: Dataset) -> None:
    for item in items(report):
        if "=" in str(item.get("TextValue", "")):
            item.TextValue = "nothing"


FORGERIES: tuple[Callable[[Dataset], None], ...] = (
    other_state,
    other_raw,
    no_number,
    other_image,
    other_study,
    no_content,
    no_evidence,
    twice,
    no_hash,
    no_time,
    no_parameters,
    time_before_time,
    no_size,
    endless_size,
    nul_in_a_text,
    lone_surrogate,
    endless_text,
)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_what_does_not_hold_together_is_unreadable(header, when, forge):
    """Broken or forged, it is one plain error."""
    report = dcmread(DicomBytesIO(to_bytes(coded(read(header, THREE), when))))
    forge(report)

    with pytest.raises(SourceUnreadable):
        stored_report(report, TABLE)
