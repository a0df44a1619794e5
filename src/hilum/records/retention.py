"""Deletes the records of images that were settled long ago, and what belongs to them alone.

The audit trail is not touched: it tells what was done for as long as the database is kept.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, exists, select

from hilum.records import indexed
from hilum.records.keys import image_values, of_image, of_study, study_values, uids_of
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
    """Forget images settled before that, at most `limit` at once; return how many.

    Each line is named by its key: neither database finds the lines of a list of keys by an index
    in every version.
    """
    ended = (
        select(*IMAGE.primary_key.columns)
        .where(IMAGE.c.state.in_(sorted(SETTLED)), IMAGE.c.settled < before)
        .limit(limit)
    )
    old = connection.execute(indexed.by(ended, IMAGE, "image_by_end")).all()
    if not old:
        return 0
    images = [image_values(row.archive, uids_of(row)) for row in old]
    for each in (ANATOMY, FORWARD, READING, THUMBNAIL, EXPORT_RELEASE, IMAGE):
        connection.execute(delete(each).where(*of_image(each)), images)
    names = sorted({(row.archive, row.study_instance_uid) for row in old})
    studies = [study_values(*name) for name in names]
    without_images = ~exists().where(*of_study(IMAGE))
    for each in (STUDY_ATTRIBUTE, STUDY_FINDING, STUDY_WORD, STUDY):
        connection.execute(delete(each).where(*of_study(each), without_images), studies)
    return len(old)
