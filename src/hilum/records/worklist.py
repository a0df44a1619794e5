"""Queries of the worklist: which studies, in which order, and whether anything changed.

A page begins after the last study of the page before (keyset pagination): the last page of
100,000 studies costs what the first one does, and a new study moves no other to another page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    Table,
    func,
    literal,
    select,
    tuple_,
)

from hilum.radiograph import ImageUIDs
from hilum.records import indexed
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
"""Lines from which on it is faster to ask each study in order whether it has one."""

NARROWED: Final = 10
"""As many times that are gathered where their index has the order, or another word spares most."""

MOST: Final = 10_000
"""Studies of a rank that are counted: a higher number says only that there are more."""

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
    keys = _keys(connection, archive, wanted, after).limit(size + 1)
    moment = STUDY.c.arrived if wanted.by_arrival else STUDY.c.due
    whole = (
        select(STUDY)
        .where(STUDY.c.archive == archive, STUDY.c.study_instance_uid.in_(keys))
        .order_by(STUDY.c.rank, moment, STUDY.c.study_instance_uid)
    )
    rows = connection.execute(indexed.by_key(whole, STUDY)).all()
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
    others = (
        select(STUDY)
        .where(
            STUDY.c.archive == archive,
            STUDY.c.patient_id == study.patient_id,
            STUDY.c.study_instance_uid != study.study_instance_uid,
            STUDY.c.state != "gone",
        )
        .order_by(STUDY.c.study_date.desc(), STUDY.c.study_time.desc())
        .limit(ONE_ID)
    )
    rows = connection.execute(indexed.by(others, STUDY, "study_by_patient")).all()
    compared = [(row, differences(person, person_of(row))) for row in rows]
    same = [row for row, differs in compared if not differs]
    return Others(same[:limit], [each for each in compared if each[1]][:limit])


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """How many studies there are; none is counted twice, and of a rank only `MOST` and one."""

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
    each = select(*(_count(archive, "study_in_order", STUDY.c.rank == rank) for rank in Rank))
    counted = dict(zip(Rank, connection.execute(each).one(), strict=True))
    waiting = sum(count for rank, count in counted.items() if rank < Rank.REVIEWED)
    done = counted[Rank.REVIEWED] + counted[Rank.GONE]
    unread, other = counted[Rank.UNREADABLE], counted[Rank.INELIGIBLE]
    return StudyCounts(waiting, done, unread, other, counted[Rank.SILENT])


def arrivals(connection: Connection, archive: str, since: datetime) -> int:
    """Return how many studies of the worklist arrived after that."""
    late = STUDY.c.arrived > since
    listed = (rank for rank in Rank if rank < Rank.UNREADABLE)
    each = (_count(archive, "study_by_arrival", STUDY.c.rank == rank, late) for rank in listed)
    return sum(connection.execute(select(*each)).one())


def _count(archive: str, index: str, *which: ColumnElement[bool]) -> ScalarSelect[int]:
    """Return a question for how many studies there are, at most one more than `MOST`."""
    some = _question(STUDY, index, archive, *which).limit(MOST + 1).subquery("few")
    return select(func.count()).select_from(some).scalar_subquery()


def last_change(connection: Connection, archive: str) -> datetime | None:
    """Return when anything last happened to any study; None before the first one came."""
    latest = select(func.max(STUDY.c.changed)).where(STUDY.c.archive == archive)
    found: datetime | None = connection.scalar(indexed.by(latest, STUDY, "study_by_change"))
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


def _keys(
    connection: Connection, archive: str, wanted: WorklistFilter, after: WorklistPosition | None
) -> Select[Any]:
    """Return a question for the studies that are looked for, in the order of the worklist.

    Where few have one of the words, or a Study Date of the range, these are gathered and sorted.
    Else the studies, those with the finding or those of the state are read in order, and each is
    asked for the rest, until a page is full. No planner knows beforehand which is faster.
    """
    words = [_word(archive, word) for word in words_in(fold(wanted.text))[:MOST_WORDS]]
    dates = tuple(_dates(wanted))
    dated = _question(STUDY, "study_by_date", archive, *dates)
    few = _fewest(connection, words, dated if dates else None)
    by_finding = bool(wanted.finding) and few is None and not wanted.by_arrival
    table = STUDY_FINDING if by_finding else STUDY
    others = [each for each in words if each is not few]
    if wanted.finding and not by_finding:
        others.append(_positive(archive, wanted.finding))
    if few is None:
        keys = _question(table, _in_order(wanted, by_finding=by_finding), archive)
    elif few is dated:
        keys = dated
    else:
        among = STUDY.c.study_instance_uid.in_(_having(few, others))
        keys, others = _question(STUDY, indexed.key(STUDY), archive, among), []
    if by_finding:
        keys = keys.where(STUDY_FINDING.c.label == wanted.finding)
    said = (*dates, *_said(wanted))
    if by_finding and said:
        others.append(_question(STUDY, indexed.key(STUDY), archive, *said))
        said = ()
    keys = _having(keys, others).where(*_ranks(table.c.rank, wanted), *said)
    moment = table.c.arrived if wanted.by_arrival else table.c.due
    order = (table.c.rank, moment, table.c.study_instance_uid)
    if after is not None:
        place = (after.rank, after.due, after.study_instance_uid)
        values = (literal(value, column.type) for value, column in zip(place, order, strict=True))
        keys = keys.where(tuple_(*order) > tuple_(*values))
    # few are sorted: PostgreSQL would read all in order, in the hope to meet them soon
    first = table.c.rank if few is None else table.c.rank + 0
    return keys.order_by(first, *order[1:]).correlate(None)


def _in_order(wanted: WorklistFilter, *, by_finding: bool) -> str:
    """Return the index in whose order studies are read."""
    if by_finding:
        return "study_finding_in_order"
    if wanted.by_arrival:
        return "study_by_arrival"
    return "study_by_state" if wanted.state else "study_in_order"


def _ranks(rank: ColumnElement[int], wanted: WorklistFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on the rank; what is on neither list is found by words."""
    by_words = bool(words_in(fold(wanted.text)))
    if wanted.mode == NodeMode.SILENT:
        yield rank == Rank.SILENT
    elif not by_words:
        yield rank != Rank.SILENT
        if not wanted.state:
            yield rank < Rank.UNREADABLE
    if wanted.open_only:
        yield rank < Rank.REVIEWED
    if wanted.urgent_only:
        yield rank == Rank.URGENT
    if wanted.hide_ineligible:
        yield rank != Rank.INELIGIBLE


def _said(wanted: WorklistFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on what only the study's own line says."""
    if wanted.state:
        yield STUDY.c.state == wanted.state
    if wanted.mode and wanted.mode != NodeMode.SILENT:
        yield STUDY.c.mode == wanted.mode


def _dates(wanted: WorklistFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.since:
        yield STUDY.c.study_date >= wanted.since
    if wanted.until:
        yield STUDY.c.study_date <= wanted.until


def _word(archive: str, word: str) -> Select[Any]:
    """Return a question for the studies that have a word with this beginning."""
    lines = STUDY_WORD.alias()
    return select(lines.c.study_instance_uid).where(
        lines.c.archive == archive, lines.c.word >= word, lines.c.word < word + LAST
    )


def _positive(archive: str, label: str) -> Select[Any]:
    """Return a question for the studies with this finding."""
    return select(STUDY_FINDING.c.study_instance_uid).where(
        STUDY_FINDING.c.archive == archive, STUDY_FINDING.c.label == label
    )


def _question(table: Table, index: str, archive: str, *which: ColumnElement[bool]) -> Select[Any]:
    """Return a question for the studies of such lines of a table."""
    lines = select(table.c.study_instance_uid).where(table.c.archive == archive, *which)
    return indexed.by(lines, table, index)


def _having(question: Select[Any], others: Sequence[Select[Any]]) -> Select[Any]:
    """Return a question for those of its studies that all the others find, too."""
    (key,) = question.selected_columns
    for each in others:
        (same,) = each.selected_columns
        question = question.where(each.where(same == key).correlate(key.table).exists())
    return question


def _fewest(
    connection: Connection, words: Sequence[Select[Any]], dated: Select[Any] | None
) -> Select[Any] | None:
    """Return which question finds so few studies that these are gathered; None: none does."""
    most = COMMON if len(words) == 1 else COMMON * NARROWED
    tried = [(each, most) for each in words]
    if dated is not None:
        tried.append((dated, COMMON * NARROWED))
    sizes = [(_size(connection, each, limit), limit) for each, limit in tried]
    few = [n for n, (size, limit) in enumerate(sizes) if size < limit]
    return tried[min(few, key=sizes.__getitem__)][0] if few else None


def _size(connection: Connection, lines: Select[Any], limit: int) -> int:
    """Return how many lines there are, `limit` where there are more."""
    some = lines.limit(limit).subquery("few")
    return connection.scalar(select(func.count()).select_from(some)) or 0
