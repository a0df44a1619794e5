"""Reviews of readers on both databases: nothing is changed, the latest counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hilum.records import Database, reviews, studies, worklist
from hilum.records.review import Opinion, ReaderAnswer, Review, ReviewedFinding
from hilum.records.reviews import Agreement
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
            "Mass", ReaderAnswer.PRESENT, positive=True, raw=0.7, operating_point=0.6, score=0.8
        ),
        ReviewedFinding(
            "Edema", ReaderAnswer.PRESENT, positive=False, raw=0.1, operating_point=0.6, score=0.2
        ),
    ),
    ("rib notching",),
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


def changed(answer: ReaderAnswer, **facts: object) -> Review:
    """Return another review on Mass."""
    judged = replace(REVIEW.findings[0], answer=answer)
    return replace(REVIEW, findings=(judged,), missing=(), **facts)


def test_review_comes_back_as_it_was_given(database):
    """The newest first."""
    later = changed(ReaderAnswer.UNSURE, report="2.25.2", reader="bo", at=AT + timedelta(days=1))
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


def test_only_a_readers_latest_answer_counts(database):
    """Of each finding; another reader's counts beside it; months are UTC's."""
    add(
        database,
        REVIEW,
        changed(ReaderAnswer.ABSENT, report="2.25.2", at=AT + timedelta(hours=1)),
        changed(ReaderAnswer.PRESENT, report="2.25.3", reader="bo"),
    )

    with database.look() as connection:
        assert [
            Agreement("Edema", "2026-02", missed=1),
            Agreement("Mass", "2026-02", agree=1),
            Agreement("Mass", "2026-03", false_positive=1),
            Agreement("rib notching", "2026-02", missed=1, in_words=True),
        ] == reviews.agreement(connection, "own")
        assert [] == reviews.agreement(connection, "other")


def test_reviews_with_and_without_the_findings_are_told_apart(database):
    """The first opinion still counts as unaided after the reader changed it."""
    first = changed(ReaderAnswer.ABSENT, unaided=True)
    add(database, first, changed(ReaderAnswer.PRESENT, report="2.25.2"))

    with database.look() as connection:
        for unaided, counted in (
            (True, Agreement("Mass", "2026-02", false_positive=1)),
            (False, Agreement("Mass", "2026-02", agree=1)),
            (None, Agreement("Mass", "2026-02", agree=1)),
        ):
            assert [counted] == reviews.agreement(connection, "own", unaided=unaided)


@pytest.mark.parametrize(
    ("answer", "positive", "opinion"),
    [
        (ReaderAnswer.PRESENT, True, Opinion.AGREE),
        (ReaderAnswer.ABSENT, False, Opinion.AGREE),
        (ReaderAnswer.PRESENT, False, Opinion.DISAGREE),
        (ReaderAnswer.ABSENT, True, Opinion.DISAGREE),
        (ReaderAnswer.UNSURE, True, Opinion.UNSURE),
    ],
)
def test_opinion_follows_from_the_answer(answer, positive, opinion):
    """It is never said twice, so it cannot contradict the answer."""
    found = ReviewedFinding("Mass", answer, positive, raw=0.5, operating_point=0.5, score=0.5)

    assert opinion is found.opinion


def test_export_has_every_line_and_says_which_count(database, monkeypatch):
    """However many are fetched at a time."""
    monkeypatch.setattr(reviews, "AT_ONCE", 1)
    add(database, REVIEW, changed(ReaderAnswer.ABSENT, report="2.25.2"))

    with database.look() as connection:
        exported = [
            (row.label, row.answer, row.report, counts)
            for row, counts in reviews.export(connection, "own")
        ]
    assert [
        ("Edema", "present", "2.25.1", True),
        ("Mass", "present", "2.25.1", False),
        ("Mass", "absent", "2.25.2", True),
    ] == exported
