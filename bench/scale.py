"""What the database is asked, however many studies it has: 10,000 or ``--studies`` (200,000).

Times are of the processor, of this process and of PostgreSQL's for it, so that what else the
machine does falls on neither. Each 100,000 studies take some 0.6 GB a database. The PACS is not
asked: what Orthanc needs for as many studies is not hilum's to change.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import numpy as np
from sqlalchemy import Connection, insert, literal, select

from bench.many_studies import TABLES, fill
from bench.row import Row, line, median_ms
from hilum.jobs.queue import Queue
from hilum.jobs.reconcile import lost_anatomies, lost_forwards, lost_jobs
from hilum.radiograph import FieldOfView, ImageUIDs
from hilum.records import Database, images, readings, retention, studies, throughput, worklist
from hilum.records.counts import observe, troubles
from hilum.records.database import sqlite_url
from hilum.records.states import State, Urgency
from hilum.records.stored_reading import CompressedReading, StoredReading, squeezed
from hilum.records.studies import StudyFacts
from hilum.records.tables import IMAGE, READING
from hilum.records.worklist import WorklistFilter
from postgresql_server import programs, running_postgresql

FEW: Final = 10_000
MANY: Final = 200_000
ARCHIVE: Final = "own"
MAPS: Final = np.random.default_rng(7).normal(size=(18, 7, 7)).astype(np.float16)

PER_PAGE: Final = 50

WHOLE: Final = {
    *("images by state", "what the doctor asks", "backup", "size"),
}
"""What counts or copies all that is there: it takes as long as that is long."""


def rows(many: int = MANY) -> Iterator[Row]:
    """Ask each database the same of few and of many studies."""
    with tempfile.TemporaryDirectory(prefix="hilum-scale-") as folder:
        took = [_on_sqlite(Path(folder, f"{count}.sqlite"), count) for count in (FEW, many)]
        yield from _compared("SQLite", many, *took)
    with running_postgresql() as server:
        took = [_on_postgresql(server.new_database(), count) for count in (FEW, many)]
        yield from _compared("PostgreSQL", many, *took)


def main(options: list[str]) -> int:
    """Ask with that many studies; the status says whether each took at most twice as long."""
    parser = argparse.ArgumentParser(prog="python -m bench scale", description=__doc__)
    parser.add_argument("--studies", type=int, default=MANY)
    kept = []
    for row in rows(parser.parse_args(options).studies):
        print(line(row), flush=True)
        kept.append(row.kept)
    return int(False in kept)


def _compared(
    kind: str, many: int, few_took: dict[str, float], took: dict[str, float]
) -> Iterator[Row]:
    for what, few in few_took.items():
        unit = "MB" if what == "size" else "ms"
        promise = None if what in WHOLE else 0.5
        named = f"{kind}: {what}, {many:,} studies"
        yield Row(named, took[what], unit, few, f"{FEW:,}", ratio_at_least=promise)


def _on_sqlite(file: Path, count: int) -> dict[str, float]:
    with closing(Database(sqlite_url(file))) as database:
        took = _asked(database, count)
    copy = file.with_suffix(".copy")
    command = ["sqlite3", str(file), f".backup {copy}"]
    took["backup"] = _took_ms(command)
    took["size"] = copy.stat().st_size / 1e6
    for each in file.parent.glob(f"{file.stem}.*"):
        each.unlink()
    return took


def _on_postgresql(url: str, count: int) -> dict[str, float]:
    with closing(Database(url)) as database:
        took = _asked(database, count)
        with database.look() as connection:
            size = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
            took["size"] = size.scalar_one() / 1e6
    address = url.replace("postgresql+psycopg://", "postgresql://")
    with tempfile.TemporaryDirectory(prefix="hilum-dump-") as folder:
        command = [programs() / "pg_dump", "--format=custom", f"--file={folder}/dump", address]
        took["backup"] = _took_ms(command)
    return took


def _took_ms(command: Sequence[str | Path]) -> float:
    began = perf_counter()
    subprocess.run(command, check=True)
    return (perf_counter() - began) * 1000


def _asked(database: Database, count: int) -> dict[str, float]:
    """Fill a database and return the milliseconds of each question."""
    _filled(database, count)
    Queue(database)  # makes its tables
    now = datetime.now(UTC)
    with database.look() as connection:
        took = {
            what: median_ms(partial(look, connection), repeats=9, clock=_clock(connection))
            for what, look in _looks(count, now).items()
        }
    for what, change in _changes(count, now).items():
        with database.engine.connect() as connection:
            took[what] = median_ms(
                partial(_undone, connection, change), repeats=9, clock=_clock(connection)
            )
    return took


def _clock(connection: Connection) -> Callable[[], float]:
    """Return a clock of the processor's time, in seconds: ours, and that of PostgreSQL for us."""
    if connection.dialect.name == "sqlite":
        return process_time
    connection.exec_driver_sql("SET max_parallel_workers_per_gather = 0")  # who counts theirs?
    server = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    ran = Path(f"/proc/{server}/schedstat")
    return lambda: process_time() + int(ran.read_text().split()[0]) / 1e9


def _filled(database: Database, count: int) -> None:
    """Write down studies, images and readings."""
    indexes = [index for table in TABLES for index in table.indexes]
    with database.transaction() as connection:
        for index in indexes:  # to sort once is faster than to keep in order
            index.drop(connection)
    fill(database, count)
    with database.transaction() as connection:
        for index in indexes:
            index.create(connection)
    with database.transaction() as connection:
        kept = {"run": 1, **_reading()._asdict()}
        values = [literal(value, READING.c[name].type) for name, value in kept.items()]
        read = select(*IMAGE.primary_key.columns, *values).where(IMAGE.c.state == State.STORED)
        names = [*(each.name for each in IMAGE.primary_key.columns), *kept]
        connection.execute(insert(READING).from_select(names, read))


def _reading() -> CompressedReading:
    """Return a reading of the usual size."""
    finding = {"label": "Lung Opacity", "score": 0.23456789, "positive": False}
    document = {
        "readings": [{"findings": [{**finding, "raw": float(MAPS[n, 0, 0])} for n in range(18)]}]
    }
    return squeezed(StoredReading(document, MAPS, FieldOfView(0, 0, 2000, 2000)))


def _looks(count: int, now: datetime) -> dict[str, Callable[[Connection], object]]:
    day, week = now - timedelta(days=1), now - timedelta(days=7)
    page = partial(worklist.page, archive=ARCHIVE, size=PER_PAGE)
    middle = f"1.2.826.0.1.{count // 2}"
    uids = ImageUIDs(middle, f"{middle}.0", f"{middle}.1")
    return {
        **{
            f"worklist: {what}": partial(page, wanted=wanted)
            for what, wanted in searches(count, now).items()
        },
        "whether work was lost": lambda c: (lost_jobs(c), lost_forwards(c), lost_anatomies(c)),
        "worklist: how many there are": lambda c: worklist.counts(c, ARCHIVE),
        "worklist: whether anything changed": lambda c: worklist.last_change(c, ARCHIVE),
        "worklist: findings to filter by": lambda c: worklist.labels(c, ARCHIVE),
        "a study and the patient's others": lambda c: _study(c, middle),
        "worklist: a later page": _later,
        "an image and its reading": lambda c: (
            images.entry(c, ARCHIVE, uids),
            readings.get(c, ARCHIVE, uids),
        ),
        "a scrape": lambda c: observe(c, ARCHIVE, now),
        "what the doctor asks": lambda c: troubles(c, ARCHIVE, now),
        "images by state": lambda c: images.counts(c, ARCHIVE),
        "images by hour": lambda c: throughput.per_hour(c, ARCHIVE, hours=24, now=now),
        "a week's refusals": lambda c: throughput.refusals(c, ARCHIVE, since=week),
        "a day's seconds": lambda c: throughput.seconds_to_result(c, ARCHIVE, since=day),
        "the last failures": lambda c: images.entries(c, ARCHIVE, {State.FAILED}, limit=10),
    }


def searches(count: int, now: datetime) -> Mapping[str, WorklistFilter]:
    """Return what readers look for: rare and frequent things, alone and together."""
    at = now - timedelta(minutes=5) * (count // 2)
    day, week = f"{at:%Y%m%d}", f"{at + timedelta(days=6):%Y%m%d}"
    return {
        "first page": WorklistFilter(),
        "by arrival": WorklistFilter(by_arrival=True),
        "a state": WorklistFilter(state=State.REFUSED),
        "a day": WorklistFilter(since=day, until=day),
        "a week": WorklistFilter(since=day, until=week),
        "an accession number": WorklistFilter(text=f"a{count // 2:08}"),
        "nobody": WorklistFilter(text="zzz"),
        "a family name that one in a hundred has": WorklistFilter(text="silva"),
        "two beginnings that many have": WorklistFilter(text="mar s"),
        "family and given name": WorklistFilter(text="silva maria"),
        "a finding that a third have": WorklistFilter(finding="Lung Opacity"),
        "a rare finding": WorklistFilter(finding="Hernia"),
        "name, finding and state": WorklistFilter(
            text="silva", finding="Effusion", state=State.STORED
        ),
    }


def _later(connection: Connection) -> object:
    """Ask for the fifth page."""
    after = None
    for _ in range(5):
        _, after = worklist.page(connection, ARCHIVE, WorklistFilter(), size=PER_PAGE, after=after)
    return after


def _study(connection: Connection, uid: str) -> object:
    """Ask for a study and what else there is of its patient."""
    row = worklist.row(connection, ARCHIVE, uid)
    assert row is not None
    return worklist.others_of_patient(connection, ARCHIVE, row, limit=10)


def _changes(count: int, now: datetime) -> dict[str, Callable[[Connection], object]]:
    old, never = now - timedelta(minutes=5) * (count - 400), now - timedelta(days=36_500)
    return {
        "an arrival": lambda c: _arrive(c, now),
        "whether anything is to be forgotten": lambda c: retention.forget(c, never, limit=500),
        "500 images forgotten": lambda c: retention.forget(c, old, limit=500),
    }


def _arrive(connection: Connection, now: datetime) -> None:
    """Take up an image of a new study."""
    uids = ImageUIDs("2.25.1", "2.25.2", "2.25.3")
    new = images.Arrived(ARCHIVE, uids, "r", "d", Urgency.ROUTINE, now)
    assert images.arrived(connection, new) is not None
    facts = StudyFacts(uids.study_instance_uid, "SILVA^ANA", "0000017", accession_number="A1")
    studies.arrived(connection, ARCHIVE, facts, urgency=Urgency.ROUTINE, now=now)


def _undone(connection: Connection, change: Callable[[Connection], object]) -> None:
    """Make a change that is rolled back."""
    change(connection)
    connection.rollback()
