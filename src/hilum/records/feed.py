"""How far each archive's changes feed was followed.

The position moves on only in the transaction that writes down what it passed, so nothing
is skipped; it moves on only from where the follower thinks it is, so of two followers one
loses and takes everything back.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from hilum.errors import FeedMoved
from hilum.records.tables import FEED
from hilum.records.upsert import into


@dataclass(frozen=True, slots=True)
class Mark:
    """A position in a feed.

    Attributes
    ----------
    sequence
        Number of the last change that was dealt with.
    anchor
        What that change was about: tells whether the archive still has the same history.
    """

    sequence: int = 0
    anchor: str = ""


def position(connection: Connection, archive: str) -> Mark | None:
    """Return how far `archive` was followed, None when it never was."""
    row = connection.execute(
        select(FEED.c.sequence, FEED.c.anchor).where(FEED.c.archive == archive)
    ).one_or_none()
    return None if row is None else Mark(row.sequence, row.anchor)


def advance(connection: Connection, archive: str, before: Mark | None, after: Mark) -> None:
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
    if before is None:
        insert = into(connection, FEED)
        changed = connection.execute(
            insert.values(
                archive=archive, sequence=after.sequence, anchor=after.anchor
            ).on_conflict_do_nothing()
        ).rowcount
    else:
        changed = connection.execute(
            update(FEED)
            .where(
                FEED.c.archive == archive,
                FEED.c.sequence == before.sequence,
                FEED.c.anchor == before.anchor,
            )
            .values(sequence=after.sequence, anchor=after.anchor)
        ).rowcount
    if changed != 1:
        raise FeedMoved(
            f"Another process follows the changes of the archive {archive} too.",
            "Let one hilum up follow an archive; further readers are hilum worker.",
        )


def archives(connection: Connection) -> set[str]:
    """Return the names of all archives that were ever followed."""
    return set(connection.scalars(select(FEED.c.archive)))
