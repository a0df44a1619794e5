"""An unusual image is told wherever its findings are, and nothing is said where none can be."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import jsonschema
import pytest
from pydicom import Dataset

from hilum import encode, phantom, pipeline
from hilum.encode import document_schema, stored_report
from hilum.encode.forms.csv_table import CsvTable
from hilum.encode.identity import identify
from hilum.files import dicom
from hilum.node.process_file import read_file
from hilum.outcome import Outcome, Read, Status
from hilum.pipeline import PipelineContext, Writing
from hilum.radiograph import ImageUIDs, PixelPipeline
from hilum.reading import OUT_OF_DISTRIBUTION, Reading
from hilum.records.restored import restored
from hilum.settings import Settings
from radiographs import upside_down
from sr_reader import walk

WHEN = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> PipelineContext:
    """Return a pipeline with the demonstration model, whose statistics come with hilum."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    return pipeline.open_pipeline(settings.changed("model", name="demonstration"))


@pytest.fixture(scope="module")
def usual() -> Dataset:
    """Return an image as they are."""
    return phantom.make(500_001, findings=(), size=256).dataset


@pytest.fixture(scope="module")
def unusual() -> Dataset:
    """Return a chest that is upside down, which its header does not say."""
    return upside_down(phantom.make(500_009, findings=(), size=256).dataset)


def read(source: Dataset, context: PipelineContext) -> Read:
    """Return what becomes of an image."""
    found = pipeline.process(source, context, writing=Writing(WHEN))
    assert isinstance(found, Read)
    return found


def codes(reading: Reading) -> set[str]:
    """Return the codes of the warnings of a reading."""
    return {warning.code for warning in reading.warnings}


def outcome_of(found: Read, source: Dataset) -> Outcome:
    """Return what the forms are written of."""
    uids = ImageUIDs.of(source)
    return Outcome("x.dcm", Status.READ, uids, found.reading.warnings, found)


def test_usual_image_has_a_percentile_and_no_warning(context: PipelineContext, usual: Dataset):
    """It is one of many."""
    reading = read(usual, context).reading

    assert reading.reference.percentile < 99.5
    assert reading.reference.images >= 500
    assert OUT_OF_DISTRIBUTION not in codes(reading)


def test_unusual_image_has_a_warning_and_its_findings(context: PipelineContext, unusual: Dataset):
    """It is read all the same."""
    reading = read(unusual, context).reading

    assert reading.reference.unusual
    assert OUT_OF_DISTRIBUTION in codes(reading)
    assert reading.findings


def test_every_form_tells_it(context: PipelineContext, unusual: Dataset):
    """JSON, CSV, plain text and both reports."""
    found = read(unusual, context)
    outcome = outcome_of(found, unusual)
    document = encode.reading_document(outcome, context.model.identity, context.settings)
    row = CsvTable(context.model.labels).row(outcome)
    reports = [each for each in found.written.objects if each.Modality == "SR"]
    texts = [str(item.get("TextValue", "")) for each in reports for item in walk(each)]

    jsonschema.validate(json.loads(json.dumps(document)), document_schema())
    said = document["readings"][0]["out_of_distribution"]
    assert found.reading.reference.percentile == said["percentile"]
    assert f"{said['percentile']}" == row["reference_percentile"]
    assert OUT_OF_DISTRIBUTION in row["reasons"]
    assert 2 <= sum("Distance from the reference images: percentile 99" in each for each in texts)
    assert 2 <= sum("unusual image" in each for each in texts)


def test_reading_comes_back_from_report_and_records(context: PipelineContext, unusual: Dataset):
    """As it was."""
    found = read(unusual, context)
    outcome = outcome_of(found, unusual)
    document = encode.reading_document(outcome, context.model.identity, context.settings)
    coded = found.written.objects[-1]
    said = document["readings"][0]["out_of_distribution"]
    back = stored_report(
        dicom.parse(encode.to_bytes(coded), name="it"), encode.load_codes()
    ).document
    kept = read_file(encode.to_bytes(unusual), context, (), when=WHEN).reading

    assert said == back["readings"][0]["out_of_distribution"]
    assert found.reading.reference == restored(kept, None).reference


def test_identifiers_are_of_the_statistics_and_not_of_the_warning(
    context: PipelineContext, unusual: Dataset
):
    """Two machines may differ in the last digit, and only one of them may warn."""
    reading = read(unusual, context).reading
    silent = replace(reading, warnings=())
    fitted_anew = replace(reading, reference=replace(reading.reference, statistics="2 00112233"))

    assert identify(reading) == identify(silent)
    assert identify(reading) != identify(fitted_anew) != identify(replace(reading, reference=None))


def _with(context: PipelineContext, settings: Settings) -> PipelineContext:
    return PipelineContext(context.model, settings, reference=context.reference)


def test_nothing_is_said_where_nobody_asks(context: PipelineContext, unusual: Dataset):
    """Without the setting, or on pixels that the statistics are not of."""
    off = context.settings.changed("model", unusual_percentile=0)
    other = context.settings.changed("pixels", pipeline=PixelPipeline.TORCHXRAYVISION)
    for settings in (off, other):
        reading = read(unusual, _with(context, settings)).reading
        assert reading.reference is None
        assert OUT_OF_DISTRIBUTION not in codes(reading)
