"""Readings against clean images: encoded anew, so that nothing of the original is in them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from hilum import encode, explain, pipeline
from hilum.eligibility import Reason
from hilum.export.clean import write_methods
from hilum.radiograph import PixelPipeline, Radiograph
from hilum.reading import Reading
from hilum.records.restored import restored
from hilum.records.stored_reading import StoredReading
from hilum.settings import Settings


def settings_of(stored: StoredReading | None, settings: Settings) -> Settings:
    """Return the settings with the pixel pipeline that a reading was made by."""
    if stored is None:
        return settings
    said = PixelPipeline(stored.document["readings"][0]["pixels"]["pipeline"])
    return settings.changed("pixels", pipeline=said)


def reading_of(stored: StoredReading, radiograph: Radiograph) -> Reading:
    """Return a reading as if it were of the clean image, whose pixels are the same."""
    return without_texts(replace(restored(stored, radiograph.header), radiograph=radiograph))


def without_texts(reading: Reading) -> Reading:
    """Return a reading whose warnings are codes, since their texts quote the header.

    Operating points of the site lose what it calls them and where they come from; findings lose
    its calibrated probabilities, which mean nothing elsewhere.
    """
    warnings = tuple(Reason(each.code, each.code.replace("_", " ")) for each in reading.warnings)
    model = reading.model
    if model.operating_points_origin:
        fingerprint = model.operating_points.rpartition("@")[2]
        model = replace(model, operating_points=f"site@{fingerprint}", operating_points_origin="")
    findings = tuple(replace(each, probability=None) for each in reading.findings)
    return replace(reading, model=model, findings=findings, warnings=warnings)


def reports(
    reading: Reading, settings: Settings, *, when: datetime, heatmaps: bool
) -> Iterator[tuple[str, bytes]]:
    """Yield name and file of each report, and of the overlay where it is asked for.

    Raises
    ------
    EncodingFailed
        A report cannot be written.
    """
    settings = settings.changed("report", objects=())
    context = encode.ResultContext.of(reading, when=when, settings=settings.report)
    for each in (
        pipeline.report(reading, settings, when=when)
        if heatmaps
        else encode.report_documents(context, explain.regions(reading))
    ):
        write_methods(each)
        yield encode.result_name(each), encode.to_bytes(each)
