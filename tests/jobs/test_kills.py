"""Processes that are killed at random moments lose nothing and do nothing twice."""

import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from sqlalchemy import func, select

import job_process
from hilum.jobs.dbos_tables import workflows
from hilum.jobs.queue import Queue
from hilum.records import Database, audit, feed, images
from hilum.records.job import Job
from hilum.records.states import State
from hilum.records.tables import IMAGE, WORKER
from image_names import image_uids
from job_tools import ARCHIVE, all_settled, arrive, until

KILLS = 8
IMAGES = 60
MOMENT_S = 0.03


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["hilum.jobs.engine"])


def start(run: Callable[..., None], database: Database, *what: object) -> BaseProcess:
    """Start a process of the engine; what takes long to import is there already."""
    process = FORKS.Process(target=run, args=(database.url, *what))
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """Kill -9."""
    process.kill()
    process.join()


def alive(database: Database) -> int:
    """Return how many processes ever beat."""
    with database.look() as connection:
        return connection.scalar(select(func.count()).select_from(WORKER)) or 0


def position(database: Database) -> int:
    """Return how far the feed was followed."""
    with database.look() as connection:
        mark = feed.position(connection, ARCHIVE)
    return int(mark or 0)


def check_ends(database: Database, count: int) -> None:
    """Every image was read, and its end was written down once."""
    with database.look() as connection:
        assert {State.STORED: count} == images.counts(connection, ARCHIVE)
        ends = Counter(line.line.sop_instance_uid for line in audit.lines(connection))
        assert {f"1.{number}": 1 for number in range(count)} == ends


def test_one_process_that_is_killed_again_and_again(sqlite):
    """Each restart goes on where the kill was, until every image is read once."""
    rng = random.Random(20260102)
    queue = Queue(sqlite)
    for number in range(IMAGES):
        arrive(sqlite, queue, f"1.{number}")
    for _ in range(KILLS):
        process = start(job_process.work, sqlite, "node", MOMENT_S)
        until(lambda: alive(sqlite) > 0)
        time.sleep(rng.uniform(0.1, 0.6))
        kill(process)
        with sqlite.transaction() as connection:
            connection.execute(WORKER.delete())
    process = start(job_process.work, sqlite, "node", MOMENT_S)
    try:
        until(lambda: all_settled(sqlite))
    finally:
        kill(process)

    check_ends(sqlite, IMAGES)


def test_workers_that_are_killed_and_not_restarted(postgresql):
    """Those that live take over what the dead had in hand; new ones come under new names."""
    rng = random.Random(20260103)
    with Database(postgresql) as database:
        queue = Queue(database)
        for number in range(IMAGES):
            arrive(database, queue, f"1.{number}")
        workers = [start(job_process.work, database, "worker", MOMENT_S) for _ in range(3)]
        try:
            until(lambda: alive(database) >= 3)
            for killed in range(KILLS):
                time.sleep(rng.uniform(0.05, 0.4))
                victim = workers.pop(rng.randrange(len(workers)))
                kill(victim)
                if killed < KILLS - 1:  # the last one is not replaced
                    workers.append(start(job_process.work, database, "worker", MOMENT_S))
                    until(lambda wanted=killed + 4: alive(database) >= wanted)
            until(lambda: all_settled(database))
        finally:
            for each in workers:
                kill(each)
        check_ends(database, IMAGES)


def test_follower_that_is_killed_loses_and_doubles_nothing(database):
    """Position, rows and jobs are one: images and jobs are just the numbers passed."""
    rng = random.Random(20260104)
    count = 400
    for _ in range(KILLS):
        before = position(database)
        process = start(job_process.follow, database, count)
        until(lambda at=before, it=process: position(database) > at or not it.is_alive())
        time.sleep(rng.uniform(0, 0.12))
        kill(process)
        expected = {f"1.{number + 1}" for number in range(position(database))}
        with database.look() as connection:
            uids = set(connection.scalars(select(IMAGE.c.sop_instance_uid)))
            jobs = set(connection.scalars(select(workflows(connection).c.workflow_uuid)))
        assert expected == uids
        assert {Job(ARCHIVE, image_uids(uid), "", 1).id for uid in expected} == jobs
    last = start(job_process.follow, database, count)
    last.join()
    assert 0 == last.exitcode
    with database.look() as connection:
        assert count == len(list(connection.scalars(select(IMAGE.c.sop_instance_uid))))
