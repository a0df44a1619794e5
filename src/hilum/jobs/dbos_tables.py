"""DBOS's own tables: how they are made, and the columns that we use.

Its columns are private: the requirement pins DBOS 3.4, and the tests of this package would
notice a change.
"""

from contextlib import closing
from typing import Final

from dbos import DBOS
from sqlalchemy import Connection, column, func, literal_column, table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import TableClause

from hilum.errors import SettingInvalid
from hilum.jobs.guard import quieten
from hilum.records import Database

APPLICATION: Final = "hilum"
VERSION: Final = "1"
"""Never changed: DBOS silently ignores jobs of another version."""

SCHEMA: Final = "dbos"
"""Where its tables are on PostgreSQL; SQLite has no schemas."""

ALIVE: Final = ("ENQUEUED", "DELAYED", "PENDING")
"""Statuses of a workflow that will still run, provided that its process lives."""

FINISHED: Final = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")

COLUMNS: Final = (
    *("workflow_uuid", "status", "executor_id", "application_version", "queue_name"),
    *("owner_xid", "started_at_epoch_ms", "updated_at"),
)


def workflows(connection: Connection) -> TableClause:
    """Return the table of workflows, in the schema where this database has it."""
    schema = SCHEMA if connection.dialect.name == "postgresql" else None
    return table("workflow_status", *(column(name) for name in COLUMNS), schema=schema)


def waiting(database: Database, queue_name: str) -> bool:
    """Whether a job waits in a queue; raises what the driver does.

    It is asked 20 times a second, and SQLAlchemy takes seven times as long as the driver alone.
    """
    schema = "" if database.is_sqlite else f"{SCHEMA}."
    mark = "%s" if schema else "?"
    question = (
        f"SELECT 1 FROM {schema}workflow_status"  # noqa: S608  of constants
        f" WHERE queue_name = {mark} AND status = 'ENQUEUED'"
        " AND status IN ('ENQUEUED', 'PENDING') LIMIT 1"  # as its index has it, for SQLite
    )
    with closing(database.engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute(question, (queue_name,))
        return cursor.fetchone() is not None


def now_ms(connection: Connection) -> ColumnElement[int]:
    """Return SQL for the database's time in milliseconds, as its columns keep it."""
    if connection.dialect.name == "postgresql":
        return literal_column("CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)")
    return literal_column("CAST((julianday('now') - 2440587.5) * 86400000 AS integer)")


def requeued(connection: Connection, rows: TableClause) -> dict[str, object]:
    """Return what makes a row of a workflow that stopped wait in its queue again."""
    return {
        "status": "ENQUEUED",
        "owner_xid": None,
        "started_at_epoch_ms": None,
        "application_version": VERSION,
        "updated_at": now_ms(connection),
        "queue_name": func.coalesce(rows.c.queue_name, "_dbos_internal_queue"),
    }


def prepare(database: Database) -> None:
    """Make DBOS's tables, or bring them up to date.

    Raises
    ------
    SettingInvalid
        The database does not let us.
    """
    quieten()
    try:
        DBOS.migrate(database.url, schema=SCHEMA)
    except DBAPIError as exc:
        raise SettingInvalid(
            "The database {engine_name} cannot hold the job tables.",
            "Let its user create schemas and tables there, or give another node.database.",
            engine_name=database.engine_name,
        ) from exc
