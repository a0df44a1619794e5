"""How far each archive's changes feed was followed.

The position moves on only in the transaction that writes down what it passed, so nothing
is skipped; it moves on only from where the follower thinks it is, so of two followers one
loses and takes everything back.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from hilum.errors import FeedMoved
from hilum.records.tables import FEED
from hilum.records.upsert import unless_there

POSITION: Final = select(FEED.c.sequence, FEED.c.anchor).where(
    FEED.c.archive == bindparam("of_archive")
)
ADVANCE: Final = update(FEED).where(
    FEED.c.archive == bindparam("of_archive"),
    FEED.c.sequence == bindparam("before_sequence"),
    FEED.c.anchor == bindparam("before_anchor"),
)
"""Asked for each image, hence put together once."""


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """A position in a feed."""

    sequence: int = 0
    """Number of the last change that was dealt with."""
    anchor: str = ""
    """What that change was about: tells whether the archive still has the same history."""


def position(connection: Connection, archive: str) -> FeedPosition | None:
    """Return how far `archive` was followed, None when it never was."""
    row = connection.execute(POSITION, {"of_archive": archive}).one_or_none()
    return None if row is None else FeedPosition(row.sequence, row.anchor)


def advance(
    connection: Connection, archive: str, before: FeedPosition | None, after: FeedPosition
) -> None:
    """Write down that everything up to `after` is dealt with.

    Parameters
    ----------
    connection
        In the transaction that also writes down what was passed.
    archive
        Whose feed.
    before
        What `position` said; None when the archive was never followed.
    after
        The new position; may be a lower one when the archive counts anew.

    Raises
    ------
    FeedMoved
        The position is another one: somebody else follows this feed too.
    """
    reached = {"sequence": after.sequence, "anchor": after.anchor}
    if before is None:
        first = {"archive": archive, **reached}
        changed = connection.execute(unless_there(connection, FEED), first)
    else:
        at = {"before_sequence": before.sequence, "before_anchor": before.anchor}
        changed = connection.execute(ADVANCE, {"of_archive": archive, **at, **reached})
    if changed.rowcount != 1:
        raise FeedMoved(
            f"Another process follows the changes of the archive {archive} too.",
            "Let one hilum up follow an archive; further hosts run hilum worker.",
        )


def archives(connection: Connection) -> set[str]:
    """Return the names of all archives that were ever followed."""
    return set(connection.scalars(select(FEED.c.archive)))
