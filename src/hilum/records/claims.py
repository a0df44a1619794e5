"""Who reads which study at the moment: a note to the others, not a lock. It ends by itself."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from hilum.records.keys import of_study, study_values
from hilum.records.tables import CLAIM
from hilum.records.upsert import unless_there

LASTS: Final = timedelta(minutes=2)
"""How long a claim holds of which nothing was heard; an open page renews it each minute."""

THIS: Final = of_study(CLAIM)


def take(
    connection: Connection, archive: str, study_instance_uid: str, reader: str, now: datetime
) -> str:
    """Claim a study, or renew the claim; return who holds it, another reader or this one."""
    this = study_values(archive, study_instance_uid)
    connection.execute(CLAIM.delete().where(CLAIM.c.at <= now - LASTS))
    line = {"archive": archive, "study_instance_uid": study_instance_uid}
    connection.execute(unless_there(connection, CLAIM), {**line, "reader": reader, "at": now})
    holder = str(connection.scalar(select(CLAIM.c.reader).where(*THIS), this))
    if holder == reader:
        connection.execute(CLAIM.update().where(*THIS).values(at=now), this)
    return holder


def release(connection: Connection, archive: str, study_instance_uid: str, reader: str) -> None:
    """End a claim of this reader, if it is theirs."""
    mine = CLAIM.delete().where(*THIS, CLAIM.c.reader == reader)
    connection.execute(mine, study_values(archive, study_instance_uid))


def held(
    connection: Connection, archive: str, studies: Iterable[str], now: datetime
) -> dict[str, str]:
    """Return who reads which of these studies, Study Instance UID → reader."""
    rows = connection.execute(
        select(CLAIM.c.study_instance_uid, CLAIM.c.reader).where(
            CLAIM.c.archive == archive,
            CLAIM.c.study_instance_uid.in_(list(studies)),
            CLAIM.c.at > now - LASTS,
        )
    )
    return {row.study_instance_uid: row.reader for row in rows}


def last(connection: Connection, archive: str) -> tuple[int, datetime | None]:
    """Return how many claims there are and when the last one was renewed: to see a change."""
    found = select(func.count(), func.max(CLAIM.c.at)).where(CLAIM.c.archive == archive)
    row = connection.execute(found).one()
    return int(row[0]), row[1]
