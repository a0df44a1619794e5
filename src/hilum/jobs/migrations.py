"""The ledger's tables, one function a step; what ran is written beside the data."""

import sqlite3
from collections.abc import Callable
from typing import Final


def m001_feed_and_instances(db: sqlite3.Connection) -> None:
    """Where each PACS's feed stands, and what became of each instance."""
    db.execute(
        """
        CREATE TABLE feed (
            pacs        TEXT PRIMARY KEY,
            sequence    INTEGER NOT NULL,
            anchor   TEXT NOT NULL
        )
        """
    )
    db.execute(
        """
        CREATE TABLE instance (
            pacs             TEXT NOT NULL,
            instance_id      TEXT NOT NULL,
            sop_instance_uid TEXT,
            state            TEXT NOT NULL,
            reasons          TEXT NOT NULL DEFAULT '[]',
            results          TEXT NOT NULL DEFAULT '[]',
            sequence         INTEGER NOT NULL DEFAULT 0,
            attempts         INTEGER NOT NULL DEFAULT 0,
            first_seen       TEXT NOT NULL,
            settled          TEXT,
            PRIMARY KEY (pacs, instance_id)
        )
        """
    )
    db.execute("CREATE INDEX instance_by_state ON instance (pacs, state, settled)")
    db.execute("CREATE INDEX instance_by_uid ON instance (sop_instance_uid)")


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (m001_feed_and_instances,)
"""In the order in which they run; a released one is never changed."""


def migrate(db: sqlite3.Connection) -> None:
    """Bring the ledger up to date, each step in a transaction of its own."""
    db.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, ran TEXT NOT NULL)")
    for step in MIGRATIONS:
        db.execute("BEGIN IMMEDIATE")
        with db:
            ran = db.execute("SELECT 1 FROM migration WHERE name = ?", (step.__name__,)).fetchone()
            if ran is None:
                step(db)
                db.execute("INSERT INTO migration VALUES (?, datetime('now'))", (step.__name__,))
