"""A position that never runs ahead of what was written down."""

import pytest

from hilum.errors import FeedMoved
from hilum.records import Database, feed


def test_new_feed_was_never_followed(database):
    """Where to begin is the caller's choice."""
    with database.look() as connection:
        assert feed.position(connection, "own") is None


def test_position_moves_from_where_it_is(database):
    """Also backwards, when the archive counts anew; each archive has its own."""
    with database.transaction() as connection:
        feed.advance(connection, "own", None, "7 abc")
        feed.advance(connection, "own", "7 abc", "2 x")
        assert "2 x" == feed.position(connection, "own")
        assert feed.position(connection, "other") is None


@pytest.mark.parametrize("before", [None, "6 abc", "7 other"])
def test_second_follower_loses_and_leaves_nothing(database, before):
    """Whoever thinks the feed stands elsewhere takes everything back."""
    with database.transaction() as connection:
        feed.advance(connection, "own", None, "7 abc")
    with pytest.raises(FeedMoved) as caught:
        follow(database, before)

    assert caught.value.retryable
    with database.look() as connection:
        assert "7 abc" == feed.position(connection, "own")
        assert feed.position(connection, "another") is None


def follow(database: Database, before: str | None) -> None:
    """Advance two feeds in one transaction, the second one from `before`."""
    with database.transaction() as connection:
        feed.advance(connection, "another", None, "1 ")
        feed.advance(connection, "own", before, "9 y")
