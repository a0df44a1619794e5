"""Reviews of the model's findings by readers. Rows are added, never changed.

A second answer of the same reader to a finding of an image is a change of mind: both stay, and
the latest one counts.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, tuple_

from hilum.radiograph import ImageUIDs
from hilum.records.keys import image_values, of_image, of_study, study_values
from hilum.records.review import ReaderAnswer, Review, ReviewedFinding
from hilum.records.rows import as_record
from hilum.records.tables import REVIEW, REVIEW_FINDING, STUDY
from hilum.settings.node import NodeMode
from hilum.values.proportions import wilson

AT_ONCE: Final = 1000
"""Lines that are fetched at a time."""

IMAGE_KEY: Final = tuple(REVIEW.c[name] for name in ImageUIDs._fields)
ANSWER_KEY: Final = (REVIEW.c.number, REVIEW_FINDING.c.label)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What readers said of one finding in one month; each review counts once."""

    label: str
    month: str
    """Which; the month as ``YYYY-MM``."""
    agree: int = 0
    missed: int = 0
    """Reviews that agree; reviews that say present where the model does not."""
    false_positive: int = 0
    unsure: int = 0
    """Reviews that say absent where the model says present; reviews that leave it open."""
    in_words: bool = False
    """Whether readers named it themselves as missing, and the model does not have it."""

    @property
    def reviews(self) -> int:
        """How many reviews answered it."""
        return self.answers + self.unsure

    @property
    def answers(self) -> int:
        """How many of them say present or absent."""
        return self.agree + self.missed + self.false_positive

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the share of these that agrees; None where none can."""
        if self.in_words or not self.answers:
            return None
        return wilson(self.agree, self.answers)


def add(connection: Connection, archive: str, review: Review) -> bool:
    """Add a review; its study counts as reviewed from now on.

    The caller refreshes the study's row afterwards, in the same transaction.

    Returns
    -------
    bool
        False when the review with this report is there already; then nothing changes.
    """
    known = select(REVIEW.c.number).where(REVIEW.c.report == review.report)
    if connection.scalar(known) is not None:
        return False
    number = connection.scalar(
        REVIEW.insert()
        .values(
            archive=archive,
            month=f"{review.at.astimezone(UTC):%Y-%m}",
            **{name: value for name, value in asdict(review).items() if name != "findings"},
        )
        .returning(REVIEW.c.number)
    )
    rows = [{"number": number, **asdict(each)} for each in review.findings]
    if rows:
        connection.execute(REVIEW_FINDING.insert(), rows)
    study = study_values(archive, review.study_instance_uid)
    connection.execute(STUDY.update().where(*of_study(STUDY)).values(reviewed=review.at), study)
    return True


def on_image(connection: Connection, archive: str, uids: ImageUIDs) -> list[Review]:
    """Return all reviews on an image, the newest first."""
    rows = connection.execute(
        select(REVIEW).where(*of_image(REVIEW)).order_by(REVIEW.c.number.desc()),
        image_values(archive, uids),
    ).all()
    return [_of_row(row, _judged(connection, row.number)) for row in rows]


def readers(connection: Connection, archive: str) -> list[str]:
    """Return who has reviewed anything."""
    asked = select(REVIEW.c.reader).where(REVIEW.c.archive == archive).distinct()
    return sorted(connection.scalars(asked))


def agreement(
    connection: Connection,
    archive: str,
    *,
    unaided: bool | None = None,
    mode: NodeMode | None = None,
) -> list[Agreement]:
    """Return the counts by finding and month; each reader's latest answer on each image counts.

    Parameters
    ----------
    unaided
        Only reviews before or after the model's findings were shown; None: all.
    mode
        Only of images that were analyzed in it; None: of all.
    """
    which = _of(archive, unaided=unaided, mode=mode)
    counted: Counter[tuple[str, str, str]] = Counter()
    said = (REVIEW_FINDING.c.label, REVIEW.c.month, REVIEW_FINDING.c.answer)
    judged = connection.execute(
        select(*said, REVIEW_FINDING.c.positive, func.count())
        .join(REVIEW, REVIEW.c.number == REVIEW_FINDING.c.number)
        .where(tuple_(*ANSWER_KEY).in_(_latest(*which)))
        .group_by(*said, REVIEW_FINDING.c.positive)
    )
    for label, month, answer, positive, count in judged:
        counted[label, month, _counts_as(ReaderAnswer(answer), positive=positive)] += count
    answered = {(label, month) for label, month, _ in counted}
    named = {
        (*image, reader, word): month
        for month, missing, reader, *image in connection.execute(
            select(REVIEW.c.month, REVIEW.c.missing, REVIEW.c.reader, *IMAGE_KEY)
            .where(*which)
            .order_by(REVIEW.c.number.desc())
        )
        for word in missing
    }
    counted.update((label, month, "missed") for (*_, label), month in named.items())
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for (label, month, kind), count in counted.items():
        groups.setdefault((label, month), {})[kind] = count
    return [Agreement(*key, in_words=key not in answered, **groups[key]) for key in sorted(groups)]


def _counts_as(answer: ReaderAnswer, *, positive: bool) -> str:
    """Return the field of `Agreement` in which an answer counts."""
    if answer is ReaderAnswer.UNSURE:
        return "unsure"
    if (answer is ReaderAnswer.PRESENT) == positive:
        return "agree"
    return "false_positive" if positive else "missed"


def export(
    connection: Connection, archive: str, *, reader: str | None = None
) -> Iterator[tuple[Row[Any], bool]]:
    """Yield every judged finding with its review's line, and whether that is the latest one.

    Some at a time, in the order in which they were given: no cursor stays open between them.

    Parameters
    ----------
    reader
        Who is told of the findings of the audit mode only where they reviewed them; None: of all.
    """
    latest = {tuple(row) for row in connection.execute(_latest(REVIEW.c.archive == archive))}
    told = (
        [] if reader is None else [(REVIEW.c.mode != NodeMode.AUDIT) | (REVIEW.c.reader == reader)]
    )
    after, label = 0, ""
    while True:
        rows = connection.execute(
            select(REVIEW, *(c for c in REVIEW_FINDING.c if c.name != "number"))
            .join(REVIEW_FINDING, REVIEW_FINDING.c.number == REVIEW.c.number)
            .where(
                REVIEW.c.archive == archive,
                *told,
                (REVIEW.c.number > after)
                | ((REVIEW.c.number == after) & (REVIEW_FINDING.c.label > label)),
            )
            .order_by(REVIEW.c.number, REVIEW_FINDING.c.label)
            .limit(AT_ONCE)
        ).all()
        yield from ((row, (row.number, row.label) in latest) for row in rows)
        if len(rows) < AT_ONCE:
            return
        after, label = rows[-1].number, rows[-1].label


def _latest(*which: ColumnElement[bool]) -> Select[tuple[int, str]]:
    """Return review and label of each reader's latest answer to each finding of each image."""
    label = REVIEW_FINDING.c.label
    return (
        select(func.max(REVIEW.c.number), label)
        .join(REVIEW_FINDING, REVIEW_FINDING.c.number == REVIEW.c.number)
        .where(*which)
        .group_by(*IMAGE_KEY, REVIEW.c.reader, label)
    )


def _of(
    archive: str, *, unaided: bool | None, mode: NodeMode | None
) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a review is on this archive's images, and of that kind."""
    asked = {REVIEW.c.archive: archive, REVIEW.c.unaided: unaided, REVIEW.c.mode: mode}
    return tuple(column == value for column, value in asked.items() if value is not None)


def _judged(connection: Connection, number: int) -> Sequence[Row[Any]]:
    return connection.execute(
        select(REVIEW_FINDING)
        .where(REVIEW_FINDING.c.number == number)
        .order_by(REVIEW_FINDING.c.label)
    ).all()


def _of_row(row: Row[Any], judged: Sequence[Row[Any]]) -> Review:
    return as_record(
        Review, row, findings=tuple(as_record(ReviewedFinding, each) for each in judged)
    )
