"""Steps that bring the tables up to date, in order; what ran is written beside the data."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, select, text

from hilum.records import tables

MIGRATION: Final = Table(
    "migration",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("ran", tables.Instant, nullable=False),
)

ONE_AT_A_TIME: Final = 0x68696C756D
"""Key of the PostgreSQL advisory lock under which tables are changed ("hilum")."""


def m001_images_and_studies(connection: Connection) -> None:
    """Make the feed, images, readings, worklist, workers, forwards, backfills, audit trail."""
    tables.METADATA.create_all(
        connection,
        tables=[
            tables.FEED,
            tables.IMAGE,
            tables.READING,
            tables.FORWARD,
            tables.WORKER,
            tables.BACKFILL,
            tables.AUDIT,
            tables.STUDY,
            tables.STUDY_FINDING,
        ],
    )


MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (m001_images_and_studies,)
"""In the order in which they run; a released one is never changed."""


def migrate(connection: Connection) -> None:
    """Bring the tables up to date, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    MIGRATION.create(connection, checkfirst=True)
    ran = set(connection.scalars(select(MIGRATION.c.name)))
    for step in MIGRATIONS:
        if step.__name__ not in ran:
            step(connection)
            connection.execute(MIGRATION.insert().values(name=step.__name__, ran=datetime.now(UTC)))
