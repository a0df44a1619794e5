"""A row of the job tables is data: nothing in it is ever run."""

import base64
import logging
import pickle
from pathlib import Path

import pytest
from dbos._serialization import DefaultSerializer
from sqlalchemy import Connection, column, table, update

from hilum.jobs.guard import PickleRefused, RateLimitedLog
from hilum.records.states import State
from job_tools import Steps, all_settled, arrive, engine_of, entry, until


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.mkdir, (self.target,)


def pickled(target: Path) -> str:
    """Return an attack as the library writes its pickles."""
    return base64.b64encode(pickle.dumps(Attack(target))).decode()


def plant(connection: Connection, name: str, job_id: str, **values: str) -> None:
    """Change a row of the library's tables behind its back."""
    schema = "dbos" if connection.dialect.name == "postgresql" else None
    columns = (column(each) for each in ("workflow_uuid", *values))
    rows = table(name, *columns, schema=schema)
    changed = connection.execute(update(rows).where(rows.c.workflow_uuid == job_id).values(values))
    assert changed.rowcount == 1


def test_attack_works_where_nothing_guards(tmp_path):
    """What the tests below plant is an attack."""
    pickle.loads(base64.b64decode(pickled(tmp_path / "ran")))  # noqa: S301

    assert (tmp_path / "ran").is_dir()


def test_planted_pickle_is_not_run(database, tmp_path):
    """Not by who works on jobs and not by who lists them; other jobs go on."""
    target = tmp_path / "ran"
    with engine_of(database, Steps(database).named()) as engine:
        bad = arrive(database, engine.queue, "1.1")
        arrive(database, engine.queue, "1.2")
        with database.transaction() as connection:
            for table in ("workflow_status", "workflow_input"):
                plant(connection, table, bad.id, inputs=pickled(target))
            plant(connection, "workflow_status", bad.id, serialization="py_pickle")
        engine.queue.client.list_workflows(workflow_ids=[bad.id])
        assert not target.exists()
        engine.launch()
        until(lambda: all_settled(database), engine)  # lost, and asked for again

    assert not target.exists()
    assert State.STORED is entry(database, "1.2").state


def test_library_unpickles_nothing(sqlite):
    """Whatever asks it to."""
    with engine_of(sqlite, Steps(sqlite).named()), pytest.raises(PickleRefused):
        DefaultSerializer().deserialize(base64.b64encode(pickle.dumps(1)).decode())


def test_complaint_of_the_library_is_not_repeated():
    """A database that is away for a night does not fill the disk with one line of the library."""
    times = iter([0.0, 1.0, 2.0, 59.0, 61.0])
    seldom = RateLimitedLog(lambda: next(times))
    lines = [("queue.py", 1), ("queue.py", 1), ("queue.py", 2), ("queue.py", 1), ("queue.py", 1)]

    assert [True, False, True, False, True] == [
        seldom.filter(logging.LogRecord("dbos", logging.WARNING, file, line, "away", None, None))
        for file, line in lines
    ]
