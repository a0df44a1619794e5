"""What the job engine itself costs: an image's steps, empty, on both databases.

The first and the last step write the image's line as the node does; what is left is the
price of a job that survives a kill. PostgreSQL's own processor time is not in the figure.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.row import Row
from hilum.jobs.engine import Engine, Retention, Slots
from hilum.jobs.pause import Pause
from hilum.jobs.workflow import Step, StepState
from hilum.node.steps import REPEATED
from hilum.radiograph import ImageUIDs
from hilum.records import Database, images
from hilum.records.database import sqlite_url
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency

TESTS: Final = Path(__file__).resolve().parents[1] / "tests"
"""Where the throw-away PostgreSQL is."""

JOBS: Final = 400
IDLE_S: Final = 10.0
NOW: Final = datetime(2026, 1, 2, tzinfo=UTC)


def steps(database: Database) -> dict[str, Step]:
    """Return the node's steps without its work."""

    def read(job: Job, _done: StepState) -> StepState:
        with database.transaction() as connection:
            images.begin(connection, job, NOW)
        return {"when": NOW.isoformat()}

    def nothing(_job: Job, _done: StepState) -> StepState:
        return {}

    def settle(job: Job, _done: StepState) -> StepState:
        with database.transaction() as connection:
            images.settle(connection, job, Settlement(State.STORED), NOW)
        return {}

    return {"read": read, "store": nothing, "verify": nothing, "settle": settle}


def arrive(engine: Engine, database: Database, number: int) -> None:
    """Write an image down and enqueue its job, in one transaction."""
    with database.transaction() as connection:
        uids = ImageUIDs("1", "1.0", f"1.{number}")
        new = Arrived("own", uids, f"id{number}", None, Urgency.ROUTINE, NOW)
        job = images.arrived(connection, new)
        assert job is not None
        engine.queue.enqueue(connection, job, Urgency.ROUTINE, NOW)


def measured(name: str, database: Database) -> Iterator[Row]:
    """Measure one database."""
    # slots enough that the processor is the limit and not the polling; poll as the node does
    with Engine(
        database,
        steps(database),
        forward=None,
        slots=Slots(50),
        role="node",
        pause=Pause(),
        pace=Retention(),
        repeated=REPEATED,
    ) as engine:
        start, cpu = time.perf_counter(), time.process_time()
        for number in range(JOBS):
            arrive(engine, database, number)
        yield Row(f"{name}: an image written down and enqueued (CPU)", per(cpu, JOBS), "ms")
        start, cpu = time.perf_counter(), time.process_time()
        engine.launch()
        while not done(database):
            time.sleep(0.1)
        seconds = time.perf_counter() - start
        yield Row(f"{name}: a job of empty steps (CPU)", per(cpu, JOBS), "ms", limit=40)
        yield Row(f"{name}: such jobs, all at once", JOBS / seconds, "jobs/s")
        cpu, until = time.process_time(), time.perf_counter() + IDLE_S
        while time.perf_counter() < until:
            engine.tend()
            time.sleep(1)
        idle = (time.process_time() - cpu) / IDLE_S
        yield Row(f"{name}: idle, part of one core", 100 * idle, "%", limit=15)


def per(cpu: float, count: int) -> float:
    """Return the milliseconds of the processor since `cpu` for each of `count`."""
    return (time.process_time() - cpu) * 1000 / count


def done(database: Database) -> bool:
    """Return whether every image is stored."""
    with database.look() as connection:
        return images.counts(connection, "own").get(State.STORED, 0) == JOBS


def rows() -> Iterator[Row]:
    """Measure SQLite, then PostgreSQL."""
    sys.path.insert(0, str(TESTS))
    from postgresql_server import running_postgresql  # noqa: PLC0415  only after the line above

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = sqlite_url(Path(folder) / "hilum.sqlite")
        yield from measured("SQLite", stack.enter_context(Database(url)))
        server = stack.enter_context(running_postgresql())
        database = stack.enter_context(Database(server.new_database()))
        yield from measured("PostgreSQL", database)
