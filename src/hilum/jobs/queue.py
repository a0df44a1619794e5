"""The queue of jobs. It needs no running engine, and any process may add to it.

`enqueue` writes in the caller's transaction: a job and the row it is about are there
together, or neither is. The same job twice is one job.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from sqlalchemy import Connection

from hilum.jobs.dbos_tables import APPLICATION, SCHEMA, VERSION, prepare
from hilum.jobs.guard import block_pickle
from hilum.radiograph import ImageUIDs
from hilum.records import Database, forwards, images, studies
from hilum.records.forwards import Forward, ForwardState
from hilum.records.job import Job
from hilum.records.states import Urgency
from hilum.settings.deliveries import ReceiverKind

URGENT: Final = "urgent"
ROUTINE: Final = "routine"
FORWARD: Final = "forward"
ANATOMY: Final = "anatomy"

READ_IMAGE: Final = "read_image"
SEND_FORWARD: Final = "send_forward"
MEASURE_ANATOMY: Final = "measure_anatomy"
"""Names of the workflows; a job in the database knows its work by them."""

EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""Numbers of the order are seconds since then; they last until 2088."""

LAST: Final = 2**31 - 1
"""The highest number that an order may have."""

WAITS: Final = {
    Urgency.URGENT: timedelta(0),
    Urgency.ROUTINE: timedelta(0),
    Urgency.BACKFILL: timedelta(hours=24),
}
"""How long an image may wait for those that come after it in the same queue."""


class Queue:
    """Adds jobs, in tables that are made if need be. For any number of threads.

    Raises
    ------
    SettingInvalid
        The database does not let us make tables.
    """

    def __init__(self, database: Database) -> None:
        block_pickle()
        prepare(database)
        self._client: Final = DBOSClient(
            system_database_engine=database.engine,
            dbos_system_schema=SCHEMA,
            serializer=DBOSPortableJSONSerializer(),
            application_name=APPLICATION,
            lazy=True,
        )

    @property
    def client(self) -> DBOSClient:
        """The library's client, for this package."""
        return self._client

    def enqueue(
        self,
        connection: Connection,
        job: Job,
        urgency: Urgency,
        arrived: datetime,
        *,
        done: dict[str, Any] | None = None,
    ) -> None:
        """Add the work on an image.

        Parameters
        ----------
        connection
            In the transaction that also writes down why.
        job
            The work; when a job of this name was ever added, nothing happens.
        arrived
            Where in it: earlier images are first, see `WAITS`.
        done
            What is known of it beforehand; one with ``end`` goes to the last step.
        """
        queue = URGENT if urgency is Urgency.URGENT else ROUTINE
        self._add(
            connection,
            {
                "workflow_name": READ_IMAGE,
                "queue_name": queue,
                "workflow_id": job.id,
                "priority": order(arrived + WAITS[urgency]),
            },
            *(job.archive, list(job.uids), job.reference, job.run, done or {}),
        )

    def enqueue_forward(
        self,
        connection: Connection,
        forward: Forward,
        now: datetime,
        *,
        attempt: int = 1,
        delay_s: float = 0,
    ) -> None:
        """Add an attempt to send results on, the earliest after `delay_s`."""
        options: EnqueueOptions = {
            "workflow_name": SEND_FORWARD,
            "queue_name": forward_queue(forward.target),
            "workflow_id": forward_id(forward, attempt),
            "priority": order(now),
        }
        if delay_s > 0:
            options["delay_seconds"] = delay_s
        where = (forward.archive, list(forward.uids), forward.target, forward.run)
        self._add(connection, options, *where, attempt)

    def enqueue_anatomy(
        self, connection: Connection, job: Job, attempt: int, now: datetime
    ) -> None:
        """Add the measurement of the anatomy of an image that was read."""
        self._add(
            connection,
            {
                "workflow_name": MEASURE_ANATOMY,
                "queue_name": ANATOMY,
                "workflow_id": anatomy_id(job, attempt),
                "priority": order(now),
            },
            *(job.archive, list(job.uids), job.reference, job.run, attempt),
        )

    def retry(
        self, connection: Connection, archive: str, chosen: Iterable[ImageUIDs], now: datetime
    ) -> list[Job]:
        """Ask for a new run of images that ended without results, and add it.

        Returns
        -------
        list of Job
            What will be read again.
        """
        jobs = images.ask_again(connection, archive, chosen, now)
        for job in jobs:
            known = images.entry(connection, archive, job.uids)
            urgency = Urgency.ROUTINE if known is None else known.urgency
            self.enqueue(connection, job, urgency, now)
            studies.refresh(connection, archive, job.uids.study_instance_uid, now)
        return jobs

    def retry_forwards(
        self,
        connection: Connection,
        chosen: Iterable[Forward],
        now: datetime,
        states: Collection[ForwardState] = frozenset({ForwardState.FAILED}),
    ) -> int:
        """Queue another attempt to send what is in one of `states`; return how many there are."""
        attempts = {each: forwards.ask_again(connection, each, now, states) for each in chosen}
        asked = {each: attempt for each, attempt in attempts.items() if attempt is not None}
        for each, attempt in asked.items():
            self.enqueue_forward(connection, each, now, attempt=attempt)
        return len(asked)

    def _add(self, connection: Connection, options: EnqueueOptions, *values: Any) -> None:
        options["app_version"] = VERSION
        self._client.enqueue_in_transaction(connection, options, *values)


def order(when: datetime) -> int:
    """Return the number by which a queue sorts: lower ones are first."""
    return min(max(int((when - EPOCH).total_seconds()), 1), LAST)


def anatomy_id(job: Job, attempt: int) -> str:
    """Return the name of one attempt to measure the anatomy of an image."""
    return f"{job.id}!anatomy#{attempt}"


def forward_queue(target: str) -> str:
    """Return the queue of a target: a system beside the PACS that hangs holds up itself alone."""
    kind = target.partition(":")[0]
    return f"{FORWARD} {target}" if kind in set(ReceiverKind) else FORWARD


def forward_id(forward: Forward, attempt: int) -> str:
    """Return the name of one attempt to send results on."""
    return f"{forward.id}#{attempt}"
