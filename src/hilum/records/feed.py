"""The position in each archive's changes feed.

The position moves on only in the transaction that writes down what it passed, so nothing
is skipped; it moves on only from where the follower thinks it is, so of two followers one
loses and takes everything back.
"""

from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from hilum.errors import FeedMoved
from hilum.records.tables import FEED
from hilum.records.upsert import unless_there

POSITION: Final = select(FEED.c.position).where(FEED.c.archive == bindparam("of_archive"))
ADVANCE: Final = update(FEED).where(
    FEED.c.archive == bindparam("of_archive"), FEED.c.position == bindparam("before")
)
"""Asked for each image, hence put together once."""


def position(connection: Connection, archive: str) -> str | None:
    """Return how far `archive` was followed, None when it never was."""
    return connection.scalar(POSITION, {"of_archive": archive})


def advance(connection: Connection, archive: str, before: str | None, after: str) -> None:
    """Write down that everything up to `after` is dealt with.

    Parameters
    ----------
    connection
        In the transaction that also writes down what was passed.
    before
        What `position` said; None when the archive was never followed.
    after
        The new position, as the archive gave it.

    Raises
    ------
    FeedMoved
        The position is another one: somebody else follows this feed too.
    """
    if before is None:
        first = {"archive": archive, "position": after}
        changed = connection.execute(unless_there(connection, FEED), first)
    else:
        moved = {"of_archive": archive, "before": before, "position": after}
        changed = connection.execute(ADVANCE, moved)
    if changed.rowcount != 1:
        raise FeedMoved(
            "Another process also follows the changes of the PACS {archive}.",
            "Run one hilum up per PACS; on further hosts run hilum worker.",
            archive=archive,
        )


def archives(connection: Connection) -> set[str]:
    """Return the names of all archives that were ever followed."""
    return set(connection.scalars(select(FEED.c.archive)))
