"""What operators set on the page, for workers whose data folder is another one."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from hilum.records.quality_tables import PAGE_VALUES
from hilum.records.upsert import into

THE_ONE: Final = 1
"""Number of the only line."""


def chosen(connection: Connection) -> dict[str, dict[str, Any]] | None:
    """Return section → name → value; None where nothing was ever set."""
    found: dict[str, dict[str, Any]] | None = connection.scalar(select(PAGE_VALUES.c.chosen))
    return found


def choose(connection: Connection, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down all that is set."""
    line = into(connection.dialect.name, PAGE_VALUES).values(number=THE_ONE, chosen=values)
    connection.execute(
        line.on_conflict_do_update(index_elements=["number"], set_={"chosen": values})
    )
