"""Deletes jobs that ended long ago. Our own rows outlive the jobs, so nothing is read twice."""

from datetime import datetime
from typing import Final

from hilum.jobs.dbos_tables import FINISHED
from hilum.jobs.queue import Queue
from hilum.records import Database, retention

BATCH: Final = 500
"""Rows that one transaction takes, so that nobody waits long for it."""


def prune_jobs(queue: Queue, before: datetime) -> int:
    """Forget a batch of jobs that ended before that; return how many."""
    found = queue.client.list_workflows(
        status=list(FINISHED),
        completed_before=before.isoformat(),
        end_time=before.isoformat(),  # added before that, too: by this it finds its lines
        limit=BATCH,
        load_input=False,
        load_output=False,
    )
    if found:
        queue.client.delete_workflows([each.workflow_id for each in found])
    return len(found)


def prune_records(database: Database, before: datetime) -> int:
    """Forget a batch of images that were settled before that; return how many.

    Raises
    ------
    DatabaseUnavailable
        The database cannot be used now.
    """
    with database.transaction() as connection:
        return retention.forget(connection, before, limit=BATCH)
