"""Features of recent images, from which the statistics of the reference images are fitted.

A sample of bounded size for each model: an image has one of `SLOTS` places, the same each time it
is read, and the newer takes it from the older. No pixels, and nothing of whose image it was.
"""

import hashlib
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import sqlite

from hilum.records.quality_tables import FEATURE_SAMPLE
from hilum.records.upsert import into

SLOTS: Final = 1250
"""Places of a sample; 1,000 images fill about 690 of them, and 4,000 nearly all."""

COUNT: Final = select(func.count()).where(
    FEATURE_SAMPLE.c.archive == bindparam("of_archive"),
    FEATURE_SAMPLE.c.model == bindparam("of_model"),
)
"""Asked once a minute, hence put together once."""


def keep(connection: Connection, archive: str, model: str, image: str, features: bytes) -> None:
    """Keep the features of one image, in the transaction that settles it.

    Parameters
    ----------
    model
        See `hilum.predict.reference_key`.
    image
        Its SOP Instance UID, of which only the place is kept.
    """
    place = int.from_bytes(hashlib.sha256(image.encode()).digest()[:8]) % SLOTS
    row = {"archive": archive, "model": model, "place": place, "features": features}
    connection.execute(_in_place(connection.dialect.name), row)


@cache
def _in_place(dialect: str) -> sqlite.Insert:
    """Return what keeps features, over those that have the same place."""
    insert = into(dialect, FEATURE_SAMPLE)
    return insert.on_conflict_do_update(
        index_elements=list(FEATURE_SAMPLE.primary_key.columns),
        set_={"features": insert.excluded.features},
    )


def count(connection: Connection, archive: str, model: str) -> int:
    """Return how many images the sample of a model has."""
    return connection.scalar(COUNT, {"of_archive": archive, "of_model": model}) or 0


def sample(connection: Connection, archive: str, model: str) -> NDArray[np.float16]:
    """Return the sample of a model: shape ``(images, features)``."""
    kept = connection.scalars(
        select(FEATURE_SAMPLE.c.features)
        .where(FEATURE_SAMPLE.c.archive == archive, FEATURE_SAMPLE.c.model == model)
        .order_by(FEATURE_SAMPLE.c.place)
    ).all()
    rows = [np.frombuffer(each, "<f2") for each in kept]
    longest = max((len(row) for row in rows), default=0)
    whole = [row for row in rows if len(row) == longest]
    return np.stack(whole) if whole else np.empty((0, 0), np.float16)
