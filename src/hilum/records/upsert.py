"""INSERT with ON CONFLICT: the same clause in both databases, in two classes of SQLAlchemy."""

from typing import Final, cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

INSERTS: Final = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def into(connection: Connection, table: Table) -> sqlite.Insert:
    """Return an insert that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return cast("sqlite.Insert", INSERTS[connection.dialect.name](table))
