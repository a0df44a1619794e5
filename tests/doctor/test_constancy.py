"""The doctor on the self-test and on drift."""

from datetime import UTC, datetime, timedelta

import pytest

from doctor_tools import look
from drifting import MODEL, drifted, was_tested
from hilum.doctor import constancy as checks
from hilum.doctor.check import Level
from hilum.records.constancy import SelfTestEnd, SelfTestState
from hilum.records.database import open_database

LEAST = {"drift_least_images": 50, "drift_reference_images": 100}
OK = SelfTestEnd(SelfTestState.OK, "stand-in 2", (), 0.0)


@pytest.mark.parametrize("used", [False, True], ids=["no database", "empty database"])
def test_before_the_first_it_is_said_how_to_begin(make, used):
    """That is no fault; and nothing is made by looking."""
    if used:
        open_database(make()).close()
    (test,), (drift,) = look(checks.self_test, make()), look(checks.drift, make())

    assert (Level.OK, Level.OK) == (test.level, drift.level)
    assert "hilum selftest" in test.what
    assert "every 24 h" in look(checks.self_test, make(constancy={"every_hours": 24}))[0].what
    assert ("no recent data" if used else "no data yet") == drift.what
    assert used is (make().data_folder / "hilum.sqlite").exists()


def test_alarm_is_a_problem_that_names_what_moved(make):
    """Its first line, and what to do."""
    ended = SelfTestEnd(
        SelfTestState.ALARM, "stand-in 2", ("Mass: changed by +0.1", "Edema: moved"), 0.1
    )
    with open_database(make()) as database, database.transaction() as connection:
        was_tested(connection, "own", ended, datetime.now(UTC))
    (found,) = look(checks.self_test, make())

    assert Level.PROBLEM is found.level
    assert "alarm of stand-in 2" in found.what
    assert "Mass: changed by +0.1" in found.what
    assert "--record" in found.remedy


@pytest.mark.parametrize(
    ("every", "ago", "levels"),
    [
        (24, 47, [Level.OK]),
        (24, 49, [Level.OK, Level.WARNING]),
        (0, 49, [Level.OK]),
    ],
)
def test_self_test_that_is_overdue_is_a_warning(make, every, ago, levels):
    """Only when there is a schedule."""
    settings = make(constancy={"every_hours": every})
    with open_database(settings) as database, database.transaction() as connection:
        was_tested(connection, "own", OK, datetime.now(UTC) - timedelta(hours=ago))

    assert levels == [found.level for found in look(checks.self_test, settings)]


@pytest.mark.parametrize(
    ("moved", "least", "level", "words"),
    [
        (2.5, 50, Level.WARNING, "and 6 more shifted"),
        (0.0, 50, Level.OK, "as before"),
        (2.5, 200, Level.OK, "too few images: needs"),
    ],
)
def test_what_shifted_is_a_warning(make, moved, least, level, words):
    """Three are named; with too few images nothing is said."""
    settings = make(constancy={**LEAST, "drift_least_images": least})
    with open_database(settings) as database, database.transaction() as connection:
        drifted(connection, "own", moved=moved, now=datetime.now(UTC))
    (found,) = look(checks.drift, settings)

    assert level is found.level
    assert words in found.what
    assert MODEL in found.what


def test_database_that_cannot_be_used_is_told_once_more(make):
    """Neither check says that all is well."""
    file = make().data_folder / "hilum.sqlite"
    file.write_bytes(b"no database at all" * 100)

    assert [Level.WARNING] * 2 == [
        found.level for check in (checks.self_test, checks.drift) for found in look(check, make())
    ]
