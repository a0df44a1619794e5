"""What the records are asked for an image, or on a schedule, does not read the lines of all."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from hilum.jobs.prune import prune_records
from hilum.jobs.reconcile import reconcile
from hilum.phantom import make
from hilum.records import Database, forwards, images, throughput
from hilum.records.counts import observe, troubles
from hilum.records.forwards import ForwardState
from hilum.records.states import State
from radiographs import dicom_file

pytestmark = pytest.mark.orthanc

FEW_LINES = {"feed", "worker", "constancy_run", "CONSTANT"}
"""Tables that do not grow with the images, and SQLite's word for none."""

LAST_LINE = "SCAN audit"
"""The audit trail's last line is read from its end."""


def test_no_question_about_one_image_reads_the_lines_of_all(pacs, bench, settled_reader):
    """Whatever is asked finds its lines by more than the name of the archive."""
    node = bench(settled_reader, forward_to=("modality:ELSEWHERE",))
    pacs.store(dicom_file(make(1, findings=["effusion"], size=256).dataset))
    with questions(node.database) as asked:
        node.follow()
    (job,) = node.jobs()
    with questions(node.database, asked):
        node.do(job)
        node.follow()

    assert {"study_finding", "study_word", "reading", "audit", "forward"} <= written(asked)
    assert [] == [step for step in plans(node.database, asked) if reads_all(step)]


def test_no_question_on_a_schedule_reads_the_lines_of_all(bench):
    """Whether work was lost, what to forget, what operators and scrapes are shown."""
    node = bench(forward_to=("modality:ELSEWHERE",))
    archive, database, now = node.context.archive, node.database, datetime.now(UTC)
    with questions(database) as asked:
        reconcile(database, node.context.queue)
        prune_records(database, now - timedelta(days=400))
        with database.look() as connection:
            throughput.per_hour(connection, archive, hours=24, now=now)
            throughput.refusals(connection, archive, since=now - timedelta(days=7))
            throughput.seconds_to_result(connection, archive, since=now - timedelta(hours=24))
            observe(connection, archive, now)
            troubles(connection, archive, now)
            images.depth(connection, archive)
            images.entries(connection, archive, {State.FAILED}, limit=5)
            forwards.counts(connection, archive)
            forwards.entries(connection, archive, {ForwardState.FAILED}, limit=5)

    assert 12 <= len(asked)
    assert [] == [step for step in plans(database, asked) if reads_all(step)]


@contextmanager
def questions(database: Database, asked: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Collect the statements that are executed meanwhile, with values of each."""
    asked = {} if asked is None else asked

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked[statement] = values[0] if isinstance(values, list) else values

    event.listen(database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(database.engine, "before_cursor_execute", note)


def written(asked: dict[str, Any]) -> set[str]:
    """Return the tables that lines were added to."""
    return {word.split()[2] for word in asked if word.startswith("INSERT INTO")}


def plans(database: Database, asked: dict[str, Any]) -> list[str]:
    """Return the steps in which SQLite would carry out the statements."""
    with database.engine.connect() as connection:
        return [
            line[-1]
            for statement, values in asked.items()
            for line in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def reads_all(step: str) -> bool:
    """Whether a step reads a whole table, or all lines of one archive."""
    kind, table, *_ = step.split()
    if table in FEW_LINES or step == LAST_LINE:
        return False
    return kind == "SCAN" or (kind == "SEARCH" and step.endswith("(archive=?)"))
