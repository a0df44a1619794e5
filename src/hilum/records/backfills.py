"""Progress of each backfill, so that an interrupted one resumes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from hilum.records.rows import as_record
from hilum.records.tables import BACKFILL
from hilum.records.upsert import into


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one backfill is."""

    after: str = ""
    """The last study that was done, in sorted order; empty at the start."""
    studies: int = 0
    images: int = 0
    """How many of each were looked at, and how many images were enqueued."""
    finished: datetime | None = None
    """When it reached the end, None before."""


def key(query: Mapping[str, str]) -> str:
    """Return what was asked for as one text that is always the same."""
    return json.dumps(dict(query), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def progress(connection: Connection, archive: str, query: str) -> Progress:
    """Return how far the backfill of `query` is; the start when it is new."""
    row = connection.execute(
        select(BACKFILL).where(BACKFILL.c.archive == archive, BACKFILL.c.query == query)
    ).one_or_none()
    return Progress() if row is None else as_record(Progress, row)


def keep(connection: Connection, archive: str, query: str, reached: Progress) -> None:
    """Write down how far it is, in the transaction that enqueues what it passed."""
    values = asdict(reached)
    connection.execute(
        into(connection.dialect.name, BACKFILL)
        .values(archive=archive, query=query, **values)
        .on_conflict_do_update(index_elements=[BACKFILL.c.archive, BACKFILL.c.query], set_=values)
    )
