"""Reviews of readers on both databases: nothing is changed, the latest counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hilum.records import Database, reviews, studies, worklist
from hilum.records.reviews import Agreement, Opinion, Review, ReviewedFinding
from hilum.records.states import Urgency
from hilum.records.studies import StudyFacts

AT = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
REVIEW = Review(
    "1.2",
    "1.2.0",
    "1.2.1",
    AT,
    "ana",
    "m 1",
    "00",
    (
        ReviewedFinding(
            "Mass", Opinion.AGREE, positive=True, raw=0.7, operating_point=0.6, score=0.8
        ),
        ReviewedFinding(
            "Edema", Opinion.DISAGREE, positive=False, raw=0.1, operating_point=0.6, score=0.2
        ),
    ),
    ("Edema",),
    "small effusion?",
    "2.25.1",
)


@pytest.fixture
def database(database: Database) -> Database:
    """Return a database of each kind with one study."""
    with database.transaction() as connection:
        studies.arrived(connection, "own", StudyFacts("1.2"), urgency=Urgency.ROUTINE, now=AT)
    return database


def add(database: Database, *given: Review) -> list[bool]:
    """Add reviews one after the other."""
    with database.transaction() as connection:
        return [reviews.add(connection, "own", each) for each in given]


def changed(opinion: Opinion, **facts: object) -> Review:
    """Return another review on Mass."""
    judged = replace(REVIEW.findings[0], opinion=opinion)
    return replace(REVIEW, findings=(judged,), missing=(), **facts)


def test_review_comes_back_as_it_was_given(database):
    """The newest first."""
    later = changed(Opinion.UNSURE, report="2.25.2", reader="bo", at=AT + timedelta(days=1))
    add(database, REVIEW, later)

    with database.look() as connection:
        assert [later, replace(REVIEW, findings=REVIEW.findings[::-1])] == reviews.on_image(
            connection, "own", REVIEW.uids
        )


def test_study_counts_as_reviewed(database):
    """From the moment of the review."""
    add(database, REVIEW)

    with database.look() as connection:
        study = worklist.row(connection, "own", "1.2")
    assert study is not None
    assert AT == study.reviewed


def test_same_report_twice_is_one_review(database):
    """A form that is sent again changes nothing."""
    assert [True, False] == add(database, REVIEW, replace(REVIEW, comment="again"))

    with database.look() as connection:
        assert [REVIEW.comment] == [
            each.comment for each in reviews.on_image(connection, "own", REVIEW.uids)
        ]


def test_only_a_readers_latest_review_counts(database):
    """Another reader's counts beside it; months are UTC's."""
    add(
        database,
        REVIEW,
        changed(Opinion.DISAGREE, report="2.25.2", at=AT + timedelta(hours=1)),
        changed(Opinion.AGREE, report="2.25.3", reader="bo"),
    )

    with database.look() as connection:
        assert [
            Agreement("Mass", "2026-02", agree=1),
            Agreement("Mass", "2026-03", disagree=1),
        ] == reviews.agreement(connection, "own")


def test_missing_findings_are_counted(database):
    """Beside what was said of the same finding."""
    add(database, REVIEW)

    with database.look() as connection:
        assert [
            Agreement("Edema", "2026-02", disagree=1, missed=1),
            Agreement("Mass", "2026-02", agree=1),
        ] == reviews.agreement(connection, "own")
        assert [] == reviews.agreement(connection, "other")


def test_export_has_every_line_and_says_which_count(database, monkeypatch):
    """However many are fetched at a time."""
    monkeypatch.setattr(reviews, "AT_ONCE", 1)
    add(database, REVIEW, changed(Opinion.DISAGREE, report="2.25.2"))

    with database.look() as connection:
        exported = [
            (row.label, row.opinion, row.report, counts)
            for row, counts in reviews.export(connection, "own")
        ]
    assert [
        ("Edema", "disagree", "2.25.1", False),
        ("Mass", "agree", "2.25.1", False),
        ("Mass", "disagree", "2.25.2", True),
    ] == exported
