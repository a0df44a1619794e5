"""What the node does with the file of one instance: the path, from bytes to bytes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pydicom import Dataset

from hilum import dicomfile, encode, pipeline
from hilum.errors import RadiographRefused
from hilum.node.one_by_one import Handler, InstanceOutcome, Result
from hilum.outcome import Outcome, Status
from hilum.pipeline import Reader

Listener = Callable[[Outcome], None]
"""Is told of each outcome, with its reading."""


Earlier = Callable[[str], Sequence[Dataset]]
"""Study Instance UID → the reports of ours that are in that study already."""


def nothing_earlier(_study_instance_uid: str) -> Sequence[Dataset]:
    """Know of no earlier report: the archive is empty."""
    return ()


def now() -> datetime:
    """Return the time with the local UTC offset, as reports say it."""
    return datetime.now(UTC).astimezone()


def build_handler(
    reader: Reader,
    *,
    earlier: Earlier = nothing_earlier,
    listener: Listener | None = None,
    clock: Callable[[], datetime] = now,
) -> Handler:
    """Return the function that reads one file and writes its results down as DICOM.

    Parameters
    ----------
    reader
        The model and the settings.
    earlier
        Finds the reports that these replace.
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
            before = earlier(dicomfile.text(dataset, "StudyInstanceUID"))
            documents = pipeline.report(reading, reader.settings, when=when, earlier=before)
        if listener is not None:
            listener(outcome)
        results = tuple(
            Result(str(document.SOPInstanceUID), encode.to_bytes(document))
            for document in documents
        )
        return InstanceOutcome(outcome.status, outcome.reasons, results)

    return handle
