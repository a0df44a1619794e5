"""What the node does with the file of one instance: the path, from bytes to bytes."""

from collections.abc import Callable
from datetime import UTC, datetime

from hilum import dicomfile, encode, pipeline
from hilum.errors import RadiographRefused
from hilum.node import Handler, InstanceOutcome, Result
from hilum.outcome import Outcome, Status
from hilum.pipeline import Reader

Listener = Callable[[Outcome], None]
"""Is told of each outcome, with its reading."""


def now() -> datetime:
    """Return the time with the local UTC offset, as reports say it."""
    return datetime.now(UTC).astimezone()


def build_handler(
    reader: Reader, *, listener: Listener | None = None, clock: Callable[[], datetime] = now
) -> Handler:
    """Return the function that reads one file and writes its results down as DICOM.

    Parameters
    ----------
    reader
        The model and the settings.
    listener
        Is told of each outcome before its results are stored.
    clock
        Time of the analysis.
    """

    def handle(file: bytes) -> InstanceOutcome:
        dataset = dicomfile.parse(file, name="the instance")
        uid = dicomfile.text(dataset, "SOPInstanceUID")
        when = clock()
        try:
            reading = pipeline.read(dataset, reader)
        except RadiographRefused as exc:
            outcome = Outcome(uid, Status.REFUSED, uid, reasons=exc.reasons)
            documents = pipeline.report_refusal(dataset, exc.reasons, reader.settings, when=when)
        else:
            outcome = Outcome(uid, Status.READ, uid, reasons=reading.warnings, reading=reading)
            documents = pipeline.report(reading, reader.settings, when=when)
        if listener is not None:
            listener(outcome)
        results = tuple(
            Result(str(document.SOPInstanceUID), encode.to_bytes(document))
            for document in documents
        )
        return InstanceOutcome(outcome.status, outcome.reasons, results)

    return handle
