"""Reviews of the model's findings by readers. Rows are added, never changed.

A second review of an image by the same reader is a change of mind: both stay, and the
latest one counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, select

from hilum.radiograph import ImageUIDs
from hilum.records.keys import image_values, of_image, of_study, study_values
from hilum.records.rows import as_record
from hilum.records.tables import REVIEW, REVIEW_FINDING, STUDY

AT_ONCE: Final = 1000
"""Lines that are fetched at a time."""


class Opinion(StrEnum):
    """What a reader thinks of one finding."""

    AGREE = "agree"
    DISAGREE = "disagree"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class ReviewedFinding:
    """One finding, as the model gave it and the reader sees it."""

    label: str
    opinion: Opinion
    """What the reader thinks of it."""
    positive: bool
    raw: float
    operating_point: float
    score: float
    """What the model had said."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review of one reader on one image."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    """The image that it is about."""
    at: datetime
    """When, with its UTC offset."""
    reader: str
    """User name."""
    model: str
    model_sha256: str
    """Which model is judged: its name and version, and its weights."""
    findings: tuple[ReviewedFinding, ...]
    """Those that the reader judged."""
    missing: tuple[str, ...]
    """Findings that the model did not see: labels, or the reader's words."""
    comment: str
    """The reader's words."""
    report: str
    """SOP Instance UID of the structured report that says the same in the PACS."""
    demonstration: bool = False
    """Whether the demonstration model is judged."""

    @property
    def uids(self) -> ImageUIDs:
        """The image that it is about."""
        return ImageUIDs(self.study_instance_uid, self.series_instance_uid, self.sop_instance_uid)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often readers agreed on one finding in one month."""

    label: str
    month: str
    """Which; the month as ``YYYY-MM``."""
    agree: int = 0
    disagree: int = 0
    unsure: int = 0
    """How many reviews said so."""
    missed: int = 0
    """How many reviews named it as missing."""


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


def agreement(connection: Connection, archive: str) -> list[Agreement]:
    """Return the counts by finding and month; of each reader on each image the latest counts."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    judged = connection.execute(
        select(REVIEW_FINDING.c.label, REVIEW.c.month, REVIEW_FINDING.c.opinion, func.count())
        .join(REVIEW, REVIEW.c.number == REVIEW_FINDING.c.number)
        .where(REVIEW.c.number.in_(_latest(archive)))
        .group_by(REVIEW_FINDING.c.label, REVIEW.c.month, REVIEW_FINDING.c.opinion)
    )
    for label, month, opinion, count in judged:
        counted.setdefault((label, month), {})[opinion] = count
    named = connection.execute(
        select(REVIEW.c.month, REVIEW.c.missing).where(REVIEW.c.number.in_(_latest(archive)))
    )
    for month, missing in named:
        for label in missing:
            counts = counted.setdefault((label, month), {})
            counts["missed"] = counts.get("missed", 0) + 1
    return [Agreement(label, month, **counted[label, month]) for label, month in sorted(counted)]


def export(connection: Connection, archive: str) -> Iterator[tuple[Row[Any], bool]]:
    """Yield every judged finding with its review's line, and whether that is the latest one.

    Some at a time, in the order in which they were given: no cursor stays open between them.
    """
    latest = set(connection.scalars(_latest(archive)))
    after, label = 0, ""
    while True:
        rows = connection.execute(
            select(REVIEW, *(c for c in REVIEW_FINDING.c if c.name != "number"))
            .join(REVIEW_FINDING, REVIEW_FINDING.c.number == REVIEW.c.number)
            .where(
                REVIEW.c.archive == archive,
                (REVIEW.c.number > after)
                | ((REVIEW.c.number == after) & (REVIEW_FINDING.c.label > label)),
            )
            .order_by(REVIEW.c.number, REVIEW_FINDING.c.label)
            .limit(AT_ONCE)
        ).all()
        yield from ((row, row.number in latest) for row in rows)
        if len(rows) < AT_ONCE:
            return
        after, label = rows[-1].number, rows[-1].label


def _latest(archive: str) -> Select[tuple[int]]:
    """Return the numbers of each reader's latest review on each image."""
    return (
        select(func.max(REVIEW.c.number))
        .where(REVIEW.c.archive == archive)
        .group_by(*(REVIEW.c[name] for name in ImageUIDs._fields), REVIEW.c.reader)
    )


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
