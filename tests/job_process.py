"""What a process of the job engine does until it is killed.

Each image is settled in one transaction that also adds a line to the audit trail, so the
trail tells how often that was done. `follow` makes images instead, as the follower does:
position, row and job in one transaction, until it is killed or so many are there.
"""

import os
import time
from datetime import UTC, datetime

from hilum.jobs.engine import Engine, Retention, Slots
from hilum.jobs.pause import Pause
from hilum.jobs.queue import Queue
from hilum.jobs.workflow import StepState
from hilum.records import Database, audit, feed, images
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency
from image_names import image_uids

ARCHIVE = "own"
PACE = Retention(poll_s=0.05, beat_s=0.3, dead_after_s=2.0, reconcile_s=1.0)
URGENCIES = (Urgency.URGENT, Urgency.ROUTINE, Urgency.BACKFILL)


class Work:
    """The steps of a job, each a moment long."""

    def __init__(self, database: Database, seconds: float) -> None:
        self.database = database
        self.seconds = seconds

    def begin(self, job: Job, _done: StepState) -> StepState:
        """Write down that work begins."""
        now = datetime.now(UTC)
        with self.database.transaction() as connection:
            images.begin(connection, job, now)
        return {"when": now.isoformat()}

    def read(self, _job: Job, _done: StepState) -> StepState:
        """Take a moment."""
        time.sleep(self.seconds)
        return {}

    def settle(self, job: Job, done: StepState) -> StepState:
        """Write the end down, with a line in the trail that is there once for each end."""
        end = Settlement(State(done.get("end", "stored")))
        now = datetime.now(UTC)
        with self.database.transaction() as connection:
            if images.settle(connection, job, end, now):
                audit.write(
                    connection,
                    audit.AuditEntry(
                        at=now,
                        actor=f"node@{os.getpid()}",
                        action="image.read",
                        archive=job.archive,
                        study_instance_uid="1.2",
                        sop_instance_uid=job.uids.sop_instance_uid,
                        detail={},
                    ),
                )
        return {}


def work(url: str, role: str, seconds: float) -> None:
    """Work on jobs until killed."""
    database = Database(url)
    steps = Work(database, seconds)
    named = {"begin": steps.begin, "read": steps.read, "settle": steps.settle}
    with Engine(
        database, named, forward=None, slots=Slots(2), role=role, pause=Pause(), pace=PACE
    ) as engine:
        engine.launch()
        while True:
            engine.tend()
            time.sleep(0.1)


def follow(url: str, count: int) -> None:
    """Make images number after number, from where the position is."""
    database = Database(url)
    queue = Queue(database)
    while True:
        with database.transaction() as connection:
            before = feed.position(connection, ARCHIVE)
            number = int(before or 0) + 1
            if number > count:
                return
            feed.advance(connection, ARCHIVE, before, str(number))
            uid, urgency = f"1.{number}", URGENCIES[number % 3]
            now = datetime.now(UTC)
            new = Arrived(ARCHIVE, image_uids(uid, "1.2"), f"id{number}", None, urgency, now)
            job = images.arrived(connection, new)
            if job is not None:
                queue.enqueue(connection, job, urgency, now)
