"""What is asked of other PACS: images that are on their way, and studies whose priors are wanted.

An image is expected before it is fetched: the archive tells of it as of any other, and a prior
must not become work.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from hilum.language import Message
from hilum.language.message import packed, unpacked
from hilum.radiograph import ImageUIDs
from hilum.records.keys import image_values, of_image, uids_of
from hilum.records.tables import EXPECTED, PRIOR_SEARCH
from hilum.records.upsert import into, unless_there

EXPECTED_FOR: Final = timedelta(days=1)
"""An image that has not come by then is one like any other."""


class Purpose(StrEnum):
    """Why an image was fetched."""

    BACKFILL = "backfill"
    """It is analyzed after what arrives."""
    PRIOR = "prior"
    """It is only there to be looked at."""


@dataclass(frozen=True, slots=True)
class PriorSearch:
    """A study whose priors are to be fetched."""

    study_instance_uid: str
    attempts: int
    """How often that was tried."""
    asked: datetime
    why: Message
    """The last error; empty when there is none."""


def expect(
    connection: Connection,
    archive: str,
    images: Iterable[ImageUIDs],
    purpose: Purpose,
    now: datetime,
) -> None:
    """Write down that images will come, and why; what never came is forgotten."""
    connection.execute(delete(EXPECTED).where(EXPECTED.c.asked < now - EXPECTED_FOR))
    for uids in images:
        values = {"purpose": purpose, "asked": now}
        connection.execute(
            into(connection.dialect.name, EXPECTED)
            .values(archive=archive, **uids._asdict(), **values)
            .on_conflict_do_update(index_elements=list(EXPECTED.primary_key.columns), set_=values)
        )


def taken_up(
    connection: Connection, archive: str, images: Iterable[ImageUIDs], now: datetime
) -> dict[ImageUIDs, Purpose]:
    """Return which of some images were expected, and why; they are so no longer.

    Call it in the transaction in which they are taken up.
    """
    there = set(images)
    if not there:
        return {}
    studies = {each.study_instance_uid for each in there}
    asked = EXPECTED.c.study_instance_uid.in_(studies)
    rows = connection.execute(select(EXPECTED).where(EXPECTED.c.archive == archive, asked)).all()
    found = {
        uids_of(row): Purpose(row.purpose)
        for row in rows
        if uids_of(row) in there and row.asked >= now - EXPECTED_FOR
    }
    for uids in found:
        connection.execute(delete(EXPECTED).where(*of_image(EXPECTED)), image_values(archive, uids))
    return found


def want_priors(
    connection: Connection, archive: str, studies: Iterable[str], now: datetime
) -> None:
    """Write down that priors of studies are to be fetched."""
    for study in studies:
        connection.execute(
            unless_there(connection, PRIOR_SEARCH),
            {
                "archive": archive,
                "study_instance_uid": study,
                "asked": now,
                "attempts": 0,
                "due": now,
                "why": "",
            },
        )


def due(connection: Connection, archive: str, now: datetime, limit: int) -> list[PriorSearch]:
    """Return studies whose priors may be asked for now, the longest waiting first."""
    rows = connection.execute(
        select(PRIOR_SEARCH)
        .where(PRIOR_SEARCH.c.archive == archive, PRIOR_SEARCH.c.due <= now)
        .order_by(PRIOR_SEARCH.c.due)
        .limit(limit)
    )
    return [
        PriorSearch(row.study_instance_uid, row.attempts, row.asked, unpacked(row.why))
        for row in rows
    ]


def fetched(connection: Connection, archive: str, study_instance_uid: str) -> None:
    """Write down that the priors of a study are there, as far as there are any."""
    connection.execute(delete(PRIOR_SEARCH).where(*_this(archive, study_instance_uid)))


def not_fetched(
    connection: Connection, archive: str, study: PriorSearch, why: Message, again: datetime | None
) -> None:
    """Write down what went wrong, and when it is tried again; None: no more."""
    connection.execute(
        update(PRIOR_SEARCH)
        .where(*_this(archive, study.study_instance_uid))
        .values(attempts=study.attempts + 1, due=again, why=packed(why))
    )


def given_up(connection: Connection, archive: str, since: datetime) -> int:
    """Return of how many studies that came since then the priors could not be fetched."""
    return connection.execute(
        select(func.count())
        .select_from(PRIOR_SEARCH)
        .where(
            PRIOR_SEARCH.c.archive == archive,
            PRIOR_SEARCH.c.due.is_(None),
            PRIOR_SEARCH.c.asked >= since,
        )
    ).scalar_one()


def _this(archive: str, study: str) -> tuple[ColumnElement[bool], ...]:
    return PRIOR_SEARCH.c.archive == archive, PRIOR_SEARCH.c.study_instance_uid == study
