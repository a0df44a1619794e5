"""Workers on one PostgreSQL: what more of them give, and what the queue costs it.

Each worker has one inference process with one thread, as on a core of its own; they read what a
backfill queued. `pg_stat_statements` counts what PostgreSQL is asked.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import psycopg

from bench.load_images import SHARED_MEMORY, Images, chest
from bench.load_node import DENSENET, LONG_S, environment, install, wait_until
from bench.load_processes import Cost, cost, costs, family
from bench.load_senders import crowd
from bench.row import Row
from faults.servers import KillableOrthanc, KillablePostgresql, children
from faults.world import Program

WORKERS: Final = (1, 2, 4)
IMAGES: Final = 120
IDLE_S: Final = 10.0
EARLY: Final = 0.1
"""Share of the images that are read before the clock starts, while the backfill queues."""


@dataclass(frozen=True, slots=True)
class Site:
    """A PACS, a PostgreSQL, and a folder for the workers.

    Attributes
    ----------
    folder
        With the data folder of whoever backfills, and a model to copy.
    orthanc, postgresql
        Running.
    """

    folder: Path
    orthanc: KillableOrthanc
    postgresql: KillablePostgresql

    def program(self, name: str, *arguments: str) -> Program:
        """Return a command of hilum with a data folder of its own."""
        data = self.folder / name
        if not data.exists():
            data.mkdir(mode=0o700)
            shutil.copytree(self.folder / "model" / "models", data / "models")
        server = self.orthanc.server
        variables = environment(
            data,
            DENSENET,
            HILUM_PACS__URL=server.url,
            HILUM_PACS__USERNAME=server.username,
            HILUM_PACS__PASSWORD=server.password,
            HILUM_NODE__DATABASE=self.postgresql.url,
            HILUM_NODE__INFERENCE_WORKERS="1",
            HILUM_MODEL__THREADS="1",
        )
        return Program(name, arguments, variables, self.folder / f"{name}.log")

    def backfill(self) -> None:
        """Queue what is in the PACS."""
        command = self.program("backfill", "backfill")
        subprocess.run(
            [sys.executable, "-m", "hilum", *command.arguments],
            env=command.environment,
            capture_output=True,
            check=True,
            timeout=LONG_S,
        )

    def ask(self, question: str) -> float:
        """Return the one number that PostgreSQL answers."""
        with psycopg.connect(self.postgresql.url, autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return float(row[0])

    def statements(self) -> float:
        """Return how many statements PostgreSQL was asked so far."""
        return self.ask("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements")

    def postgresql_cost(self) -> Cost:
        """Return what PostgreSQL cost so far, with the connections that ended."""
        assert self.postgresql.process is not None
        pid = self.postgresql.process.pid
        main = cost([pid], with_ended=True)
        rest = cost(children(pid))
        return Cost(main.cpu_s + rest.cpu_s, main.memory_mib + rest.memory_mib)


@contextmanager
def running_site() -> Iterator[Site]:
    """Start a PACS and a PostgreSQL that counts its statements."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hilum-load-")))
        (folder / "model").mkdir()
        install(DENSENET, folder / "model")
        orthanc = stack.enter_context(KillableOrthanc(folder / "orthanc", StableAge=60))
        postgresql = stack.enter_context(KillablePostgresql())
        with psycopg.connect(postgresql.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET shared_preload_libraries = pg_stat_statements")
        postgresql.kill()
        postgresql.start()
        with psycopg.connect(postgresql.url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        yield Site(folder, orthanc, postgresql)


def worker_rows() -> Iterator[Row]:
    """Measure one worker, then more."""
    images = chest()
    with running_site() as site:
        alone: float | None = None
        for count in WORKERS:
            with running_workers(site, count) as workers:
                for row in _rows(site, workers, images, alone):
                    alone = row.value if alone is None else alone
                    yield row


@contextmanager
def running_workers(site: Site, count: int) -> Iterator[list[Program]]:
    """Start so many `hilum worker`; stop them at the end."""
    with ExitStack() as stack:
        workers = [site.program(f"worker-{number}", "worker") for number in range(count)]
        for worker in workers:
            worker.start()
            stack.callback(worker.end)
        for worker in workers:
            worker.wait_until_ready()
        yield workers


def _rows(site: Site, workers: list[Program], images: Images, alone: float | None) -> Iterator[Row]:
    """Measure these workers; the first row is the time for an image."""
    site.orthanc.server.clear()
    already = int(site.ask("SELECT count(*) FROM image")) if alone is not None else 0
    with (
        tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as folder,
        crowd(Path(folder), site.orthanc.server.dicom_port, list(islice(images, IMAGES)), 4),
    ):
        pass
    before, asked, database = _costs(workers), site.statements(), site.postgresql_cost()
    site.backfill()
    settled = "SELECT count(*) FROM image WHERE settled IS NOT NULL"
    wait_until(lambda: site.ask(settled) >= already + IMAGES, workers[0], look_s=0.5)
    after, asked_after, database_after = _costs(workers), site.statements(), site.postgresql_cost()
    stored = site.ask("SELECT count(*) FROM image WHERE state = 'stored'")
    if stored < already + IMAGES:
        raise RuntimeError(f"{already + IMAGES - stored:.0f} images were not read")
    who = f"{len(workers)} worker{'s' if len(workers) > 1 else ''} of one inference process"
    seconds = _seconds_an_image(site, already)
    yield Row(f"{who}: an image", 1000 * seconds, "ms", reference=alone, against="1 worker")
    for group, spent in after.items():
        cpu = (spent.cpu_s - before[group].cpu_s) / IMAGES
        yield Row(f"{who}: {group}, an image (CPU)", 1000 * cpu, "ms")
    cpu = (database_after.cpu_s - database.cpu_s) / IMAGES
    yield Row(f"{who}: PostgreSQL, an image (CPU)", 1000 * cpu, "ms")
    yield Row(f"{who}: statements, an image", (asked_after - asked) / IMAGES, "")
    asked, database = site.statements(), site.postgresql_cost()
    time.sleep(IDLE_S)
    asked, cpu = site.statements() - asked, site.postgresql_cost().cpu_s - database.cpu_s
    yield Row(f"{who}, idle: PostgreSQL, part of one core", 100 * cpu / IDLE_S, "%")
    yield Row(f"{who}, idle: statements", asked / IDLE_S, "a second")


def _seconds_an_image(site: Site, already: int) -> float:
    """Return the time between two ends, without the first ones, while the backfill queued."""
    with psycopg.connect(site.postgresql.url) as connection:
        ends = connection.execute("SELECT settled FROM image ORDER BY settled").fetchall()
    begin, end = ends[already + int(EARLY * IMAGES)][0], ends[-1][0]
    return float(end - begin) / (IMAGES - int(EARLY * IMAGES) - 1)


def _costs(workers: list[Program]) -> dict[str, Cost]:
    groups: dict[str, list[int]] = {"workers": [], "inference": []}
    for worker in workers:
        found = family(worker.pid)
        groups["workers"] += found["node"]
        groups["inference"] += found["inference"]
    return costs(groups)
