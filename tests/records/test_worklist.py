"""The worklist's questions on both databases: order, search, filters, pages that go on."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from hilum.records import Database, images, studies, worklist
from hilum.records.images import Arrived
from hilum.records.limits import NO_STUDY
from hilum.records.states import State, Urgency
from hilum.records.studies import DueTimes, Rank, StudyFacts
from hilum.records.tables import IMAGE, STUDY, STUDY_FINDING
from hilum.records.worklist import Others, StudyCounts, WorklistFilter, WorklistPosition
from hilum.values.persons import Trait
from image_names import image_uids

AT = datetime(2026, 3, 1, 12, 30, 0, 123457, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EVERYTHING = WorklistFilter()


@pytest.fixture
def filled(database: Database) -> Database:
    """Return a database with five studies, the second of which is urgent."""
    people = [
        ("ÁVILA^Bia", "P1", "20260101", Urgency.ROUTINE),
        ("BRAUN^Eva", "P2", "20260102", Urgency.URGENT),
        ("BRANDT^Uwe", "P3", "20260103", Urgency.ROUTINE),
        ("CHO^Min", "P1", "20260104", Urgency.BACKFILL),
        ("DIAZ^Eva", "P5", "20260105", Urgency.ROUTINE),
    ]
    with database.transaction() as connection:
        for n, (name, patient, day, urgency) in enumerate(people, start=1):
            facts = StudyFacts(f"1.{n}", name, patient, study_date=day, accession_number=f"AC{n}")
            at = AT + n * MINUTE
            images.arrived(
                connection,
                Arrived("own", image_uids(f"1.{n}.1", f"1.{n}"), f"i{n}", None, urgency, at),
            )
            studies.arrived(connection, "own", facts, urgency=urgency, now=at, waits=DueTimes())
        connection.execute(
            insert(STUDY_FINDING),
            [
                {"archive": "own", "label": label, "study_instance_uid": uid}
                for label, uid in (("Mass", "1.1"), ("Mass", "1.3"), ("Edema", "1.3"))
            ],
        )
    return database


def uids(database: Database, wanted: WorklistFilter = EVERYTHING) -> list[str]:
    """Return the Study Instance UIDs of the first page."""
    with database.look() as connection:
        rows, _ = worklist.page(connection, "own", wanted, size=10)
    return [row.study_instance_uid for row in rows]


def test_urgent_first_then_by_wait_then_what_was_backfilled(filled):
    """Whoever waits longer comes first."""
    assert ["1.2", "1.1", "1.3", "1.5", "1.4"] == uids(filled)


def test_reviewed_studies_come_last(filled):
    """Until a further image of theirs arrives."""
    with filled.transaction() as connection:
        reviewed = STUDY.update().where(STUDY.c.study_instance_uid == "1.2")
        connection.execute(reviewed.values(reviewed=AT + 30 * MINUTE))
        studies.refresh(connection, "own", "1.2", now=AT, waits=DueTimes())
    assert ["1.1", "1.3", "1.5", "1.4", "1.2"] == uids(filled)

    with filled.transaction() as connection:
        late = Arrived(
            "own", image_uids("1.2.2", "1.2"), "x", None, Urgency.ROUTINE, AT + 31 * MINUTE
        )
        images.arrived(connection, late)
        studies.refresh(connection, "own", "1.2", now=AT, waits=DueTimes())
    assert "1.2" == uids(filled)[0]


def refuse(database: Database, uid: str, *codes: str) -> None:
    """Let the study's image be refused for these reasons."""
    with database.transaction() as connection:
        image = IMAGE.update().where(IMAGE.c.study_instance_uid == uid)
        reasons = [[code, "why", ""] for code in codes]
        connection.execute(image.values(state=State.REFUSED, reasons=reasons))
        studies.refresh(connection, "own", uid, now=AT, waits=DueTimes())


def test_refused_studies_are_no_work_for_a_reader(filled):
    """Not in the list nor its counts; found by their state or by words, possible chests first."""
    refuse(filled, "1.2", "modality", "too_small")
    refuse(filled, "1.5", "window_saturated")

    assert ["1.1", "1.3", "1.4"] == uids(filled)
    assert ["1.5", "1.2"] == uids(filled, WorklistFilter(state="refused"))
    assert ["1.5", "1.2"] == uids(filled, WorklistFilter(text="eva"))
    assert ["1.5"] == uids(filled, WorklistFilter(state="refused", hide_ineligible=True))
    assert ["1.5"] == uids(filled, WorklistFilter(text="eva", hide_ineligible=True))
    assert [] == uids(filled, WorklistFilter(urgent_only=True))
    with filled.look() as connection:
        assert StudyCounts(3, 0, 1, 1) == worklist.counts(connection, "own")


def test_study_with_one_image_that_was_analyzed_stays_in_the_list(filled):
    """A lateral view beside it changes nothing."""
    with filled.transaction() as connection:
        late = Arrived("own", image_uids("1.1.2", "1.1"), "x", None, Urgency.ROUTINE, AT)
        images.arrived(connection, late)
        connection.execute(
            IMAGE.update().where(IMAGE.c.reference == "x").values(state=State.STORED)
        )
    refuse(filled, "1.1", "not_frontal")
    with filled.transaction() as connection:
        connection.execute(
            IMAGE.update().where(IMAGE.c.reference == "x").values(state=State.STORED)
        )
        studies.refresh(connection, "own", "1.1", now=AT, waits=DueTimes())

    assert "1.1" in uids(filled)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (WorklistFilter(text="bra"), ["1.2", "1.3"]),
        (WorklistFilter(text="avila"), ["1.1"]),
        (WorklistFilter(text="EVA"), ["1.2", "1.5"]),
        (WorklistFilter(text="eva diaz"), ["1.5"]),
        (WorklistFilter(text="p1"), ["1.1", "1.4"]),
        (WorklistFilter(text="ac3"), ["1.3"]),
        (WorklistFilter(text="va"), []),
        (WorklistFilter(text="  ,^ "), ["1.2", "1.1", "1.3", "1.5", "1.4"]),
        (WorklistFilter(finding="Mass"), ["1.1", "1.3"]),
        (WorklistFilter(finding="Mass", text="uwe"), ["1.3"]),
        (WorklistFilter(finding="Mass", text="b p", state="queued"), ["1.1", "1.3"]),
        (WorklistFilter(finding="Mass", until="20260101"), ["1.1"]),
        (WorklistFilter(finding="Mass", by_arrival=True), ["1.1", "1.3"]),
        (WorklistFilter(text="p1 ac"), ["1.1", "1.4"]),
        (WorklistFilter(text="eva", until="20260102"), ["1.2"]),
        (WorklistFilter(finding="Hernia"), []),
        (WorklistFilter(since="20260103"), ["1.3", "1.5", "1.4"]),
        (WorklistFilter(since="20260102", until="20260103"), ["1.2", "1.3"]),
        (WorklistFilter(state="queued", urgent_only=True), ["1.2"]),
        (WorklistFilter(state="failed"), []),
    ],
)
@pytest.mark.parametrize("common", [0, 1, worklist.COMMON])
def test_filters_find_what_they_say(filled, wanted, expected, common, monkeypatch):
    """Each alone and together, in the order of the worklist, few hits or many."""
    monkeypatch.setattr(worklist, "COMMON", common)

    assert expected == uids(filled, wanted)


def test_pages_go_on_where_the_last_one_ended(filled):
    """No study is on two pages or on none, also when one leaves in between."""
    seen, after = [], None
    with filled.look() as connection:
        while True:
            rows, after = worklist.page(connection, "own", WorklistFilter(), size=2, after=after)
            seen += [row.study_instance_uid for row in rows]
            if after is None:
                break
            after = WorklistPosition.parse(str(after))
            connection.execute(STUDY.delete().where(STUDY.c.study_instance_uid == seen[0]))

    assert ["1.2", "1.1", "1.3", "1.5", "1.4"] == seen


@pytest.mark.parametrize("text", ["", "1", "1_2", "x_2.0_1.2", "1_nan_1.2", "1_inf_1"])
def test_no_place_is_a_value_error(text):
    """Addresses are typed by people, too."""
    with pytest.raises(ValueError):  # noqa: PT011  float and int say it in their own words
        WorklistPosition.parse(text)


def test_counts_and_labels(filled):
    """The line above the worklist, and what can be filtered by."""
    with filled.look() as connection:
        assert StudyCounts(5, 0, 0, 0) == worklist.counts(connection, "own")
        assert ["Edema", "Mass"] == worklist.labels(connection, "own")
        assert StudyCounts(0, 0, 0, 0) == worklist.counts(connection, "other")
        assert [] == worklist.labels(connection, "other")
        assert worklist.last_change(connection, "other") is None
        assert AT + 5 * MINUTE == worklist.last_change(connection, "own")


def test_number_beyond_the_most_says_only_that_there_are_more(filled, monkeypatch):
    """Whoever has a million studies does not wait until all are counted."""
    monkeypatch.setattr(worklist, "MOST", 1)
    with filled.look() as connection:
        assert 1 + 2 + 1 == worklist.counts(connection, "own").waiting


def test_arrivals_are_those_that_may_be_seen_of_the_list(filled):
    """After a moment; not what was refused, and nobody's who sees no study."""
    refuse(filled, "1.5", "modality")
    since = AT + 2 * MINUTE
    with filled.look() as connection:
        assert 2 == worklist.arrivals(connection, "own", since)
        assert 0 == worklist.arrivals(connection, "other", since)
    with filled.limited_to(NO_STUDY).look() as connection:
        assert 0 == worklist.arrivals(connection, "own", since)
        assert StudyCounts(0, 0, 0, 0) == worklist.counts(connection, "own")


def test_findings_follow_the_order_of_their_studies(filled):
    """They are in it as their studies are: urgent ones first, then by due time."""
    with filled.transaction() as connection:
        connection.execute(
            STUDY_FINDING.update()
            .where(STUDY_FINDING.c.study_instance_uid == "1.1")
            .values(rank=Rank.REVIEWED)
        )
        connection.execute(
            STUDY.update().where(STUDY.c.study_instance_uid == "1.1").values(rank=Rank.REVIEWED)
        )

    assert ["1.3", "1.1"] == uids(filled, WorklistFilter(finding="Mass"))
    assert ["1.3"] == uids(filled, WorklistFilter(finding="Mass", open_only=True))
    assert ["1.1"] == uids(filled, WorklistFilter(finding="Mass", until="20260102"))


def test_other_studies_of_the_patient(filled):
    """By Patient ID and who it is; an ID that stands for none ties nothing."""
    with filled.transaction() as connection:
        named = STUDY.update().where(STUDY.c.study_instance_uid == "1.5")
        connection.execute(named.values(patient_id="P1", whole_name="Avila^B"))
        study = worklist.row(connection, "own", "1.1")
        found = worklist.others_of_patient(connection, "own", study, limit=5)
        assert ["1.5"] == [row.study_instance_uid for row in found.same]
        assert [("1.4", (Trait.NAME,))] == [
            (row.study_instance_uid, differs) for row, differs in found.apart
        ]

    for nobody in ("", "UNKNOWN", "0"):
        with filled.transaction() as connection:
            connection.execute(STUDY.update().values(patient_id=nobody))
            study = worklist.row(connection, "own", "1.1")
            assert Others() == worklist.others_of_patient(connection, "own", study, limit=5)


def test_thumbnail_is_kept_and_replaced(database):
    """An empty one says that none can be made."""
    with database.transaction() as connection:
        assert worklist.thumbnail(connection, "own", image_uids("1")) is None
        for picture in (b"a", b""):
            worklist.keep_thumbnail(connection, "own", image_uids("1"), picture)
            assert picture == worklist.thumbnail(connection, "own", image_uids("1"))


def test_ranks_are_as_urgencies():
    """A study's rank is its urgency's place until somebody looked at it."""
    assert [Rank.URGENT, Rank.ROUTINE, Rank.BACKFILL] == [
        Rank(studies.URGENCIES.index(urgency)) for urgency in Urgency
    ]
