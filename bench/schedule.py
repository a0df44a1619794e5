"""What is asked on a schedule, however many images were read before: 2,000 or 200,000.

The larger number is a year of 550 images a day. Each node and worker asks the first every 30 s
and the second every ten minutes; the operations page and a scrape ask the others when they look.
"""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.row import Row, median_ms
from hilum.jobs.prune import prune_records
from hilum.jobs.queue import Queue
from hilum.jobs.reconcile import reconcile
from hilum.records import Connection, Database, images, throughput
from hilum.records.counts import observe, troubles
from hilum.records.database import sqlite_url
from hilum.records.states import State, Urgency
from hilum.records.tables import IMAGE

FEW: Final = 2_000
MANY: Final = 200_000
BATCH: Final = 5_000
APART: Final = timedelta(days=1) / 550
REFUSED_EVERY: Final = 10
ARCHIVE: Final = "own"


def rows() -> Iterator[Row]:
    """Fill two databases and ask each the same."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="hilum-schedule-") as folder:
        took = [_took_ms(Path(folder), count, now) for count in (FEW, MANY)]
    for what, few in took[0].items():
        yield Row(f"{what}, {MANY:,} images", took[1][what], "ms", few, f"{FEW:,} images")


def _took_ms(folder: Path, count: int, now: datetime) -> dict[str, float]:
    database = Database(sqlite_url(folder / f"{count}.sqlite"))
    queue = Queue(database)
    _fill(database, count, now)
    asked: dict[str, Callable[[], object]] = {
        "whether work was lost": lambda: reconcile(database, queue),
        "what to forget": lambda: prune_records(database, now - 2 * count * APART),
    }
    day, week = now - timedelta(days=1), now - timedelta(days=7)
    looks: dict[str, Callable[[Connection], object]] = {
        "a scrape": lambda c: observe(c, ARCHIVE, now),
        "what the doctor asks": lambda c: troubles(c, ARCHIVE, now),
        "images by state": lambda c: images.counts(c, ARCHIVE),
        "images by hour": lambda c: throughput.per_hour(c, ARCHIVE, hours=24, now=now),
        "reasons of a week's refusals": lambda c: throughput.refusals(c, ARCHIVE, since=week),
        "a day's seconds to the result": lambda c: throughput.seconds_to_result(
            c, ARCHIVE, since=day
        ),
        "the last failures": lambda c: images.entries(c, ARCHIVE, {State.FAILED}, limit=10),
    }
    took = {what: median_ms(question) for what, question in asked.items()}
    with database.look() as connection:
        for what, look in looks.items():
            took[what] = median_ms(partial(look, connection))
    return took


def _fill(database: Database, count: int, now: datetime) -> None:
    """Write images down that were read or refused, the last one a moment ago."""
    for start in range(0, count, BATCH):
        lines = [
            _line(n, now - (count - n) * APART) for n in range(start, min(start + BATCH, count))
        ]
        with database.transaction() as connection:
            connection.execute(IMAGE.insert(), lines)


def _line(number: int, at: datetime) -> dict[str, Any]:
    refused = number % REFUSED_EVERY == 0
    reason = ["not_frontal", "The header says that this is a lateral view.", "ViewPosition"]
    return {
        "archive": ARCHIVE,
        "sop_instance_uid": f"2.25.{10**37 + number}",
        "reference": f"{number:040x}",
        "study_instance_uid": f"2.25.{10**36 + number}",
        "series_instance_uid": f"2.25.{10**35 + number}",
        "file_digest": f"{number:032x}",
        "urgency": Urgency.ROUTINE,
        "state": State.REFUSED if refused else State.STORED,
        "reasons": [reason] if refused else [],
        "results": [] if refused else [f"2.25.{10**38 + 3 * number + n}" for n in range(3)],
        "result_references": [] if refused else [f"{3 * number + n:040x}" for n in range(3)],
        "run": 1,
        "attempts": 1,
        "lost": 0,
        "arrived": at,
        "started": at,
        "settled": at + timedelta(seconds=1),
        "model": "densenet121-res224-all 1",
        "seconds": {"open": 0.01, "prepare": 0.02, "predict": 0.05, "report": 0.04},
    }
