"""Reads back reports of ours that this node did not make, while it has no model of its own.

`hilum read --store`, another node, or this one before its database was lost: what they
found is in the archive, and the page need not say that the image waits.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from hilum import encode
from hilum.errors import NotInPacs, PacsError, SettingInvalid, SourceUnreadable
from hilum.files import dicom
from hilum.ingest.earlier_reports import EarlierReports
from hilum.node.steps import NodeContext
from hilum.pacs.orthanc.client import Orthanc
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records.elsewhere import ForeignReading
from hilum.records.readings import ORIGIN, StoredReading
from hilum.telemetry.logs import get_log

MODALITY: Final = "0008-0060"

MOST_BYTES: Final = 8 << 20
"""Size of a report that is looked at; one with hundreds of outlines has a tenth of it."""

MOST_LETTERS: Final = 64
"""Letters of what the PACS says of a sender."""

NAME: Final = "The report"

log = get_log(__name__)


def foreign_reading(context: NodeContext, instance_id: str) -> ForeignReading | None:
    """Return what a report of ours in the archive says; None where it is no such report.

    Parameters
    ----------
    context
        PACS and codes.
    instance_id
        Orthanc's identifier of an instance that hilum wrote, as it says.

    Raises
    ------
    PacsError
        The PACS does not answer at all.
    """
    if instance_id in context.stored:
        return None
    try:
        file, sender = _fetched(context.orthanc, instance_id)
        table = encode.load_codes(context.settings.report.codes_file)
        found = None if file is None else encode.stored_report(dicom.parse(file, name=NAME), table)
    except NotInPacs:  # deleted meanwhile
        return None
    except (SourceUnreadable, SettingInvalid) as exc:  # also of a codes file that is none
        log.warning("report.unusable", instance=instance_id, why=exc.problem)
        return None
    except PacsError as exc:
        context.orthanc.system()  # is it away, or does it only stumble over this one?
        log.warning("report.unusable", instance=instance_id, why=str(exc))
        return None
    if found is None or found.uid in context.stored:
        return None
    origin = {"report": found.uid, "at": found.when.isoformat(), "received_from": sender}
    row = found.document["readings"][0]
    maps = np.zeros((len(row["findings"]), 0, 0), np.float16)
    whole = FieldOfView(0, 0, row["pixels"]["rows"], row["pixels"]["columns"])
    reading = StoredReading({**found.document, ORIGIN: origin}, maps, whole)
    return ForeignReading(found.source, instance_id, reading)


def foreign_readings_on(
    context: NodeContext, earlier: EarlierReports, instance_id: str, uids: ImageUIDs
) -> Iterator[ForeignReading]:
    """Yield what reports say that were in the archive before the image that they are about.

    Parameters
    ----------
    context, earlier
        PACS and codes; what is known of its reports.
    instance_id, uids
        The image, as Orthanc and as DICOM calls it.

    Raises
    ------
    PacsError
        The PACS does not answer at all.
    """
    try:
        reports = earlier.instances(instance_id, uids)
    except NotInPacs:  # deleted meanwhile
        return
    except PacsError as exc:
        context.orthanc.system()  # as above
        log.warning("report.unusable", instance=instance_id, why=str(exc))
        return
    for report in reports:
        if (found := foreign_reading(context, report)) is not None:
            yield found


def _fetched(orthanc: Orthanc, instance_id: str) -> tuple[bytes | None, str]:
    """Return the file of a report and who stored it; no file of what is none, or is too large."""
    if orthanc.text(instance_id, MODALITY) != "SR":
        return None, ""
    if orthanc.describe(instance_id).file_bytes > MOST_BYTES:
        log.warning("report.unusable", instance=instance_id, why="it is too large")
        return None, ""
    told = orthanc.json("GET", f"/instances/{instance_id}/metadata?expand")
    return orthanc.file_as_kept(instance_id), _sender(told)


def _sender(metadata: Any) -> str:
    """Return who stored an instance: AE title or user, and address; empty when not known."""
    said = metadata if isinstance(metadata, dict) else {}
    who = said.get("RemoteAET") or said.get("HttpUsername") or ""
    address = said.get("RemoteIP") or ""
    return "@".join(str(each)[:MOST_LETTERS] for each in (who, address) if each)
