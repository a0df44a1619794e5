"""The time as the database has it: one clock for workers on several machines."""

from typing import Any, Final

from sqlalchemy import Connection, Double, TextClause, text

CLOCKS: Final = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}
"""Dialect → seconds since 1970 UTC; 2440587.5 is the Julian day of 1970-01-01."""


def now_of(connection: Connection) -> TextClause:
    """Return SQL for the database's time, as the column type `Instant` keeps it."""
    return text(CLOCKS[connection.dialect.name])


def seconds_of(connection: Connection) -> float:
    """Return the database's time in seconds since 1970 UTC."""
    said: Any = connection.scalar(
        text(f"SELECT {CLOCKS[connection.dialect.name]} AS now").columns(now=Double)
    )
    return float(said)
