"""Limits to some studies: what fits, and that no question is put without them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from hilum.records import Database, limits, studies
from hilum.records.accounts import AccountError, Role
from hilum.records.limits import NO_STUDY, StudyLimits, folded, known_by, limits_of
from hilum.records.states import Urgency
from hilum.records.studies import StudyFacts
from hilum.records.tables import AUDIT, METADATA, STUDY, STUDY_WORD

NOW = datetime(2026, 1, 2, tzinfo=UTC)

STUDIES = {
    "1.1": [("Hospital A", "Silva^Ana")],
    "1.2": [("Hospital A", "Souza^Rui"), ("HOSPITAL  A", "")],
    "1.3": [("Hospital B", "Silva^Ana")],
    "1.4": [("Hospital A", ""), ("Hospital B", "")],
    "1.5": [("", "")],
}
"""Study → institution and physician of each of its images."""


@pytest.fixture
def filled(database: Database) -> Database:
    """Return a database with these studies, of which one has labels."""
    with database.transaction() as connection:
        for uid, images in STUDIES.items():
            facts = StudyFacts(uid, f"Doe^{uid}", uid)
            studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=NOW)
            for said in images:
                limits.keep(connection, "own", uid, known_by(*said))
        limits.set_labels(connection, "own", "1.5", ["ICU", "Night"])
    return database


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        ([], ""),
        (["institution=hospital a"], "1.1 1.2"),
        (["institution=Hospital B"], "1.3"),
        (["institution=Hospital A", "institution=Hospital B"], "1.1 1.2 1.3 1.4"),
        (["physician=SILVA^ANA"], "1.1 1.3"),
        (["physician=silva ana", "institution=Hospital A"], "1.1"),
        (["label=icu"], "1.5"),
        (["label=icu", "label=other"], "1.5"),
        (["label=icu", "institution=hospital a"], ""),
        (["institution=hospital"], ""),
        (["institution=%"], ""),
    ],
)
def test_every_attribute_that_is_named_must_fit(filled: Database, texts: list[str], seen: str):
    """And of each one value; a study that names a second institution is not of the first alone."""
    limited = filled.limited_to(StudyLimits.parse(texts))
    with limited.look() as connection:
        found = sorted(connection.scalars(select(STUDY.c.study_instance_uid)))

    assert seen.split() == found


QUESTIONS = {
    "alias": select(STUDY.alias().c.study_instance_uid),
    "join": select(STUDY_WORD.c.study_instance_uid).join(
        STUDY, STUDY.c.study_instance_uid == STUDY_WORD.c.study_instance_uid
    ),
    "subquery": select(select(STUDY.c.study_instance_uid).limit(9).subquery().c[0]),
    "scalar": select(select(func.max(STUDY.c.study_instance_uid)).scalar_subquery().label("uid")),
    "common table": select(select(STUDY.c.study_instance_uid).cte().c[0]),
    "union": select(STUDY.c.study_instance_uid).union(select(STUDY_WORD.c.study_instance_uid)),
    "in": select(STUDY.c.study_instance_uid).where(
        STUDY.c.study_instance_uid.in_(select(STUDY_WORD.c.study_instance_uid))
    ),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_no_form_of_question_goes_around_the_limits(filled: Database, question):
    """However it is put together."""
    with filled.limited_to(StudyLimits.parse(["institution=hospital b"])).look() as connection:
        assert {"1.3"} == set(connection.scalars(question))
    with filled.limited_to(NO_STUDY).look() as connection:
        assert set() == set(connection.scalars(question)) - {None}
    with filled.look() as connection:
        assert set() < set(connection.scalars(question)) - {"1.3"}


def test_nothing_else_is_changed(filled: Database):
    """Nor deleted."""
    limited = filled.limited_to(StudyLimits.parse(["institution=hospital b"]))
    with limited.transaction() as connection:
        assert 1 == connection.execute(STUDY.update().values(images=7)).rowcount
        connection.execute(STUDY_WORD.delete())
    with filled.look() as connection:
        assert 1 == connection.scalar(select(func.count()).where(STUDY.c.images == 7))
        assert 0 < connection.scalar(select(func.count()).select_from(STUDY_WORD))


def test_every_table_about_studies_is_limited():
    """A new one, too; but for the trail, which no page shows."""
    about = {t for t in METADATA.tables.values() if "study_instance_uid" in t.c}

    assert about - {AUDIT} == set(filter(limits.is_limited, METADATA.tables.values()))


@pytest.mark.parametrize(
    ("role", "texts", "enforced", "expected"),
    [
        (Role.VIEWER, [], True, NO_STUDY),
        (Role.READER, [], True, NO_STUDY),
        (Role.OPERATOR, [], True, None),
        (Role.OPERATOR, ["label=x"], True, StudyLimits.parse(["label=x"])),
        (Role.VIEWER, ["label=x"], False, None),
    ],
)
def test_operators_alone_see_all_without_being_told(role, texts, enforced, expected):
    """Where limits are on at all."""
    assert expected == limits_of(role, texts, enforced=enforced)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hospital São José", "HOSPITAL  SÃO JOSÉ"),
        ("Silva^Ana^^Dra", "silva ana dra"),
        ("Silva^Ana=シルバ", "SILVA^ANA"),
        ("A\u200bB\u202e C", "a b c"),
        ("\uff28ospital", "hospital"),
        ("a\x00b", "a b"),
    ],
)
def test_the_same_is_written_in_several_ways(one: str, other: str):
    """As modalities and people do."""
    assert folded(one) == folded(other)


def test_long_values_are_never_the_same_as_what_is_allowed():
    """Nor does one fail to be kept."""
    assert folded("a" * 300) != folded("a" * 256)
    with pytest.raises(AccountError):
        StudyLimits.parse([f"institution={'a' * 300}"])


@pytest.mark.parametrize(
    "text", ["", "institution", "institution=", "patient=x", "=x", "label= ^ "]
)
def test_a_limit_that_says_nothing_is_refused(text: str):
    """It would let somebody see nothing, or be believed to limit."""
    with pytest.raises(AccountError):
        StudyLimits.parse([text])


def test_limits_are_written_as_they_are_read():
    """Whatever the order."""
    texts = ("institution=a", "label=c", "physician=b d")

    assert texts == StudyLimits.parse(reversed(texts)).texts
