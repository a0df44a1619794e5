"""Queries of the worklist: which studies, in which order, and whether anything changed.

A page begins after the last study of the page before (keyset pagination): the last page of
100,000 studies costs what the first one does, and a new study moves no other to another page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, func, literal, select, tuple_

from hilum.radiograph import ImageUIDs
from hilum.records.keys import image_values, of_image
from hilum.records.studies import Rank, fold, person_of, words_in
from hilum.records.tables import STUDY, STUDY_FINDING, STUDY_WORD, THUMBNAIL
from hilum.settings.node import NodeMode
from hilum.values.persons import Trait, differences, names_somebody

StudyRow = Row[Any]
"""A row of `STUDY`, its columns by name."""

LAST: Final = "\U0010ffff"
"""Sorts after every letter: the end of the words that begin with a prefix."""

COMMON: Final = 2000
"""Lines from which on it is faster to ask each study whether it has one."""

ONE_ID: Final = 200
"""Studies with one Patient ID that are compared: more have none that is one person's."""

MOST_WORDS: Final = 6
"""Words of a search that count."""


@dataclass(frozen=True, slots=True)
class WorklistPosition:
    """Where a study is in the order of the worklist."""

    rank: int
    due: datetime
    """Its due time, or its arrival in a list by arrival."""
    study_instance_uid: str

    def __str__(self) -> str:
        return f"{self.rank}_{self.due.timestamp()!r}_{self.study_instance_uid}"

    @classmethod
    def parse(cls, text: str) -> "WorklistPosition":
        """Read what `str` gave.

        Raises
        ------
        ValueError
            It is something else.
        """
        rank, due, uid = text.split("_", 2)
        try:
            return cls(int(rank), datetime.fromtimestamp(float(due), UTC), uid)
        except OverflowError as exc:
            raise ValueError(f"{text!r} is no place in the worklist") from exc


@dataclass(frozen=True, slots=True)
class WorklistFilter:
    """Which studies are looked for; what is empty does not count."""

    text: str = ""
    """Beginnings of words of name, ID or accession number; all must be found."""
    state: str = ""
    """Empty: any but refused; those are found by their state, or by words."""
    finding: str = ""
    """Label that must be positive."""
    since: str = ""
    until: str = ""
    """Study Date, ``YYYYMMDD``, both inside."""
    open_only: bool = False
    """Leave out what was reviewed, and what is gone."""
    urgent_only: bool = False
    """Only what was ordered as urgent."""
    mode: str = ""
    """`NodeMode` of the study; empty: any, those of the silent mode by words alone."""
    hide_ineligible: bool = field(default=False, compare=False)
    """Leave out in any case what is no frontal chest radiograph."""
    by_arrival: bool = field(default=False, compare=False)
    """Order by arrival, which says nothing of findings, instead of by due time."""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self == WorklistFilter()


def page(
    connection: Connection,
    archive: str,
    wanted: WorklistFilter,
    *,
    size: int,
    after: WorklistPosition | None = None,
) -> tuple[Sequence[StudyRow], WorklistPosition | None]:
    """Return rows of `STUDY` in the order of the worklist, and where the next page begins.

    Parameters
    ----------
    after
        Place of the last row of the page before; None for the first page.

    Returns
    -------
    rows
        At most `size`.
    next
        What to give as `after` for the next page; None when there is none.
    """
    moment = STUDY.c.arrived if wanted.by_arrival else STUDY.c.due
    order = (STUDY.c.rank, moment, STUDY.c.study_instance_uid)
    query = _chosen(connection, archive, wanted).order_by(*order).limit(size + 1)
    if after is not None:
        place = (after.rank, after.due, after.study_instance_uid)
        values = (literal(value, column.type) for value, column in zip(place, order, strict=True))
        query = query.where(tuple_(*order) > tuple_(*values))
    rows = connection.execute(query).all()
    if len(rows) <= size:
        return rows, None
    last = rows[size - 1]
    at = last.arrived if wanted.by_arrival else last.due
    return rows[:size], WorklistPosition(last.rank, at, last.study_instance_uid)


def row(connection: Connection, archive: str, study_instance_uid: str) -> StudyRow | None:
    """Return one study's row, None when it is not known."""
    key = (STUDY.c.archive == archive, STUDY.c.study_instance_uid == study_instance_uid)
    return connection.execute(select(STUDY).where(*key)).one_or_none()


@dataclass(frozen=True, slots=True)
class Others:
    """Other studies with the Patient ID of one, the newest first."""

    same: Sequence[StudyRow] = ()
    """Those of the same person."""
    apart: Sequence[tuple[StudyRow, tuple[Trait, ...]]] = ()
    """Those that are possibly another person's, with what differs."""


def others_of_patient(
    connection: Connection, archive: str, study: StudyRow, *, limit: int
) -> Others:
    """Return the other studies with this study's Patient ID, at most `limit` of either kind.

    None where that ID is empty or a placeholder.
    """
    person = person_of(study)
    if not names_somebody(person.patient_id):
        return Others()
    rows = connection.execute(
        select(STUDY)
        .where(
            STUDY.c.archive == archive,
            STUDY.c.patient_id == study.patient_id,
            STUDY.c.study_instance_uid != study.study_instance_uid,
            STUDY.c.state != "gone",
        )
        .order_by(STUDY.c.study_date.desc(), STUDY.c.study_time.desc())
        .limit(ONE_ID)
    ).all()
    compared = [(row, differences(person, person_of(row))) for row in rows]
    same = [row for row, differs in compared if not differs]
    return Others(same[:limit], [each for each in compared if each[1]][:limit])


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """How many studies there are; none is counted twice."""

    waiting: int
    """Not reviewed."""
    done: int
    """Reviewed, or deleted from the PACS."""
    unreadable: int
    ineligible: int
    """Not analyzed: those that may be frontal chest radiographs, and the others."""
    silent: int = 0
    """Of the silent mode, where they are seen."""

    @property
    def listed(self) -> int:
        """Those of the worklist without a filter."""
        return self.waiting + self.done


def counts(connection: Connection, archive: str) -> StudyCounts:
    """Return how many studies there are, all by one query."""
    ranks = connection.execute(
        select(STUDY.c.rank, func.count()).where(STUDY.c.archive == archive).group_by(STUDY.c.rank)
    )
    counted = {Rank(rank): int(count) for rank, count in ranks}
    waiting = sum(count for rank, count in counted.items() if rank < Rank.REVIEWED)
    done = counted.get(Rank.REVIEWED, 0) + counted.get(Rank.GONE, 0)
    unread, other = counted.get(Rank.UNREADABLE, 0), counted.get(Rank.INELIGIBLE, 0)
    return StudyCounts(waiting, done, unread, other, counted.get(Rank.SILENT, 0))


def last_change(connection: Connection, archive: str) -> datetime | None:
    """Return when anything last happened to any study; None before the first one came."""
    latest = select(func.max(STUDY.c.changed)).where(STUDY.c.archive == archive)
    found: datetime | None = connection.scalar(latest)
    return found


def labels(connection: Connection, archive: str) -> list[str]:
    """Return the labels that are positive in any study: what can be filtered by."""
    found: list[str] = []
    column = STUDY_FINDING.c.label
    while True:  # one step through the index for each label, however many studies there are
        query = select(func.min(column)).where(STUDY_FINDING.c.archive == archive)
        following = connection.scalar(query.where(column > found[-1]) if found else query)
        if following is None:
            return found
        found.append(following)


def thumbnail(connection: Connection, archive: str, uids: ImageUIDs) -> bytes | None:
    """Return an image's small picture; empty when none can be made, None before it was tried."""
    question = select(THUMBNAIL.c.picture).where(*of_image(THUMBNAIL))
    return connection.scalar(question, image_values(archive, uids))


def keep_thumbnail(connection: Connection, archive: str, uids: ImageUIDs, picture: bytes) -> None:
    """Keep an image's small picture instead of an earlier one."""
    earlier = THUMBNAIL.delete().where(*of_image(THUMBNAIL))
    connection.execute(earlier, image_values(archive, uids))
    line = {"archive": archive, **uids._asdict(), "picture": picture}
    connection.execute(THUMBNAIL.insert(), line)


def _chosen(connection: Connection, archive: str, wanted: WorklistFilter) -> Select[Any]:
    query = select(STUDY).where(STUDY.c.archive == archive)
    words = words_in(fold(wanted.text))[:MOST_WORDS]
    for word in words:
        begins = (STUDY_WORD.c.word >= word, STUDY_WORD.c.word < word + LAST)
        query = query.where(_among(connection, archive, STUDY_WORD, *begins))
    if wanted.finding:
        positive = STUDY_FINDING.c.label == wanted.finding
        query = query.where(_among(connection, archive, STUDY_FINDING, positive))
    query = query.where(*_stages(wanted, by_words=bool(words)))
    if wanted.since:
        query = query.where(STUDY.c.study_date >= wanted.since)
    if wanted.until:
        query = query.where(STUDY.c.study_date <= wanted.until)
    if wanted.open_only:
        query = query.where(STUDY.c.rank < Rank.REVIEWED)
    if wanted.urgent_only:
        query = query.where(STUDY.c.rank == Rank.URGENT)
    if wanted.hide_ineligible:
        query = query.where(STUDY.c.rank != Rank.INELIGIBLE)
    return query


def _stages(wanted: WorklistFilter, *, by_words: bool) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on mode and state; what is in neither list is found by words."""
    if wanted.mode:
        yield STUDY.c.mode == wanted.mode
    elif not by_words:
        yield STUDY.c.rank != Rank.SILENT
    if wanted.state:
        yield STUDY.c.state == wanted.state
    elif not by_words and wanted.mode != NodeMode.SILENT:
        yield STUDY.c.rank < Rank.UNREADABLE


def _among(
    connection: Connection, archive: str, table: Table, *which: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return the condition that a study has one of these lines of another table.

    Few lines are gathered first; of many, each study in the order of the worklist is asked
    whether it has one, until a page is full. No planner knows beforehand which is faster.
    """
    key = table.c.study_instance_uid
    lines = select(key).where(table.c.archive == archive, *which)
    some = lines.limit(COMMON).subquery()
    if (connection.scalar(select(func.count()).select_from(some)) or 0) < COMMON:
        return STUDY.c.study_instance_uid.in_(lines)
    return lines.where(key == STUDY.c.study_instance_uid).correlate(STUDY).exists()
