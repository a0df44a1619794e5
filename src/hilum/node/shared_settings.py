"""Brings what operators set on the page to every machine whose workers share a database."""

from pathlib import Path
from time import monotonic
from typing import Final

from hilum.errors import DatabaseUnavailable, SettingInvalid
from hilum.files.private import make_folder, write_file
from hilum.records import Connection, Database, page_values, points_used
from hilum.settings import Settings
from hilum.settings.reading import POINTS_FOLDER
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
                anew = chosen is not None and chosen != in_the_file(self._folder)
                if anew:
                    keep_file_in_use(self._folder, connection)
            if chosen is not None and anew:
                write_page_values(self._folder, chosen)
                log.info("settings.changed", sections=",".join(sorted(chosen)))
        except (DatabaseUnavailable, SettingInvalid, ValueError) as exc:
            log.warning("settings.wait", why=str(exc))


def points_file(name: str) -> str:
    """Return the path, in the data folder, of operating points that were put to use."""
    return f"{POINTS_FOLDER}/{name}.json"


def keep_file(data_folder: Path, name: str, document: str) -> None:
    """Write a file of operating points into the data folder, where it is not there already.

    Raises
    ------
    SettingInvalid
        It cannot be written.
    """
    path = data_folder / points_file(name)
    make_folder(path.parent)
    if not path.exists() or path.read_text("utf-8") != document:
        write_file(path, document)


def keep_file_in_use(data_folder: Path, connection: Connection) -> None:
    """Bring the file in use to this data folder, before the setting names it.

    Raises
    ------
    SettingInvalid
        It cannot be written.
    """
    for each in points_used.history(connection)[:1]:
        if each.document:
            keep_file(data_folder, each.name, each.document)
