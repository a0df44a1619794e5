"""Brings what operators set on the page to every machine whose workers share a database."""

from time import monotonic
from typing import Final

from hilum.errors import DatabaseUnavailable, SettingInvalid
from hilum.records import Database, page_values
from hilum.settings import Settings
from hilum.settings.sources import page_values as in_the_file
from hilum.settings.sources import write_page_values
from hilum.telemetry.logs import get_log

LOOK_S: Final = 2.0
"""Seconds between two looks."""

log = get_log(__name__)


class SharedSettings:
    """Keeps the page's file of the data folder as the database has it. For one thread.

    With SQLite there is one data folder, whose file the page wrote itself.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._folder = settings.data_folder
        self._database = database
        self._next_look = 0.0

    def tend(self) -> None:
        """Write the file anew where the database has other values; reads at most every 2 s."""
        if self._database.is_sqlite or monotonic() < self._next_look:
            return
        self._next_look = monotonic() + LOOK_S
        try:
            with self._database.look() as connection:
                chosen = page_values.chosen(connection)
            if chosen is not None and chosen != in_the_file(self._folder):
                write_page_values(self._folder, chosen)
                log.info("settings.changed", sections=",".join(sorted(chosen)))
        except (DatabaseUnavailable, SettingInvalid, ValueError) as exc:
            log.warning("settings.wait", why=str(exc))
