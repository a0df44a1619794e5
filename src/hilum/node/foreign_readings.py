"""Takes up reports of ours that this node did not make, while it has no model of its own.

`hilum read --store`, another node, or this one before its database was lost: what they
found is in the archive, and the page need not say that the image waits.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from hilum import encode
from hilum.errors import FileTooLarge, NotInPacs, PacsError, SettingInvalid, SourceUnreadable
from hilum.files import dicom
from hilum.ingest.earlier_reports import EarlierReports
from hilum.node.steps import NodeContext
from hilum.pacs import archive as archives
from hilum.pacs.archive import Archive
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records.foreign_readings import ForeignReading
from hilum.records.readings import ORIGIN, StoredReading
from hilum.telemetry.logs import get_log

MOST_BYTES: Final = 8 << 20
"""Size of a report that is looked at; one with hundreds of outlines has a tenth of it."""

MOST_LETTERS: Final = 64
"""Letters of what the PACS says of a sender."""

NAME: Final = "The report"

log = get_log(__name__)


def foreign_reading(context: NodeContext, reference: str) -> ForeignReading | None:
    """Return what a report of ours in the archive says; None where it is no such report.

    Raises
    ------
    PacsError
        The PACS does not answer at all.
    """
    found, sender = None, ""
    if reference in context.stored:
        return None
    with _passing_over(context.pacs, reference):
        file, sender = _fetched(context.pacs, reference)
        table = encode.load_codes(context.settings.report.codes_file)
        found = None if file is None else encode.stored_report(dicom.parse(file, name=NAME), table)
    if found is None or found.uid in context.stored:
        return None
    origin = {"report": found.uid, "at": found.when.isoformat(), "received_from": sender}
    row = found.document["readings"][0]
    maps = np.zeros((len(row["findings"]), 0, 0), np.float16)
    whole = FieldOfView(0, 0, row["pixels"]["rows"], row["pixels"]["columns"])
    reading = StoredReading({**found.document, ORIGIN: origin}, maps, whole)
    return ForeignReading(found.source, reference, reading)


def foreign_readings_on(
    context: NodeContext, earlier: EarlierReports, reference: str, uids: ImageUIDs
) -> Iterator[ForeignReading]:
    """Yield what reports say that were in the archive before the image that they are about.

    Raises
    ------
    PacsError
        The PACS does not answer at all.
    """
    reports: list[str] = []
    with _passing_over(context.pacs, reference):
        reports = earlier.references(reference, uids)
    for report in reports:
        if (found := foreign_reading(context, report)) is not None:
            yield found


@contextmanager
def _passing_over(archive: Archive, reference: str) -> Iterator[None]:
    """Go on after what is gone, cannot be used, or makes the PACS stumble while it answers."""
    try:
        yield
    except NotInPacs:  # deleted meanwhile
        pass
    except (FileTooLarge, SourceUnreadable, SettingInvalid) as exc:  # also of the codes file
        log.warning("report.unusable", instance=reference, why=exc.problem)
    except PacsError as exc:
        archive.capabilities()  # or is it away?
        log.warning("report.unusable", instance=reference, why=str(exc))


def _fetched(archive: Archive, reference: str) -> tuple[bytes | None, str]:
    """Return the file of a report and who stored it; no file of what is no report."""
    if archives.text(archive, reference, "Modality") != "SR":
        return None, ""
    origin = archive.origin(reference)
    sender = (origin.aet or origin.user, origin.address)
    told = "@".join(each[:MOST_LETTERS] for each in sender if each)
    return archive.fetch(reference, max_bytes=MOST_BYTES, verified=True), told
