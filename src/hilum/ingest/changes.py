"""Follow Orthanc's changes feed: what is new since a stored position.

Sources
-------
Orthanc Book, "Tracking changes": each change has a number that only grows while the
database lives. Deleting a resource deletes its changes.
"""

from dataclasses import dataclass
from typing import Final

from hilum.pacs.orthanc.client import Change, Orthanc

NEW_INSTANCE: Final = "NewInstance"
"""``ChangeType`` of an image, report or other object that arrived."""

PAGE: Final = 100
"""Changes asked for at once."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the feed was followed."""

    sequence: int = 0
    """Number of the last change that was dealt with; 0 before the first."""
    anchor: str = ""
    """What that change was about and when: it tells a database from its successor, even when the
    same image comes first in both."""


START: Final = Position()
"""Before the first change."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One new instance."""

    instance_id: str
    """Orthanc's identifier."""
    position: Position
    """Where the feed stands once it is dealt with."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the feed said."""

    arrivals: tuple[Arrival, ...]
    """New instances, oldest first."""
    position: Position
    """Where the feed stands once all of them are dealt with."""
    restarted: bool
    """True when the archive's database is another one than before, so that everything in it counts
    as new."""
    more: bool
    """Whether there was more when Orthanc answered."""


def follow(orthanc: Orthanc, position: Position, *, limit: int = PAGE) -> Page:
    """Return what arrived after `position`, or from the start in a new database.

    The last known change is asked for again, as an anchor: if another one now stands
    under its number, the database was replaced. If it is gone, because the resource was
    deleted, only a change that is no older and yet has a smaller number proves that.

    Raises
    ------
    PacsUnavailable
        No answer, or not now.
    PacsRefused
        The PACS answered no.
    """
    changes, _, done = orthanc.changes(max(0, position.sequence - 1), limit + 1)
    if _replaced(orthanc, position, changes):
        changes, _, done = orthanc.changes(0, limit)
        return _page(START, changes, restarted=True, more=not done)
    new = [change for change in changes if change.sequence > position.sequence]
    return _page(position, new, restarted=False, more=not done)


def newest_position(orthanc: Orthanc) -> Position:
    """Return the position after everything that happened so far.

    Raises
    ------
    PacsUnavailable
        No answer, or not now.
    PacsRefused
        The PACS answered no.
    """
    last = orthanc.last_change()
    changes, _, _ = orthanc.changes(max(0, last - 1), 1)
    if changes and changes[0].sequence >= last:
        return _position(changes[0])
    return Position(last)  # what the last change was about was deleted


def _replaced(orthanc: Orthanc, position: Position, changes: list[Change]) -> bool:
    if position.sequence == 0:
        return False
    anchor = next((change for change in changes if change.sequence == position.sequence), None)
    if anchor is not None:
        return _position(anchor) != position
    if changes:  # later ones: the anchor was deleted
        return False
    last = orthanc.last_change()
    if last >= position.sequence:
        return False
    # The number of the newest change goes back also when the newest study is deleted.
    newest, _, _ = orthanc.changes(max(0, last - 1), 1)
    date = position.anchor.partition(" ")[2]
    return any(change.date >= date for change in newest)


def _page(before: Position, changes: list[Change], *, restarted: bool, more: bool) -> Page:
    arrivals = tuple(
        Arrival(change.resource_id, _position(change))
        for change in changes
        if change.kind == NEW_INSTANCE
    )
    after = _position(changes[-1]) if changes else before
    return Page(arrivals, after, restarted=restarted, more=more)


def _position(change: Change) -> Position:
    return Position(change.sequence, f"{change.resource_id} {change.date}")
