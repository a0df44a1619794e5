"""What is kept of self-tests, on both databases."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from hilum.constancy import LabelValue, PhantomResponse
from hilum.records import Database, constancy, images, studies
from hilum.records.constancy import SelfTestEnd, SelfTestMode, SelfTestStart, SelfTestState
from hilum.records.images import Arrived
from hilum.records.states import Urgency
from hilum.records.studies import DueTimes, StudyFacts
from hilum.records.tables import IMAGE, STUDY, STUDY_WORD
from image_names import image_uids

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=3)
BEGUN = SelfTestStart("own", SelfTestMode.LIVE, NOW, SOON, "1.2", "1.2.3", "digest")
HOUR = timedelta(hours=1)
ANNOUNCED = image_uids("1.2.3")


def test_only_the_announced_image_may_be_read_and_only_for_a_while(database: Database):
    """Another UID, study or archive, too late, after the end, or offline: none is expected."""
    with database.transaction() as connection:
        number = constancy.begin(connection, BEGUN)
        offline = SelfTestStart("own", SelfTestMode.OFFLINE, NOW, SOON, "1.3", "1.3.4", "other")
        constancy.begin(connection, offline)

        assert "digest" == constancy.expected(connection, "own", ANNOUNCED, NOW)
        assert constancy.expected(connection, "own", image_uids("1.2.4"), NOW) is None
        assert constancy.expected(connection, "own", image_uids("1.2.3", "1.9"), NOW) is None
        assert constancy.expected(connection, "other", ANNOUNCED, NOW) is None
        assert constancy.expected(connection, "own", ANNOUNCED, SOON) is None
        assert constancy.expected(connection, "own", image_uids("1.3.4", "1.3"), NOW) is None
        constancy.end(connection, number, SelfTestEnd(SelfTestState.OK), NOW, keep=5)
        assert constancy.expected(connection, "own", ANNOUNCED, NOW) is None
        assert constancy.is_self_test(connection, "own", ANNOUNCED)
        assert not constancy.is_self_test(connection, "own", image_uids("1.2.4"))


def test_a_test_is_due_after_its_hours_and_never_without_any(database: Database):
    """The first at once, the next one an hour after the last began; 0 switches it off."""
    with database.transaction() as connection:
        assert constancy.due(connection, "own", HOUR, NOW)
        constancy.begin(connection, BEGUN)
        assert not constancy.due(connection, "own", HOUR, NOW + 0.9 * HOUR)
        assert constancy.due(connection, "own", HOUR, NOW + HOUR)
        assert constancy.due(connection, "other", HOUR, NOW)
        assert not constancy.due(connection, "own", timedelta(0), NOW + 99 * HOUR)


def test_last_ones_are_kept_and_the_latest_is_the_last_that_ended(database: Database):
    """What it said, how far it moved and how long it took come back; old ones go."""
    with database.transaction() as connection:
        assert constancy.latest(connection, "own") is None
        for turn in range(4):
            number = constancy.begin(connection, BEGUN)
            ended = SelfTestEnd(
                SelfTestState.ALARM, "net 1", (f"turn {turn}",), 0.25, {"predict": 0.5}
            )
            constancy.end(connection, number, ended, SOON, keep=3)
        constancy.begin(connection, BEGUN)
        latest = constancy.latest(connection, "own")

        assert latest is not None
        assert (
            SelfTestEnd(SelfTestState.ALARM, "net 1", ("turn 3",), 0.25, {"predict": 0.5}),
            SOON,
            BEGUN,
        ) == (
            latest.ended,
            latest.at,
            latest.begun,
        )
        assert [None, "turn 3", "turn 2", "turn 1"] == [
            next(iter(run.ended.lines), None) for run in constancy.runs(connection, "own")
        ]


def test_reference_is_that_of_its_model_and_is_replaced(database: Database):
    """One for each model's name."""
    first = PhantomResponse({"name": "net"}, {"Mass": LabelValue(0.1, 0.5)}, {})
    second = PhantomResponse({"name": "net"}, {"Mass": LabelValue(0.2, 0.5)}, {})
    with database.transaction() as connection:
        constancy.record(connection, first, NOW)
        constancy.record(connection, second, SOON)

        assert (second, SOON) == constancy.reference(connection, "net")
        assert constancy.reference(connection, "other") is None


def test_forgotten_phantom_leaves_nothing_and_takes_nothing_else(database: Database):
    """Its image and study are gone from jobs and worklist; those of patients are not."""
    with database.transaction() as connection:
        for study, uid in (("1.2", "1.2.3"), ("1.9", "1.9.1")):
            facts = StudyFacts(study, patient_name="PHANTOM^SELFTEST", patient_id=uid)
            arrived = Arrived(
                "own", image_uids(uid, study), f"id-{uid}", None, Urgency.ROUTINE, NOW
            )
            images.arrived(connection, arrived)
            studies.arrived(
                connection,
                "own",
                facts,
                urgency=Urgency.ROUTINE,
                now=NOW,
                waits=DueTimes({}, HOUR),
            )
        constancy.forget(connection, BEGUN)

        assert ["1.9.1"] == list(connection.scalars(select(IMAGE.c.sop_instance_uid)))
        assert ["1.9"] == list(connection.scalars(select(STUDY.c.study_instance_uid)))
        of_study = select(func.count()).where(STUDY_WORD.c.study_instance_uid == "1.2")
        assert 0 == connection.scalar(of_study)
