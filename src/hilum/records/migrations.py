"""Steps that bring the tables up to date, in order; what ran is written beside the data.

A step is frozen SQL: it makes today what it made when it was written, whatever `tables` says since.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from hilum.errors import SettingInvalid
from hilum.language import Message
from hilum.records import tables

MIGRATION: Final = Table(
    "migration",
    MetaData(),
    Column("name", String, primary_key=True),
    Column("ran", tables.Instant, nullable=False),
)

ONE_AT_A_TIME: Final = 0x68696C756D
"""Key of the PostgreSQL advisory lock under which tables are changed ("hilum")."""

START_ANEW: Final = Message(
    "Stop hilum, move hilum.sqlite* out of the data folder or name an empty PostgreSQL database in "
    "node.database, and start it: hilum backfill reads the images again."
)
INSTALL_NEWER: Final = Message("Install that version of hilum again.")


def _step(name: str) -> Callable[[Connection], None]:
    """Return what runs the statements of a file in ``schema/``; a blank line ends each.

    Where the databases differ, ``NAME.sqlite.sql`` or ``NAME.postgresql.sql``.
    """

    def run(connection: Connection) -> None:
        folder = resources.files(__package__) / "schema"
        own = folder / f"{name}.{connection.dialect.name}.sql"
        file = own if own.is_file() else folder / f"{name}.sql"
        for statement in file.read_text(encoding="utf-8").strip().split(";\n\n"):
            connection.exec_driver_sql(statement)

    run.__name__ = f"m{name[1:]}"
    return run


MIGRATIONS: Final = tuple(
    _step(name)
    for name in (
        "0001_initial",  # every table; the database turns away changes of the audit trail
        "0002_warnings",  # what is wrong with a study as a whole
        "0003_references",  # what any archive calls an object, and where its feed stands
        "0004_sign_in",  # known browsers, second factors, when sessions began, whose a token is
        "0005_not_analyzed",  # refused studies are out of the queue
        "0006_answers",  # one answer a finding; one that contradicts itself becomes unsure
        "0007_passkeys",  # passkeys of users
        "0008_claims",  # who reads which study at the moment
        "0009_alerts",  # what people are told, once for each event
        "0010_limits",  # what a study is known by, and to which studies a user is limited
        "0011_audit_sent",  # how far the audit trail was sent to another system
        "0012_delivery",  # what systems beside the PACS are told of an image
        "0013_page_values",  # what operators set on the page
        "0014_self_test_lines",  # a column named for what it holds
        "0015_retrievals",  # what is fetched from other PACS
        "0016_releases",  # which images may leave for research
        "0017_anatomy",  # lungs, heart and cardiothoracic ratio
        "0018_features",  # features of recent images, to tell unusual ones
        "0019_modes",  # how far results get
        "0020_points_used",  # operating points of a site
        "0021_in_order",  # studies with a finding, and by arrival and date, in their order
    )
)
"""In the order in which they run; one that has landed is never changed."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Which steps a database has behind it."""

    missing: tuple[str, ...]
    """Steps that have not run; the next start runs them."""
    unknown: tuple[str, ...]
    """Steps of a newer hilum than this one."""
    unreleased: bool
    """Whether its tables are not those of any release, so that no step can follow."""


def schema_state(connection: Connection) -> SchemaState:
    """Look at the tables and at the record of what ran; change nothing."""
    there = set(inspect(connection).get_table_names())
    ran = set()
    if MIGRATION.name in there:
        ran = set(connection.scalars(select(MIGRATION.c.name)))
    known = [step.__name__ for step in MIGRATIONS]
    return SchemaState(
        missing=tuple(name for name in known if name not in ran),
        unknown=tuple(sorted(ran - set(known))),
        unreleased=known[0] not in ran and bool(ran or there & set(tables.METADATA.tables)),
    )


def migrate(connection: Connection) -> None:
    """Bring the tables up to date, in the caller's transaction.

    Raises
    ------
    SettingInvalid
        The tables are not those of any release, or of a newer hilum; nothing was changed.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    state = schema_state(connection)
    name = connection.engine.url.database
    if state.unreleased:
        raise SettingInvalid(
            "The database {name} has tables of a development version of hilum, which cannot be "
            "upgraded.",
            START_ANEW,
            name=name,
        )
    if state.unknown:
        raise SettingInvalid(
            "The database {name} was written by a newer hilum ({unknown}).",
            INSTALL_NEWER,
            name=name,
            unknown=state.unknown[-1],
        )
    MIGRATION.create(connection, checkfirst=True)
    for step in MIGRATIONS:
        if step.__name__ in state.missing:
            step(connection)
            connection.execute(MIGRATION.insert().values(name=step.__name__, ran=datetime.now(UTC)))
