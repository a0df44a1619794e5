"""The reading of each image, as the page shows it."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from hilum.radiograph import ImageUIDs
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image
from hilum.records.stored_reading import (
    ORIGIN,
    CompressedReading,
    StoredReading,
    document_in,
    squeezed,
    whole,
)
from hilum.records.tables import READING
from hilum.records.upsert import adding
from hilum.settings.node import NodeMode

FORGET: Final = delete(READING).where(*of_image(READING))
GET: Final = select(READING).where(*of_image(READING))
DOCUMENT: Final = select(READING.c.document).where(*of_image(READING))
"""Asked for each image, hence put together once."""


def put(
    connection: Connection, job: Job, reading: StoredReading, mode: NodeMode = NodeMode.LIVE
) -> None:
    """Keep the reading of an image instead of an earlier one."""
    connection.execute(FORGET, image_values(job.archive, job.uids))
    named = {"archive": job.archive, **job.uids._asdict(), "run": job.run, "mode": mode}
    connection.execute(adding(READING), {**named, **squeezed(reading)._asdict()})


def forget_foreign(connection: Connection, archive: str, uids: ImageUIDs) -> None:
    """Forget the reading of an image where it was read back from a report."""
    found = documents(connection, archive, [uids]).get(uids)
    if found is not None and ORIGIN in found:
        connection.execute(FORGET, image_values(archive, uids))


def get(connection: Connection, archive: str, uids: ImageUIDs) -> StoredReading | None:
    """Return the reading of an image, None when it has none."""
    row = connection.execute(GET, image_values(archive, uids)).one_or_none()
    if row is None:
        return None
    return whole(CompressedReading(*(getattr(row, name) for name in CompressedReading._fields)))


def documents(
    connection: Connection, archive: str, images: Iterable[ImageUIDs]
) -> dict[ImageUIDs, dict[str, Any]]:
    """Return the documents of the readings of images; those that have none are left out."""
    found = {uids: connection.scalar(DOCUMENT, image_values(archive, uids)) for uids in images}
    return {uids: document_in(kept) for uids, kept in found.items() if kept is not None}
