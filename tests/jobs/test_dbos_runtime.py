"""What the job engine touches of its library though it is not public; fails when that changes.

Each line of `hilum.jobs.dbos_runtime` that does so says why. When a test fails after an update,
look whether the library has a public way by now, then at that line.
"""

import inspect
import threading
import time

from dbos import _dbos, _queue
from dbos._sys_db import SystemDatabase
from sqlalchemy import column, select

from hilum.jobs import dbos_runtime
from hilum.jobs.dbos_tables import workflows
from hilum.jobs.queue import ROUTINE
from job_tools import Steps, arrive, engine_of

DEADLINE = column("workflow_deadline_epoch_ms")


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


def test_parts_of_statements_ask_for_nothing():
    """What is built once instead of each time depends on no value."""
    for name in dbos_runtime.PARTS:
        assert ["self"] == list(inspect.signature(getattr(SystemDatabase, name)).parameters)


def test_the_time_is_the_databases_at_each_statement(database):
    """Built once, the SQL of the time still tells another one later."""
    with engine_of(database, Steps(database).named()) as engine:
        engine.launch()
        assert engine._dbos is not None
        system = engine._dbos._dbos._sys_db
        now = system._now_ms_sql()

        with database.look() as connection:
            before = connection.scalar(select(now))
            time.sleep(1.1)  # SQLite tells whole seconds
            after = connection.scalar(select(now))

        assert now is system._now_ms_sql()
        assert before < after


def test_no_look_while_all_slots_are_taken(database, monkeypatch):
    """The database is asked what waits only by whom can take it."""
    with engine_of(database, Steps(database).named()) as engine:
        engine.launch()
        runtime = engine._dbos
        assert runtime is not None
        asked = []  # by which threads: the engine's own look, too
        monkeypatch.setattr(
            dbos_runtime, "waiting", lambda *_: asked.append(threading.current_thread()) or True
        )
        active = runtime._dbos._active_workflows_set
        slots = runtime._slots[ROUTINE]

        monkeypatch.setattr(active, "count_for_queue", lambda _: slots - 1)
        free = runtime._scopes(ROUTINE)
        asked.clear()
        monkeypatch.setattr(active, "count_for_queue", lambda _: slots)

        assert ([None], []) == (free, runtime._scopes(ROUTINE))
        assert threading.current_thread() not in asked


def test_no_job_has_a_deadline(database):
    """So nobody has to look for jobs that are past theirs."""
    with engine_of(database, Steps(database).named()) as engine:
        arrive(database, engine.queue, "1.0")

        with database.look() as connection:
            found = connection.execute(select(DEADLINE).select_from(workflows(connection)))

        assert [(None,)] == found.all()


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
