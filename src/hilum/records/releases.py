"""Which images may leave for research: what a person decided after looking at each of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, literal, select, tuple_

from hilum.radiograph import ImageUIDs
from hilum.records.keys import image_values, of_image
from hilum.records.rows import as_record
from hilum.records.states import State
from hilum.records.tables import EXPORT_RELEASE, IMAGE, STUDY, STUDY_FINDING
from hilum.records.upsert import into
from hilum.settings.node import NodeMode

KEY: Final = tuple(IMAGE.c[name] for name in ImageUIDs._fields)


class ReleaseState(StrEnum):
    """What a person decided about an image."""

    SHOWN = "shown"
    """Nothing yet; it is on a contact sheet."""
    RELEASED = "released"
    KEPT_BACK = "kept_back"


ACTIONS: Final = {
    ReleaseState.RELEASED: "export.released",
    ReleaseState.KEPT_BACK: "export.kept_back",
}
"""Decision → what the audit trail calls it."""


@dataclass(frozen=True, slots=True)
class Release:
    """A decision about one image."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    state: ReleaseState
    digest: str
    """SHA-256 of the stored pixels that the person saw."""
    actor: str
    at: datetime
    """Who, and when."""

    @property
    def uids(self) -> ImageUIDs:
        """The image that it is about."""
        return ImageUIDs(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """Which images are asked for; what is empty does not count."""

    since: str = ""
    until: str = ""
    """Study Date, ``YYYYMMDD``, both inside."""
    finding: str = ""
    """Label that must be positive in the study."""
    reviewed: bool = False
    """Only studies that a reader reviewed."""


def put(connection: Connection, archive: str, release: Release) -> None:
    """Write down what was decided, over an earlier decision about the same image."""
    key = {"archive": archive, **release.uids._asdict()}
    values = {
        "state": release.state,
        "digest": release.digest,
        "actor": release.actor,
        "at": release.at,
    }
    line = into(connection.dialect.name, EXPORT_RELEASE).values(**key, **values)
    connection.execute(line.on_conflict_do_update(index_elements=list(key), set_=values))


def get(connection: Connection, archive: str, uids: ImageUIDs) -> Release | None:
    """Return what was decided about an image, None for nothing."""
    question = select(EXPORT_RELEASE).where(*of_image(EXPORT_RELEASE))
    row = connection.execute(question, image_values(archive, uids)).one_or_none()
    return None if row is None else as_record(Release, row)


def of_images(
    connection: Connection, archive: str, images: Iterable[ImageUIDs]
) -> dict[ImageUIDs, Release]:
    """Return what was decided about images; those without a decision are left out."""
    found = ((uids, get(connection, archive, uids)) for uids in images)
    return {uids: release for uids, release in found if release is not None}


def images(
    connection: Connection,
    archive: str,
    wanted: ExportQuery,
    *,
    after: ImageUIDs | None = None,
    size: int | None = None,
    every_one: bool = False,
) -> Sequence[Row[Any]]:
    """Return images by their UIDs, with the facts of their studies.

    Parameters
    ----------
    after
        Only those behind this one.
    size
        At most so many.
    every_one
        Whether those are among them that cannot leave: they were deleted from the archive, or
        the node analyzed them silently.
    """
    asked: Select[Any] = (
        select(
            *KEY,
            IMAGE.c.reference,
            IMAGE.c.run,
            IMAGE.c.arrived,
            IMAGE.c.settled,
            IMAGE.c.state,
            STUDY.c.study_date,
            STUDY.c.patient_id,
            STUDY.c.issuer,
            STUDY.c.birth_date,
            STUDY.c.accession_number,
        )
        .join(
            STUDY,
            (STUDY.c.archive == IMAGE.c.archive)
            & (STUDY.c.study_instance_uid == IMAGE.c.study_instance_uid),
        )
        .where(IMAGE.c.archive == archive)
        .order_by(*KEY)
        .limit(size)
    )
    if not every_one:
        asked = asked.where(IMAGE.c.state != State.GONE, IMAGE.c.mode != NodeMode.SILENT)
    if wanted.since:
        asked = asked.where(STUDY.c.study_date >= wanted.since)
    if wanted.until:
        asked = asked.where(STUDY.c.study_date <= wanted.until, STUDY.c.study_date != "")
    if wanted.finding:
        positive = select(STUDY_FINDING.c.study_instance_uid).where(
            STUDY_FINDING.c.archive == archive, STUDY_FINDING.c.label == wanted.finding
        )
        asked = asked.where(IMAGE.c.study_instance_uid.in_(positive))
    if wanted.reviewed:
        asked = asked.where(STUDY.c.reviewed.is_not(None))
    if after is not None:
        asked = asked.where(tuple_(*KEY) > tuple_(*(literal(each) for each in after)))
    return connection.execute(asked).all()


def every(connection: Connection, archive: str) -> list[Release]:
    """Return all decisions, and the images on contact sheets about which nobody has decided."""
    asked = select(EXPORT_RELEASE).where(EXPORT_RELEASE.c.archive == archive)
    return [as_record(Release, row) for row in connection.execute(asked)]
