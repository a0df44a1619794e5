"""The reading of each image, as the page shows it."""

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image
from hilum.records.tables import READING
from hilum.settings.node import NodeMode

FORGET: Final = delete(READING).where(*of_image(READING))
GET: Final = select(READING).where(*of_image(READING))
DOCUMENT: Final = select(READING.c.document).where(*of_image(READING))
"""Asked for each image, hence put together once."""


ORIGIN: Final = "origin"
"""Entry of the document of a reading that this node did not make: from where it has it."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredReading:
    """One reading as it is kept."""

    document: Mapping[str, Any]
    """A hilum.reading/1 document: its head and one row, and an origin where it was read back from a
    report in the archive; then its maps are empty."""
    maps: NDArray[np.float16]
    """Shape ``(labels, height, width)``, float16, unitless, in the order of the document's
    findings."""
    field_of_view: FieldOfView
    """The part of the source matrix that each map covers."""

    @property
    def origin(self) -> Mapping[str, Any] | None:
        """From where the reading is; None when this node made it."""
        return self.document.get(ORIGIN)


class CompressedReading(NamedTuple):
    """A reading, compressed: the columns that hold it."""

    document: bytes
    """zlib of JSON."""
    maps: bytes
    """zlib of little-endian float16."""
    maps_shape: list[int]
    """Of the maps: labels, height, width."""
    field_of_view: list[int]
    """Top, left, height and width of the field of view."""


def put(
    connection: Connection, job: Job, reading: StoredReading, mode: NodeMode = NodeMode.LIVE
) -> None:
    """Keep the reading of an image instead of an earlier one."""
    connection.execute(FORGET, image_values(job.archive, job.uids))
    named = {"archive": job.archive, **job.uids._asdict(), "run": job.run, "mode": mode}
    connection.execute(READING.insert(), {**named, **squeezed(reading)._asdict()})


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


def squeezed(reading: StoredReading) -> CompressedReading:
    """Return a reading as it is stored in a table or a step state."""
    maps = np.ascontiguousarray(reading.maps, dtype="<f2")
    document = json.dumps(reading.document, ensure_ascii=False, separators=(",", ":"))
    view = reading.field_of_view
    return CompressedReading(
        zlib.compress(document.encode()),
        zlib.compress(maps.tobytes()),
        list(maps.shape),
        [view.top, view.left, view.height, view.width],
    )


def whole(kept: CompressedReading) -> StoredReading:
    """Return the reading that was squeezed."""
    flat = np.frombuffer(zlib.decompress(kept.maps), dtype="<f2").astype(np.float16, copy=False)
    return StoredReading(
        document_in(kept.document), flat.reshape(kept.maps_shape), FieldOfView(*kept.field_of_view)
    )


def document_in(squeezed_document: bytes) -> dict[str, Any]:
    """Return the document of a reading that was squeezed."""
    document: dict[str, Any] = json.loads(zlib.decompress(squeezed_document))
    return document
