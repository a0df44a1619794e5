"""Readings that this node did not make: read back from a report of ours in the archive."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, update

from hilum.radiograph import ImageUIDs
from hilum.records import readings
from hilum.records.job import Job
from hilum.records.keys import image_values, of_image
from hilum.records.states import State
from hilum.records.stored_reading import ORIGIN, StoredReading
from hilum.records.tables import IMAGE

TAKE: Final = (
    update(IMAGE)
    .where(*of_image(IMAGE), IMAGE.c.state.in_([State.HELD, State.ELSEWHERE]))
    .values(
        state=State.ELSEWHERE,
        reasons=bindparam("said"),
        results=bindparam("stored"),
        result_references=bindparam("stored_as"),
        model=bindparam("by"),
    )
    .returning(IMAGE.c.reference, IMAGE.c.run)
)


@dataclass(frozen=True, slots=True, eq=False)
class ForeignReading:
    """What a report says that this node did not make."""

    uids: ImageUIDs
    """The image."""
    reference: str
    """The archive's reference to the report."""
    reading: StoredReading
    """Its document has an origin, whose ``at`` is when the image was analyzed."""


def take(connection: Connection, archive: str, foreign: ForeignReading) -> bool:
    """Keep what a report says of an image that waits for a model.

    An image that this node analyzes, or has, stays as it is; so does one of which this or a
    later report is known. Its job waits on: the node's own answer takes the place of this one.

    Returns
    -------
    bool
        Whether it is the image's reading from now on; then its study has to be refreshed.
    """
    known = readings.documents(connection, archive, [foreign.uids]).get(foreign.uids)
    if known is not None and _at(known) >= _at(foreign.reading.document):
        return False
    row, model = foreign.reading.document["readings"][0], foreign.reading.document["model"]
    values = {
        "said": [[each["code"], each["text"], ""] for each in row["reasons"]],
        "stored": row["outputs"],
        "stored_as": [""] * (len(row["outputs"]) - 1) + [foreign.reference],
        "by": f"{model['name']} {model['version']}",
    }
    image = connection.execute(TAKE, {**image_values(archive, foreign.uids), **values}).first()
    if image is None:
        return False
    readings.put(
        connection, Job(archive, foreign.uids, image.reference, image.run), foreign.reading
    )
    return True


def _at(document: Any) -> datetime:
    """Return when a foreign reading was made; one of this node's own is none and the earliest."""
    told = document.get(ORIGIN)
    return datetime.fromisoformat("0001-01-02T00:00:00+00:00" if told is None else told["at"])
