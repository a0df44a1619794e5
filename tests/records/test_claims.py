"""Who reads which study: the first one holds it, until they leave or nothing is heard of them."""

from datetime import UTC, datetime

from hilum.records import Database, claims

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_claim_is_the_first_readers(database: Database):
    """Others are told who it is; the reader's own page renews it."""
    with database.transaction() as connection:
        assert "ana" == claims.take(connection, "own", "1.2", "ana", NOW)
        assert "ana" == claims.take(connection, "own", "1.2", "bo", NOW)
        assert "bo" == claims.take(connection, "other", "1.2", "bo", NOW)
        later = NOW + claims.LASTS * 0.9
        claims.take(connection, "own", "1.2", "ana", later)
        assert "ana" == claims.take(connection, "own", "1.2", "bo", NOW + claims.LASTS * 1.5)
        assert {"1.2": "ana"} == claims.held(connection, "own", ["1.2", "1.3"], later)


def test_claim_ends_by_itself(database: Database):
    """Whoever comes next holds it; nothing is left behind."""
    with database.transaction() as connection:
        claims.take(connection, "own", "1.2", "ana", NOW)
        claims.take(connection, "own", "1.3", "ana", NOW)
        later = NOW + claims.LASTS
        assert {} == claims.held(connection, "own", ["1.2"], later)
        assert "bo" == claims.take(connection, "own", "1.2", "bo", later)
        assert (1, later) == claims.last(connection, "own")


def test_claim_is_ended_by_its_reader_alone(database: Database):
    """A page that is closed ends no other reader's claim."""
    with database.transaction() as connection:
        claims.take(connection, "own", "1.2", "ana", NOW)
        claims.release(connection, "own", "1.2", "bo")
        assert (1, NOW) == claims.last(connection, "own")
        claims.release(connection, "own", "1.2", "ana")
        assert (0, None) == claims.last(connection, "own")
