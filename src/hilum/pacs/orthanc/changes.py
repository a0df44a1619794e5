"""Orthanc's changes feed: what is new since a position.

A position is the number of the last change that was dealt with, and an anchor: what that change
was about and when. The anchor tells a database from its successor, even when the same image
comes first in both.

Sources
-------
Orthanc Book, "Tracking changes": each change has a number that only grows while the
database lives. Deleting a resource deletes its changes.
"""

from typing import Any, Final, NamedTuple

from hilum.pacs.archive import Arrivals
from hilum.pacs.orthanc.client import Orthanc

NEW_INSTANCE: Final = "NewInstance"
"""``ChangeType`` of an image, report or other object that arrived."""


class Change(NamedTuple):
    """One line of the feed."""

    sequence: int
    """Its number."""
    kind: str
    """``ChangeType``."""
    resource: str
    """Orthanc's identifier of the instance, series, study or patient."""
    date: str
    """When it happened, to the second, by Orthanc's clock."""

    @property
    def position(self) -> str:
        """Where the feed stands once it is dealt with."""
        return f"{self.sequence} {self.resource} {self.date}"


def sequence_of(position: str) -> int:
    """Return the number of the last change that was dealt with, 0 before the first."""
    return int(position.partition(" ")[0] or 0)


def follow(orthanc: Orthanc, position: str, limit: int) -> Arrivals:
    """Return what arrived after `position`, or from the start in a new database.

    The last known change is asked for again, as an anchor: if another one now stands
    under its number, the database was replaced. If it is gone, because the resource was
    deleted, only a change that is no older and yet has a smaller number proves that.
    """
    sequence = sequence_of(position)
    changes, done = _changes(orthanc, sequence - 1, limit + 1)
    restarted = _replaced(orthanc, position, changes)
    if restarted:
        position, sequence = "", 0
        changes, done = _changes(orthanc, 0, limit)
    new = [change for change in changes if change.sequence > sequence]
    arrived = tuple(change.resource for change in new if change.kind == NEW_INSTANCE)
    return Arrivals(arrived, new[-1].position if new else position, restarted, more=not done)


def newest(orthanc: Orthanc) -> str:
    """Return the position after everything that happened so far."""
    number = last(orthanc)
    changes, _ = _changes(orthanc, number - 1, 1)
    if changes and changes[0].sequence >= number:
        return changes[0].position
    return f"{number} "  # what the last change was about was deleted


def last(orthanc: Orthanc) -> int:
    """Return the number of the newest change; it goes back only in another database."""
    return int(orthanc.json("GET", "/changes?last")["Last"])


def _replaced(orthanc: Orthanc, position: str, changes: list[Change]) -> bool:
    sequence = sequence_of(position)
    if sequence == 0:
        return False
    anchor = next((change for change in changes if change.sequence == sequence), None)
    if anchor is not None:
        return anchor.position != position
    if changes:  # later ones: the anchor was deleted
        return False
    number = last(orthanc)
    if number >= sequence:
        return False
    # The number of the newest change goes back also when the newest study is deleted.
    left, _ = _changes(orthanc, number - 1, 1)
    date = position.partition(" ")[2].partition(" ")[2]
    return any(change.date >= date for change in left)


def _changes(orthanc: Orthanc, since: int, limit: int) -> tuple[list[Change], bool]:
    """Return changes after a number, oldest first, and whether there were no more."""
    params = {"since": max(0, since), "limit": limit}
    answer: dict[str, Any] = orthanc.json("GET", "/changes", params=params)
    names = ("ChangeType", "ID", "Date")
    changes = [Change(int(c["Seq"]), *(str(c[name]) for name in names)) for c in answer["Changes"]]
    return changes, bool(answer["Done"])
