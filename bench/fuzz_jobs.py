"""Stop and kill workers at random, and hold every image to: read, its end written once.

Usage: python -m bench.fuzz_jobs [--images 300] [--kills 30] [--stops 40] [--seed 0]

Three workers share a throw-away PostgreSQL. One is killed and replaced under a new name, or
frozen for longer than it takes to be counted as dead and then woken: it finds its jobs in
other hands. To be run again before DBOS is updated; its insides are leaned on.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select

from hilum.jobs.queue import Queue
from hilum.radiograph import ImageUIDs
from hilum.records import Database, audit, images
from hilum.records.images import Arrived
from hilum.records.states import State, Urgency
from hilum.records.tables import WORKER

TESTS: Final = Path(__file__).resolve().parents[1] / "tests"
"""Where the throw-away PostgreSQL and the process that is killed are."""

MOMENT_S: Final = 0.1
PATIENCE_S: Final = 120.0


def start(url: str) -> subprocess.Popen[bytes]:
    """Start a worker."""
    program = str(TESTS / "job_process.py")
    return subprocess.Popen([sys.executable, program, url, "worker", str(MOMENT_S)])


def lives(database: Database) -> int:
    """Return how many workers there ever were."""
    with database.look() as connection:
        return len(connection.execute(select(WORKER.c.executor_id)).all())


def started(database: Database) -> subprocess.Popen[bytes]:
    """Start a worker and wait until it works, so that a kill hits something."""
    before, deadline = lives(database), time.monotonic() + PATIENCE_S
    worker = start(database.url)
    while lives(database) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    return worker


def fill(database: Database, count: int) -> None:
    """Write images down and enqueue them."""
    queue, now = Queue(database), datetime.now(UTC)
    with database.transaction() as connection:
        for number in range(count):
            uids = ImageUIDs("1", "1.0", f"1.{number}")
            new = Arrived("own", uids, f"id{number}", None, Urgency.ROUTINE, now)
            job = images.arrived(connection, new)
            if job is not None:
                queue.enqueue(connection, job, Urgency.ROUTINE, now)


def disturb(database: Database, rng: random.Random, kills: int, stops: int) -> None:
    """Kill and freeze workers in a random order, then wait until everything is settled."""
    workers = [started(database) for _ in range(3)]
    deeds = ["kill"] * kills + ["stop"] * stops
    rng.shuffle(deeds)
    try:
        for deed in deeds:
            time.sleep(rng.uniform(0.05, 0.8))
            number = rng.randrange(len(workers))
            if deed == "kill":
                workers[number].kill()
                workers[number].wait()
                workers[number] = started(database)
            else:
                workers[number].send_signal(signal.SIGSTOP)
                time.sleep(rng.uniform(0.3, 4))
                workers[number].send_signal(signal.SIGCONT)
        deadline = time.monotonic() + PATIENCE_S
        while not settled(database) and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def settled(database: Database) -> bool:
    """Return whether every image is stored."""
    with database.look() as connection:
        return set(images.counts(connection, "own")) == {State.STORED}


def main() -> int:
    """Run, print what came of it, and return 1 when something was lost or done twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--stops", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    sys.path.insert(0, str(TESTS))
    from postgresql_server import running_postgresql  # noqa: PLC0415  only after the line above

    with running_postgresql() as server, Database(server.new_database()) as database:
        fill(database, chosen.images)
        disturb(database, random.Random(chosen.seed), chosen.kills, chosen.stops)
        with database.look() as connection:
            counts = images.counts(connection, "own")
            lines = Counter(each.line.sop_instance_uid for each in audit.lines(connection))
        twice = sum(count > 1 for count in lines.values())
        said = f"{chosen.kills} kills, {chosen.stops} stops, {lives(database)} lives"
        ends = f"{len(lines)} ends, {twice} written twice"
        print(f"seed {chosen.seed}: {chosen.images} images, {said}: {dict(counts)}, {ends}")
    return 0 if counts == {State.STORED: chosen.images} and len(lines) == chosen.images else 1


if __name__ == "__main__":
    sys.exit(main())
