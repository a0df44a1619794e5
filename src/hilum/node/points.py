"""Puts operating points to use on a whole node, and goes back.

What is in use is a setting of the page, so every worker takes it up with its next image; the file
is kept in the database, from which workers with another data folder have it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from hilum.errors import ModelError, SettingInvalid
from hilum.node.shared_settings import keep_file, points_file
from hilum.predict import find_card
from hilum.predict.card import ModelCard
from hilum.predict.installed import open_installation
from hilum.predict.operating_points import FILE_SUFFIX as HAND_WRITTEN
from hilum.predict.operating_points import points_path, site_points
from hilum.predict.points_file import (
    FILE_SUFFIX,
    SitePoints,
    parse_points,
    read_points,
    require_fit,
)
from hilum.records import Database, audit, page_values, points_used
from hilum.records.audit import AuditEntry
from hilum.records.points_used import UsedPoints
from hilum.settings import Settings, SettingSource, default_settings_file, source_of
from hilum.settings import page_values as in_the_file
from hilum.settings.sources import write_page_values

SECTION: Final = "model"
FIELD: Final = "operating_points"


class NamedPoints(NamedTuple):
    """Operating points in a file."""

    name: str
    """What results call them."""
    document: str
    """The whole file; empty of one that somebody wrote by hand, which says thresholds alone."""


@dataclass(frozen=True, slots=True)
class PointsDesk:
    """What puts operating points to use."""

    settings: Settings
    database: Database

    @property
    def card(self) -> ModelCard:
        """The card of the model in use."""
        return find_card(self.settings.model.name, self.settings.data_folder)

    @property
    def current(self) -> str:
        """What readings from now on call the operating points, as far as the setting tells."""
        named = self.named_file
        return self.settings.current().model.points_name if named is None else named.name

    @property
    def named_file(self) -> NamedPoints | None:
        """The file that the setting names; None where it names a set, or what cannot be read."""
        chosen = Path(self.settings.current().model.operating_points)
        path = points_path(chosen, self.settings.data_folder)
        try:
            if path.suffix == HAND_WRITTEN:
                return NamedPoints(site_points(self.card, path).name, "")
            if path.suffix == FILE_SUFFIX:
                points = read_points(path)
                return NamedPoints(points.name, points.text())
        except ModelError:
            return None
        return None

    def use(self, chosen: str, actor: str) -> str:
        """Put a set of the card, a file, or points that were in use before to use; return the name.

        Raises
        ------
        ModelError
            There is no such set, the file cannot be used, or it is for another model.
        SettingInvalid
            The setting is made elsewhere, or nothing can be written.
        """
        require_ours(self.settings)
        name, document = self._found(chosen)
        value = points_file(name) if document else name
        folder, now = self.settings.data_folder, datetime.now(UTC)
        if document:
            keep_file(folder, name, document)
        kept = in_the_file(folder)
        kept[SECTION] = {**kept.get(SECTION, {}), FIELD: value}
        was = self.current
        with self.database.transaction() as connection:
            if not points_used.history(connection):  # so that there is something to go back to
                points_used.add(connection, UsedPoints(now, actor, was, ""))
            points_used.add(connection, UsedPoints(now, actor, name, document))
            page_values.choose(connection, kept)
            details = {"points": name, "was": was}
            audit.write(connection, AuditEntry(now, actor, "points.used", detail=details))
        write_page_values(folder, kept)
        return name

    def back(self, actor: str) -> str:
        """Put those to use that were before the present ones; return their name.

        Raises
        ------
        SettingInvalid
            There were none.
        """
        with self.database.look() as connection:
            before = points_used.previous(points_used.history(connection), self.current)
        if before is None:
            raise SettingInvalid(
                "No other operating points were in use before.", "See hilum points list."
            )
        return self.use(before.name, actor)

    def _found(self, chosen: str) -> tuple[str, str]:
        """Return name and document of what is named; no document of a set of the card.

        Raises
        ------
        ModelError
            It cannot be used here.
        """
        if chosen in self.card.operating_points:
            return chosen, ""
        with self.database.look() as connection:
            known = points_used.called(connection, chosen)
        if known is not None and known.document:
            points = parse_points(known.document.encode(), known.name)
        else:
            points = read_points(Path(chosen))
        installed = open_installation(self.card, self.settings.data_folder)
        sha256 = installed.record.source_sha256
        require_fit(points, self.card, sha256, self.settings.pixels)
        return points.name, points.text()


def points_of(used: UsedPoints) -> SitePoints | None:
    """Return what a file says that was in use; None of a set of the card."""
    return parse_points(used.document.encode(), used.name) if used.document else None


def require_ours(settings: Settings) -> None:
    """Refuse where the settings file or the environment sets the operating points.

    Raises
    ------
    SettingInvalid
        One does, and would win.
    """
    file = default_settings_file()
    source = source_of(SECTION, FIELD, file=file, data_folder=settings.data_folder)
    if source in {SettingSource.FILE, SettingSource.ENVIRONMENT}:
        raise SettingInvalid(
            "model.operating_points is set in {file} or in its HILUM_ variable, which is stronger.",
            "Change it there, or remove it there to use hilum points.",
            file=file,
        )
