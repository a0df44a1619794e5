"""What the job engine touches of its library though it is not public; fails when that changes.

Each line of `hilum.jobs.dbos_runtime` that does so says why. When a test fails after an update,
look whether the library has a public way by now, then at that line.
"""

import inspect
import threading

from dbos import _dbos, _queue
from dbos._sys_db import SystemDatabase

from job_tools import Steps, engine_of


def test_queue_of_one_process_has_the_limits_that_we_give():
    """Public queues are rows, with one number of slots for all processes."""
    registry = _dbos.DBOSRegistry()

    made = registry._register_internal_queue("here", worker_concurrency=3, polling_interval_sec=0.5)

    assert ("here", False, 3, 0.5) == (
        made.name,
        made.database_backed_queue,
        made._worker_concurrency,
        made._polling_interval_sec,
    )


def test_scopes_are_asked_before_each_look():
    """An empty list of them spares the look; by itself the library looks at all of a queue."""
    asked = inspect.getsource(_queue)

    assert ["self", "queue_name"] == list(
        inspect.signature(SystemDatabase.dequeue_scopes).parameters
    )
    assert "scopes = dbos._sys_db.dequeue_scopes(queue.name)" in asked


def test_newest_version_matters_to_jobs_without_one_alone():
    """We answer that question ourselves: ours all have one."""
    asked = inspect.getsource(SystemDatabase)

    assert [4, 2] == [
        asked.count("= self._is_latest_version(app_version"),
        asked.count("if is_latest_version:"),
    ]


def test_running_dbos_tells_what_is_in_work_and_what_ends_it(database):
    """Their names, and events that its threads wait for."""
    with engine_of(database, Steps(database).named()) as engine:
        engine.launch()
        runtime = engine._dbos
        assert runtime is not None

        events = runtime._dbos.background_thread_stop_events
        assert [] == runtime._dbos._active_workflows_set.activeList()
        assert events
        assert all(isinstance(event, threading.Event) for event in events)
