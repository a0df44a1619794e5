"""What the records are asked for an image, on a schedule or by a page does not read all lines.

Whether or not somebody ran ANALYZE: SQLite's planner supposes other numbers with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from hilum.eligibility import Reason
from hilum.jobs.prune import prune_records
from hilum.jobs.reconcile import reconcile
from hilum.phantom import make
from hilum.radiograph import ImageUIDs
from hilum.records import Database, forwards, images, retention, studies, throughput, worklist
from hilum.records.counts import observe, troubles
from hilum.records.forwards import ForwardState
from hilum.records.images import Arrived, Settlement
from hilum.records.states import State, Urgency
from hilum.records.studies import StudyFacts
from hilum.records.worklist import WorklistFilter
from radiographs import dicom_file

pytestmark = pytest.mark.orthanc

FEW_LINES = {"feed", "worker", "constancy_run", "CONSTANT", "few"}
"""Tables that do not grow with the images, what was cut off, and SQLite's word for none."""

LAST_LINE = "SCAN audit"
"""The audit trail's last line is read from its end."""

IN_ORDER = tuple(f"study_{each} (archive=?)" for each in ("in_order", "by_arrival", "by_change"))
"""Ends of steps that read lines in the order that is asked for, until there are enough."""

STATISTICS = {
    "study": {
        "sqlite_autoindex_study_1": "1000000 1000000 1",
        "study_in_order": "1000000 1000000 333334 2 1",
        "study_by_state": "1000000 1000000 500000 200000 2",
        "study_by_change": "1000000 1000000 1",
        "study_by_patient": "1000000 1000000 2",
    },
    "study_word": {
        "sqlite_autoindex_study_word_1": "5190000 5190000 5 1",
        "study_word_by_study": "5190000 5190000 6 1",
    },
    "study_finding": {
        "sqlite_autoindex_study_finding_1": "854000 854000 122000 1",
        "study_finding_by_study": "854000 854000 2",
    },
    "image": {
        "sqlite_autoindex_image_1": "1000000 1000000 1 1 1",
        "image_by_state": "1000000 500000 500000 1 1 1",
        "image_by_end": "1000000 500000 1 1",
        "image_by_arrival": "1000000 1000000 1",
        "image_by_study": "1000000 1000000 1 1",
        "image_by_uid": "1000000 1000000 1",
        "image_by_reference": "1000000 1000000 1",
    },
}
"""What ANALYZE writes of a million studies; of newer indexes it was not run again."""


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
    assert [] == reading_all(node.database, asked)


def test_look_at_a_feed_without_news_asks_the_archive_alone(bench):
    """The position is asked for once, and known from then on."""
    node = bench()
    node.follow()
    with questions(node.database) as asked:
        node.follow()

    assert {} == asked


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
    assert [] == reading_all(database, asked)


def test_forgetting_names_each_line_by_its_key(bench):
    """Whatever else there is."""
    database, now = bench().database, datetime.now(UTC)
    uids = ImageUIDs("1.2", "1.2.0", "1.2.1")
    with database.transaction() as connection:
        add(connection, uids, now)
    with database.transaction() as connection, questions(database) as asked:
        assert 1 == retention.forget(connection, now + timedelta(days=1), limit=5)

    assert 11 == len(asked)
    assert [] == reading_all(database, asked)


@pytest.mark.parametrize("common", [0, worklist.COMMON], ids=["many", "few"])
@pytest.mark.parametrize(
    "wanted",
    [
        WorklistFilter(),
        WorklistFilter(by_arrival=True),
        WorklistFilter(text="silva"),
        WorklistFilter(text="silva maria", finding="Mass"),
        WorklistFilter(finding="Mass"),
        WorklistFilter(finding="Mass", state=State.STORED, since="20260101"),
        WorklistFilter(finding="Mass", by_arrival=True),
        WorklistFilter(state=State.REFUSED, hide_ineligible=True),
        WorklistFilter(since="20260101", until="20260131", open_only=True),
        WorklistFilter(mode="silent"),
        WorklistFilter(mode="audit", urgent_only=True),
    ],
    ids=repr,
)
def test_no_page_of_the_worklist_reads_all_studies(bench, wanted, common, monkeypatch):
    """Few are found by what they have in common; many are read in order, until a page is full."""
    monkeypatch.setattr(worklist, "COMMON", common)
    database, now = bench().database, datetime.now(UTC)
    with database.transaction() as connection:
        add(connection, ImageUIDs("1.2", "1.2.0", "1.2.1"), now)
    with questions(database) as asked, database.look() as connection:
        _, _ = worklist.page(connection, "own", wanted, size=50)
        row = worklist.row(connection, "own", "1.2")
        worklist.others_of_patient(connection, "own", row, limit=5)
        worklist.last_change(connection, "own")

    assert [] == reading_all(database, asked)


def add(connection: Connection, uids: ImageUIDs, now: datetime) -> None:
    """Write down an image that was refused."""
    new = Arrived("own", uids, "r", "d", Urgency.ROUTINE, now)
    job = images.arrived(connection, new)
    facts = StudyFacts(uids.study_instance_uid, "SILVA^MARIA", "0017", accession_number="A1")
    studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=now)
    end = Settlement(State.REFUSED, (Reason("not_frontal", "why"),))
    assert images.settle(connection, job, end, now)


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


def reading_all(database: Database, asked: dict[str, Any]) -> list[str]:
    """Return the steps that read all lines, as the database is and with the statistics of many."""
    found = [step for step in plans(database, asked) if reads_all(step)]
    with database.transaction() as connection:
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("DELETE FROM sqlite_stat1")
        rows = [(name, *each) for name, indexes in STATISTICS.items() for each in indexes.items()]
        connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", rows)
    database.close()  # a connection reads them when it is opened
    return found + [step for step in plans(database, asked) if reads_all(step)]


def reads_all(step: str) -> bool:
    """Whether a step reads a whole table, or all lines of one archive."""
    kind, table, *_ = step.split()
    if table in FEW_LINES or step == LAST_LINE or step.endswith(IN_ORDER):
        return False
    return kind == "SCAN" or (kind == "SEARCH" and step.endswith("(archive=?)"))
