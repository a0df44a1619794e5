"""INSERT, put together once; ON CONFLICT is one clause in both databases, in two classes here."""

from functools import cache
from typing import Final, cast

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

INSERTS: Final = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def into(dialect: str, table: Table) -> sqlite.Insert:
    """Return an insert that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return cast("sqlite.Insert", INSERTS[dialect](table))


def unless_there(connection: Connection, table: Table) -> sqlite.Insert:
    """Return an insert that leaves a line alone whose key is there already."""
    return _unless_there(connection.dialect.name, table)


@cache
def _unless_there(dialect: str, table: Table) -> sqlite.Insert:
    return into(dialect, table).on_conflict_do_nothing()


@cache
def adding(table: Table) -> Insert:
    """Return an insert: putting one together takes as long as what it does."""
    return table.insert()
