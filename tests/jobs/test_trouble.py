"""A database that is full, or away for a while: work waits for it and goes on."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from hilum.errors import DatabaseUnavailable
from hilum.jobs.engine import Engine
from hilum.jobs.pause import Pause
from hilum.records import Database, images
from hilum.records.states import State
from job_tools import ARCHIVE, Steps, all_settled, arrive, engine_of, until

IMAGES = 30


class Disk:
    """What the files of SQLite lie on: how many pages they may have."""

    ROOM = 1_000_000

    def __init__(self) -> None:
        self.full = False

    def limit(self, connection: Any, *_: object) -> None:
        """Put the limit on a connection that is about to be used."""
        if isinstance(connection, sqlite3.Connection):
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages if self.full else self.ROOM}")


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Return the disk, for our connections and the library's."""
    disk = Disk()
    event.listen(Pool, "checkout", disk.limit)
    yield disk
    event.remove(Pool, "checkout", disk.limit)


def fill(database: Database, disk: Disk) -> None:
    """Let the disk be full, and use up what room is left inside the pages of the file."""
    with database.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE filler (what BLOB)")
    disk.full = True
    for size in (3000, 300, 30):
        with pytest.raises(DatabaseUnavailable):
            insert_until_full(database, size)


def insert_until_full(database: Database, size: int) -> None:
    """Insert rows, each in a transaction of its own."""
    while True:
        with database.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(?))", (size,))


def stored(database: Database) -> int:
    """Return how many images were read."""
    with database.look() as connection:
        return images.counts(connection, ARCHIVE).get(State.STORED, 0)


def test_full_disk_is_waited_out(sqlite, disk):
    """Nothing fails while it is full, the engine says so and lives; with room it goes on."""
    pause = Pause()

    def take_a_moment(_job, _memo):
        pause(0.1)
        return {}

    steps = Steps(sqlite, take_a_moment)
    with engine_of(sqlite, steps.named(), pause=pause) as engine:
        for number in range(IMAGES):
            arrive(sqlite, engine.queue, f"1.{number}")
        engine.launch()
        until(lambda: stored(sqlite) > 2, engine)
        fill(sqlite, disk)
        for _ in range(20):
            engine.tend()
            pause(0.05)
        before = stored(sqlite)
        disk.full = False
        until(lambda: all_settled(sqlite), engine)

    assert before < IMAGES
    assert stored(sqlite) == IMAGES


def test_cut_connections_are_made_again(postgresql, postgresql_server):
    """The server ends all connections several times; every image is read all the same."""
    with Database(postgresql) as database, engine_of(database, Steps(database).named()) as engine:
        for number in range(IMAGES):
            arrive(database, engine.queue, f"1.{number}")
        engine.launch()
        for cut in range(5):
            until(lambda wanted=3 * cut: try_stored(database) >= wanted)
            assert postgresql_server.cut_connections() > 0
            tend(engine)
        until(lambda: try_stored(database) == IMAGES, engine)


def test_server_that_stops_and_comes_back(postgresql, postgresql_server):
    """While no connection is let in, the engine tends to what it can and ends nothing."""
    with Database(postgresql) as database, engine_of(database, Steps(database).named()) as engine:
        for number in range(IMAGES):
            arrive(database, engine.queue, f"1.{number}")
        engine.launch()
        until(lambda: try_stored(database) > 2)
        postgresql_server.let_in(postgresql, yes=False)
        postgresql_server.cut_connections()
        with pytest.raises(DatabaseUnavailable), database.transaction():
            pass
        for _ in range(5):
            engine.tend()
        postgresql_server.let_in(postgresql, yes=True)
        until(lambda: try_stored(database) == IMAGES, engine)


def test_launch_while_the_server_is_away_can_be_tried_again(postgresql, postgresql_server):
    """A connection that is open still serves us, but the engine gets none of its own."""
    with Database(postgresql) as database, engine_of(database, Steps(database).named()) as engine:
        arrive(database, engine.queue, "1.1")
        postgresql_server.let_in(postgresql, yes=False)
        with pytest.raises(DatabaseUnavailable):
            engine.launch()
        assert not engine.launched
        postgresql_server.let_in(postgresql, yes=True)
        engine.launch()
        until(lambda: try_stored(database) == 1, engine)


def tend(engine: Engine) -> None:
    """Let the engine do what is due; it swallows a connection that was cut."""
    for _ in range(3):
        engine.tend()


def try_stored(database: Database) -> int:
    """Return how many images were read; none when the connection was just cut."""
    try:
        return stored(database)
    except DatabaseUnavailable:
        return -1
