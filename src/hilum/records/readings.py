"""What the model said about each image, and why: what the page shows."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from hilum.radiograph import FieldOfView
from hilum.records.job import Job
from hilum.records.tables import READING


@dataclass(frozen=True, slots=True, eq=False)
class StoredReading:
    """One reading as it is kept.

    Attributes
    ----------
    document
        A hilum.reading/1 document: its head and one row.
    maps
        Shape ``(labels, height, width)``, float16, unitless, in the order of the
        document's findings.
    field_of_view
        The part of the source matrix that each map covers.
    """

    document: Mapping[str, Any]
    maps: NDArray[np.float16]
    field_of_view: FieldOfView


def put(connection: Connection, job: Job, reading: StoredReading) -> None:
    """Keep the reading of an image instead of an earlier one."""
    where = (
        READING.c.archive == job.archive,
        READING.c.sop_instance_uid == job.sop_instance_uid,
    )
    connection.execute(delete(READING).where(*where))
    maps = np.ascontiguousarray(reading.maps, dtype="<f2")
    document = json.dumps(reading.document, ensure_ascii=False, separators=(",", ":"))
    view = reading.field_of_view
    connection.execute(
        READING.insert().values(
            archive=job.archive,
            sop_instance_uid=job.sop_instance_uid,
            run=job.run,
            document=zlib.compress(document.encode()),
            maps=zlib.compress(maps.tobytes()),
            maps_shape=list(maps.shape),
            field_of_view=[view.top, view.left, view.height, view.width],
        )
    )


def get(connection: Connection, archive: str, sop_instance_uid: str) -> StoredReading | None:
    """Return the reading of an image, None when it has none."""
    row = connection.execute(
        select(READING).where(
            READING.c.archive == archive, READING.c.sop_instance_uid == sop_instance_uid
        )
    ).one_or_none()
    if row is None:
        return None
    flat = np.frombuffer(zlib.decompress(row.maps), dtype="<f2").astype(np.float16, copy=False)
    return StoredReading(
        json.loads(zlib.decompress(row.document)),
        flat.reshape(row.maps_shape),
        FieldOfView(*row.field_of_view),
    )
