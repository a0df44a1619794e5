"""One file in an inference worker: from bytes to the objects that are stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from pydicom import Dataset

from hilum import encode, pipeline
from hilum.constancy import pixels_digest
from hilum.dataset.batch import read_many
from hilum.eligibility import Reason
from hilum.errors import HilumError
from hilum.files import dicom
from hilum.files.find import file_candidate
from hilum.node.processed import ProcessedImage, Result
from hilum.outcome import Outcome, Read, Refused, Status
from hilum.pipeline import PipelineContext, Writing, open_pipeline
from hilum.predict import reference_key
from hilum.reading import Reading
from hilum.records.stored_reading import StoredReading
from hilum.values import half_precision

__all__ = ["PipelineContext", "document_of", "open_pipeline", "read_file"]


def read_file(
    file: bytes,
    context: PipelineContext,
    earlier: Sequence[bytes],
    *,
    when: datetime,
    self_test: str | None = None,
) -> ProcessedImage:
    """Read the file of one instance and write down as DICOM what was found.

    Parameters
    ----------
    earlier
        Files of our reports that are in the study already.
    when
        Time of the analysis: the same file at the same time gives the same bytes.
    self_test
        SHA-256 of the stored pixels of the phantom that was announced under this UID; None
        for every image that was not.
    """
    start = perf_counter()
    try:
        image = dicom.read(file, name="the instance")
        opened = {"open": round(perf_counter() - start, 4)}
        announced = self_test is not None and pixels_digest(image.dataset) == self_test
        writing = Writing(
            when, lambda _: [dicom.parse(each, name="an earlier report") for each in earlier]
        )
        result = pipeline.process(image, context, writing=writing, self_test=announced)
    except HilumError as exc:
        reasons = (Reason("unreadable", exc.message),)
        return ProcessedImage(Status.FAILED, reasons)
    answer = _answer(result, context, opened | dict(result.seconds))
    if not context.settings.deliveries.by_target:
        return answer
    digest = result.reading.radiograph.pixel_digest if isinstance(result, Read) else ""
    source = pipeline.with_text_decoded(image.dataset, context.settings).dataset
    return replace(answer, about={"pixel_digest": digest, **encode.image_facts(source)})


def _answer(
    result: Read | Refused, context: PipelineContext, seconds: dict[str, float]
) -> ProcessedImage:
    """Return what is stored and kept of one image."""
    model = context.model.identity.key
    if isinstance(result, Refused):
        results = tuple(map(_result, result.objects))
        return ProcessedImage(Status.REFUSED, result.reasons, results, seconds=seconds, model=model)
    reading = result.reading
    results = tuple(map(_result, () if result.written is None else result.written.objects))
    kept = StoredReading(
        _document(result, context, results, seconds),
        np.stack([heatmap.activation for heatmap in reading.heatmaps]).astype(np.float16),
        reading.heatmaps[0].field_of_view,
    )
    return ProcessedImage(
        Status.READ, reading.warnings, results, kept, seconds, model, _sample(reading, context)
    )


def _sample(reading: Reading, context: PipelineContext) -> tuple[str, bytes] | None:
    """Return what is kept of an image to tell unusual ones; nothing where nobody asks for that."""
    asked = context.settings.model.unusual_percentile and not reading.model.demonstration
    if reading.features is None or not asked:
        return None
    key = reference_key(reading.model.key, reading.radiograph.pipeline)
    return key, half_precision.packed(reading.features)


def _result(document: Dataset) -> Result:
    return Result(str(document.SOPInstanceUID), encode.to_bytes(document))


def document_of(path: Path, name: str, context: PipelineContext) -> dict[str, Any]:
    """Return what is found on a DICOM file, PNG or JPEG, as a hilum.reading/1 document."""
    (outcome,) = read_many([file_candidate(path)], context)
    reasons = tuple(
        replace(reason, text=reason.text.replace(str(path), name)) for reason in outcome.reasons
    )
    outcome = replace(outcome, path=name, reasons=reasons)
    return encode.reading_document(outcome, context.model.identity, context.settings)


def _document(
    result: Read, context: PipelineContext, results: Sequence[Result], seconds: dict[str, float]
) -> dict[str, Any]:
    uids = result.reading.radiograph.uids
    outcome = Outcome(
        "" if uids is None else uids.sop_instance_uid,
        Status.READ,
        uids,
        reasons=result.reading.warnings,
        read=result,
        outputs=tuple(each.sop_instance_uid for each in results),
        seconds=seconds,
    )
    return encode.reading_document(outcome, context.model.identity, context.settings)
