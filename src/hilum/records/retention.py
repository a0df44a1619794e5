"""Deletes the records of images that were settled long ago, and what belongs to them alone.

The audit trail is not touched: it tells what was done for as long as the database is kept.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, tuple_

from hilum.records.states import SETTLED
from hilum.records.tables import (
    ANATOMY,
    EXPORT_RELEASE,
    FORWARD,
    IMAGE,
    READING,
    STUDY,
    STUDY_ATTRIBUTE,
    STUDY_FINDING,
    STUDY_WORD,
    THUMBNAIL,
)


def forget(connection: Connection, before: datetime, *, limit: int) -> int:
    """Forget images settled before that, at most `limit` at once; return how many."""
    old = connection.execute(
        select(*IMAGE.primary_key.columns)
        .where(IMAGE.c.state.in_(sorted(SETTLED)), IMAGE.c.settled < before)
        .limit(limit)
    ).all()
    if not old:
        return 0
    images = [tuple(row) for row in old]
    for each in (ANATOMY, FORWARD, READING, THUMBNAIL, EXPORT_RELEASE, IMAGE):
        named = tuple_(*(each.c[column.name] for column in IMAGE.primary_key.columns))
        connection.execute(delete(each).where(named.in_(images)))
    studies = sorted({(row.archive, row.study_instance_uid) for row in old})
    remaining = exists().where(
        IMAGE.c.archive == STUDY.c.archive, IMAGE.c.study_instance_uid == STUDY.c.study_instance_uid
    )
    gone = connection.execute(
        delete(STUDY)
        .where(tuple_(STUDY.c.archive, STUDY.c.study_instance_uid).in_(studies), ~remaining)
        .returning(STUDY.c.archive, STUDY.c.study_instance_uid)
    ).all()
    if gone:
        names = [tuple(row) for row in gone]
        for each in (STUDY_ATTRIBUTE, STUDY_FINDING, STUDY_WORD):
            connection.execute(
                delete(each).where(tuple_(each.c.archive, each.c.study_instance_uid).in_(names))
            )
    return len(old)
