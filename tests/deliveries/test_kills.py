"""A process that is killed while it delivers: nothing is lost, and doubles have one name."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from delivery_receivers import ack, control_id, scripted
from hilum.eligibility import Reason
from hilum.jobs.queue import Queue
from hilum.records import Database, forwards, images
from hilum.records.database import sqlite_url
from hilum.records.forwards import ForwardState
from hilum.records.images import Settlement
from hilum.records.states import State
from job_tools import ARCHIVE, NOW, arrive, until
from told import WHEN, refused

COUNT = 3


def settle(database: Database, queue: Queue) -> None:
    """Write images down as not analyzed, each with its delivery, in one transaction."""
    for number in range(COUNT):
        job = arrive(database, queue, f"1.{number}")
        assert job is not None
        facts = refused(PatientID=f"P-{number}", SOPInstanceUID=f"1.{number}").facts
        about = {**facts, "pixel_digest": "", "when": WHEN.isoformat()}
        with database.transaction() as connection:
            images.settle(connection, job, Settlement(State.REFUSED, (Reason("x", "y"),)), NOW)
            forward = forwards.add(connection, job, "hl7:RIS", NOW, about=about)
            queue.enqueue_forward(connection, forward, NOW)


@contextmanager
def process(folder: Path, port: int) -> Iterator[Any]:
    """Run one; it is killed at the end."""
    script = Path(__file__).parents[1] / "delivery_process.py"
    with subprocess.Popen([sys.executable, script, folder, str(port)]) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("acknowledged", [False, True])
def test_killed_at_each_message_all_arrive_under_one_name(tmp_path: Path, acknowledged: bool):
    """Before its acknowledgment or right after: the next process sends it again, the same."""
    victims: list[int] = []
    seen: set[str] = set()

    def deadly(connection: Any, message: bytes) -> None:
        """Kill the process at the first time that a message comes."""
        if acknowledged:
            ack()(connection, message)
        if control_id(message) not in seen:
            seen.add(control_id(message))
            os.kill(victims[-1], signal.SIGKILL)
        elif not acknowledged:
            ack()(connection, message)

    with Database(sqlite_url(tmp_path / "hilum.sqlite")) as database, scripted(deadly) as receiver:
        settle(database, Queue(database))
        while sent(database) < COUNT:
            with process(tmp_path, receiver.port) as running:
                victims.append(running.pid)
                until(lambda: sent(database) == COUNT or running.poll() is not None)

    by_name = defaultdict(set)
    for each in receiver.got:
        by_name[control_id(each)].add(each)
    assert COUNT == len(by_name)
    assert {1} == {len(each) for each in by_name.values()}
    assert len(receiver.got) <= 2 * COUNT


def sent(database: Database) -> int:
    """Return how many are delivered."""
    with database.look() as connection:
        return forwards.counts(connection, ARCHIVE).get(ForwardState.SENT, 0)
