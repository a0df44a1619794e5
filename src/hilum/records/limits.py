"""Who sees which study: one condition, put into every question that a limited person causes.

A question is changed as it is sent (`only`), whoever wrote it: a page that is added later
shows no more than the others. What a study is known by is kept beside it; a study of which
that is not known is not seen by anybody who is limited by it.

Sources
-------
NIST SP 800-162 (attribute-based access control); OWASP ASVS 5.0, V8.2 and V8.3.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Delete,
    FromClause,
    Join,
    Select,
    Table,
    Update,
    and_,
    event,
    exists,
    false,
    select,
)
from sqlalchemy.engine import Engine
from sqlalchemy.sql import ClauseElement, ColumnElement, visitors

from hilum.records.accounts import AccountError, Role
from hilum.records.keys import of_study, study_values
from hilum.records.studies import Rank
from hilum.records.tables import AUDIT, STUDY, STUDY_ATTRIBUTE
from hilum.records.upsert import unless_there
from hilum.settings.node import NodeMode

LONGEST: Final = 256
"""Letters of a value that are compared; a longer one is nobody's."""

STUDY_KEY: Final = ("archive", "study_instance_uid")

OPTION: Final = "study_limits"
"""Of a connection: the limits of the person for whom it asks."""

UNSILENT: Final = "unsilent"
"""Of a connection: whether what the node found in silent mode is kept from that person."""


class StudyAttribute(StrEnum):
    """What a study is known by."""

    INSTITUTION = "institution"
    """Institution Name (0008,0080)."""
    PHYSICIAN = "physician"
    """Referring Physician's Name (0008,0090)."""
    LABEL = "label"
    """The AE title that sent it, and what operators or programs put on it."""


Known = frozenset[tuple[StudyAttribute, str]]
"""What one image says that its study is known by."""


@dataclass(frozen=True, slots=True)
class StudyLimits:
    """The studies that somebody sees; of every attribute that is named, one value must fit.

    A study whose images name several institutions, or physicians, fits only if all of them do.
    """

    pairs: Known = frozenset()
    """Attribute and value, folded; none: no study is seen."""

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "StudyLimits":
        """Return the limits that are written ``attribute=value``.

        Raises
        ------
        AccountError
            One is written otherwise.
        """
        return cls(frozenset(map(_pair, texts)))

    @property
    def texts(self) -> tuple[str, ...]:
        """The same as they are written."""
        return tuple(sorted(f"{attribute}={value}" for attribute, value in self.pairs))

    def by_attribute(self) -> Mapping[StudyAttribute, list[str]]:
        """Return the values of each attribute that is named."""
        named: dict[StudyAttribute, list[str]] = {}
        for attribute, value in sorted(self.pairs):
            named.setdefault(attribute, []).append(value)
        return named


NO_STUDY: Final = StudyLimits()
"""Nothing is seen."""


def limits_of(role: Role, texts: Iterable[str], *, enforced: bool) -> StudyLimits | None:
    """Return what a user is limited to, None for all studies.

    Operators are limited only if it is said; others see nothing until it is.
    """
    limits = StudyLimits.parse(texts)
    whole = role is Role.OPERATOR and limits == NO_STUDY
    return None if whole or not enforced else limits


def folded(text: str) -> str:
    """Return a value as it is compared: small letters, single spaces, of a name its first group."""
    first = next((group for group in text.split("=") if group.strip("^ ")), "")
    letters = unicodedata.normalize("NFKC", first.replace("^", " ")).casefold()
    shown = "".join(letter if letter.isprintable() else " " for letter in letters)
    plain = " ".join(shown.split())
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"


def known_by(institution: str, physician: str, labels: Iterable[str] = ()) -> Known:
    """Return what an image says that its study is known by; what it leaves empty is unknown."""
    said = [
        (StudyAttribute.INSTITUTION, institution),
        (StudyAttribute.PHYSICIAN, physician),
        *((StudyAttribute.LABEL, label) for label in labels),
    ]
    return frozenset((attribute, value) for attribute, text in said if (value := folded(text)))


def keep(connection: Connection, archive: str, study_instance_uid: str, known: Known) -> None:
    """Add what a further image says that its study is known by."""
    study = {"archive": archive, "study_instance_uid": study_instance_uid}
    for attribute, value in sorted(known):
        row = {**study, "attribute": attribute, "value": value}
        connection.execute(unless_there(connection, STUDY_ATTRIBUTE), row)


def set_labels(
    connection: Connection, archive: str, study_instance_uid: str, labels: Iterable[str]
) -> list[str]:
    """Put these labels on a study instead of those that it had; return them as they are kept."""
    before = STUDY_ATTRIBUTE.delete().where(
        *of_study(STUDY_ATTRIBUTE), STUDY_ATTRIBUTE.c.attribute == StudyAttribute.LABEL
    )
    connection.execute(before, study_values(archive, study_instance_uid))
    known = known_by("", "", labels)
    keep(connection, archive, study_instance_uid, known)
    return sorted(value for _, value in known)


def seen(connection: Connection, archive: str, studies: Iterable[str]) -> set[str]:
    """Return those of some studies that are known here, and seen by whom the connection is for."""
    among = STUDY.c.study_instance_uid.in_(sorted(set(studies)))
    found = select(STUDY.c.study_instance_uid).where(STUDY.c.archive == archive, among)
    return set(connection.scalars(found))


def _pair(text: str) -> tuple[StudyAttribute, str]:
    name, _, value = text.partition("=")
    plain = folded(value)
    if name.strip() not in set(StudyAttribute) or not plain or len(plain) > LONGEST:
        raise AccountError(
            "{text!r} limits nothing.",
            "Write institution=NAME, physician=NAME or label=NAME.",
            text=text,
        )
    return StudyAttribute(name.strip()), plain


def is_limited(table: Any) -> bool:
    """Return whether a line of a table is about a study.

    No page shows the audit trail, and its chain needs all of it.
    """
    return isinstance(table, Table) and "study_instance_uid" in table.c and table is not AUDIT


def enforce(engine: Engine) -> None:
    """Let no question go to the database that shows more than its connection may see."""
    event.listen(engine, "before_execute", _before, retval=True)


def _before(
    connection: Connection, statement: Any, several: Any, values: Any, _options: Any
) -> tuple[Any, Any, Any]:
    options = connection.get_execution_options()
    limits, unsilent = options.get(OPTION), options.get(UNSILENT, False)
    if (limits is not None or unsilent) and isinstance(statement, ClauseElement):
        statement = only(statement, limits, unsilent=unsilent)
    return statement, several, values


def only(statement: ClauseElement, limits: StudyLimits | None, *, unsilent: bool = False) -> Any:
    """Return a statement that sees and changes lines of allowed studies alone."""

    def allowed(lines: FromClause) -> Iterator[ColumnElement[bool]]:
        if limits is not None:
            yield _allowed(lines, limits)
        if unsilent:
            yield from _told(lines)

    if isinstance(statement, Update | Delete):
        table = statement.table
        return statement.where(*allowed(table)) if is_limited(table) else statement

    def narrowed(element: Any, **_: Any) -> Any:
        if not isinstance(element, Select):
            return None
        whole = element

        def within(element: Any, **_: Any) -> Any:
            return None if element is whole else narrowed(element)

        inner: Any = visitors.replacement_traverse(element, {}, within)
        return inner.where(*(each for lines in _limited_in(element) for each in allowed(lines)))

    return visitors.replacement_traverse(statement, {}, narrowed)


def _limited_in(query: Select[Any]) -> Iterator[FromClause]:
    """Yield each table of a query whose lines are about studies, under the name it has there."""
    froms = list(query.get_final_froms())
    while froms:
        each = froms.pop()
        if isinstance(each, Join):
            froms += (each.left, each.right)
        elif is_limited(getattr(each, "element", each)):
            yield each


def _told(lines: FromClause) -> Iterator[ColumnElement[bool]]:
    """Yield the condition that a line does not come of the silent mode."""
    if "rank" in lines.c:  # a study's, in its indexes
        yield lines.c.rank != Rank.SILENT
    elif "mode" in lines.c:
        yield lines.c.mode != NodeMode.SILENT


def _allowed(lines: FromClause, limits: StudyLimits) -> ColumnElement[bool]:
    """Return the condition that a line is about a study that is seen."""
    if limits == NO_STUDY:
        return false()
    table = STUDY_ATTRIBUTE.alias()
    conditions: list[ColumnElement[bool]] = []
    for attribute, values in limits.by_attribute().items():
        said = (
            exists()
            .where(
                *(table.c[name] == lines.c[name] for name in STUDY_KEY if name in lines.c),
                table.c.attribute == attribute,
            )
            .correlate(lines)
        )
        conditions.append(said.where(table.c.value.in_(values)))
        if attribute is not StudyAttribute.LABEL:
            conditions.append(~said.where(table.c.value.not_in(values)))
    return and_(*conditions)
