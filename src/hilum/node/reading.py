"""The path of one file inside a reader: from bytes to the objects that are stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from pydicom import Dataset

from hilum import dicomfile, encode, pipeline
from hilum.arrive import file_candidate
from hilum.batch import read_many
from hilum.constancy import pixels_digest
from hilum.errors import HilumError, RadiographRefused
from hilum.node.answer import Answer, Result
from hilum.outcome import Outcome, Status
from hilum.pipeline import Reader, open_reader
from hilum.reading import Reading
from hilum.records.drift import model_key
from hilum.records.readings import StoredReading
from hilum.verdict import Reason

__all__ = ["Reader", "document_of", "open_reader", "read_file"]


class Laps:
    """Seconds by room, taken as the work goes on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, room: str) -> None:
        """Write down how long it took since the last lap."""
        now = perf_counter()
        self.seconds[room] = round(now - self._last, 4)
        self._last = now


def read_file(
    file: bytes,
    reader: Reader,
    earlier: Sequence[bytes],
    *,
    when: datetime,
    self_test: str | None = None,
) -> Answer:
    """Read the file of one instance and write down as DICOM what was found.

    Parameters
    ----------
    file
        The DICOM file.
    reader
        The model and the settings.
    earlier
        Files of our reports that are in the study already.
    when
        Time of the analysis: the same file at the same time gives the same bytes.
    self_test
        SHA-256 of the stored pixels of the phantom that was announced under this UID; None
        for every image that was not.
    """
    laps = Laps()
    try:
        dataset = dicomfile.parse(file, name="the instance")
        laps.lap("open")
        announced = self_test is not None and pixels_digest(dataset) == self_test
        return _read(dataset, reader, earlier, when, laps, self_test=announced)
    except HilumError as exc:
        reasons = (Reason("unreadable", str(exc)),)
        return Answer(Status.FAILED, reasons, seconds=laps.seconds)


def _read(
    dataset: Dataset,
    reader: Reader,
    earlier: Sequence[bytes],
    when: datetime,
    laps: Laps,
    *,
    self_test: bool,
) -> Answer:
    identity = reader.model.identity
    model = model_key(identity.name, identity.version, identity.sha256)
    try:
        prepared = pipeline.prepare(dataset, reader, self_test=self_test)
    except RadiographRefused as exc:
        laps.lap("prepare")
        told = pipeline.report_refusal(dataset, exc.reasons, reader.settings, when=when)
        results = tuple(map(_result, told))
        return Answer(Status.REFUSED, exc.reasons, results, seconds=laps.seconds, model=model)
    laps.lap("prepare")
    reading = pipeline.predict(prepared, reader)
    laps.lap("predict")
    before = [dicomfile.parse(each, name="an earlier report") for each in earlier]
    results = tuple(
        map(_result, pipeline.report(reading, reader.settings, when=when, earlier=before))
    )
    laps.lap("report")
    kept = StoredReading(
        _document(reading, reader, results, laps.seconds),
        np.stack([heatmap.activation for heatmap in reading.heatmaps]).astype(np.float16),
        reading.heatmaps[0].field_of_view,
    )
    return Answer(Status.READ, reading.warnings, results, kept, laps.seconds, model)


def _result(document: Dataset) -> Result:
    return Result(str(document.SOPInstanceUID), encode.to_bytes(document))


def document_of(path: Path, name: str, reader: Reader) -> dict[str, Any]:
    """Return what is found on a DICOM file, PNG or JPEG, as a hilum.reading/1 document.

    Parameters
    ----------
    path
        The file.
    name
        What the person called it.
    reader
        The model and the settings.
    """
    (outcome,) = read_many([file_candidate(path)], reader)
    reasons = tuple(
        replace(reason, text=reason.text.replace(str(path), name)) for reason in outcome.reasons
    )
    return _with_head(replace(outcome, path=name, reasons=reasons), reader)


def _document(
    reading: Reading, reader: Reader, results: Sequence[Result], seconds: dict[str, float]
) -> dict[str, Any]:
    uid = str(reading.radiograph.sop_instance_uid)
    outcome = Outcome(
        uid,
        Status.READ,
        uid,
        reasons=reading.warnings,
        reading=reading,
        outputs=tuple(result.sop_instance_uid for result in results),
        seconds=seconds,
    )
    return _with_head(outcome, reader)


def _with_head(outcome: Outcome, reader: Reader) -> dict[str, Any]:
    codes = encode.load_codes(reader.settings.report.codes_file)
    head = encode.document_head(reader.model.identity, reader.settings.pixels.pipeline)
    return {**head, "readings": [encode.document_row(outcome, codes)]}
