"""A study's row on both databases: what its images and their readings make of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select

from hilum.eligibility import Reason
from hilum.radiograph import FieldOfView
from hilum.records import Database, images, readings, studies, worklist
from hilum.records.images import Arrived, Settlement
from hilum.records.job import Job
from hilum.records.states import State, Urgency
from hilum.records.stored_reading import StoredReading
from hilum.records.studies import DueTimes, Rank, StudyFacts
from hilum.records.tables import STUDY, STUDY_FINDING, STUDY_WORD
from hilum.settings.worklist import WorklistSettings
from image_names import image_uids

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITS = DueTimes({"Pneumothorax": 15 * MINUTE, "Effusion": 60 * MINUTE}, 240 * MINUTE)
FACTS = StudyFacts(
    "1.2",
    patient_name="CONCEIÇÃO^João",
    patient_id="000123",
    accession_number="A-77/b",
    study_date="20260301",
)


def arrive(
    database: Database,
    uid: str = "1.2.1",
    facts: StudyFacts = FACTS,
    *,
    urgency: Urgency = Urgency.ROUTINE,
    at: datetime = AT,
) -> Job:
    """Let an image arrive as the node does."""
    with database.transaction() as connection:
        arrival = Arrived(
            "own", image_uids(uid, facts.study_instance_uid), f"id-{uid}", None, urgency, at
        )
        job = images.arrived(connection, arrival)
        assert job is not None
        studies.arrived(connection, "own", facts, urgency=urgency, now=at, waits=WAITS)
    return job


def document(**scores: float) -> dict:
    """Return a reading's document with these scores."""
    findings = [
        {
            "label": label,
            "score": score,
            "raw": score,
            "operating_point": 0.5,
            "positive": score >= 0.5,
        }
        for label, score in scores.items()
    ]
    model = {"name": "m", "version": "1", "sha256": "0", "verified": False, "demonstration": True}
    return {"model": model, "readings": [{"findings": findings}]}


def settle(database: Database, job: Job, state: State = State.STORED, **scores: float) -> None:
    """End the work on an image as the node does."""
    reasons = () if state is State.STORED else (Reason("not_frontal", "it is a lateral view"),)
    with database.transaction() as connection:
        images.settle(connection, job, Settlement(state, reasons), AT)
        if scores:
            maps = np.zeros((len(scores), 2, 2), np.float16)
            reading = StoredReading(document(**scores), maps, FieldOfView(0, 0, 2, 2))
            readings.put(connection, job, reading)
        studies.refresh(connection, "own", "1.2", now=AT + MINUTE, waits=WAITS)


def row(database: Database, uid: str = "1.2"):
    """Return a study's row."""
    with database.look() as connection:
        return connection.execute(select(STUDY).where(STUDY.c.study_instance_uid == uid)).one()


def test_new_study_waits_at_most_the_ceiling(database):
    """Before it is read, nothing speaks for sooner."""
    arrive(database)

    study = row(database)
    assert (State.QUEUED, Rank.ROUTINE, 1) == (study.state, study.rank, study.images)
    assert AT + 240 * MINUTE == study.due
    assert ([], 0, None) == (study.findings, study.positives, study.model)
    assert "1.2.1" == study.cover


def test_most_urgent_positive_finding_decides_how_long_it_waits(database):
    """A finding below its operating point does not."""
    settle(database, arrive(database), Effusion=0.9, Mass=0.6, Pneumothorax=0.4)

    study = row(database)
    assert AT + 60 * MINUTE == study.due
    assert [["Effusion", 0.9, True], ["Mass", 0.6, True], ["Pneumothorax", 0.4, False]] == (
        study.findings
    )
    assert 2 == study.positives
    assert {"name": "m", "version": "1", "verified": False, "demonstration": True} == study.model
    with database.look() as connection:
        positive = set(connection.scalars(select(STUDY_FINDING.c.label)))
    assert {"Effusion", "Mass"} == positive


def test_highest_finding_of_all_images_counts(database):
    """Two images of a study make one row, shown by the one with more in it."""
    first, second = arrive(database, "1.2.1"), arrive(database, "1.2.2", at=AT + MINUTE)
    settle(database, first, Effusion=0.3, Mass=0.7)
    settle(database, second, Effusion=0.8, Mass=0.6)

    study = row(database)
    assert [["Effusion", 0.8, True], ["Mass", 0.7, True]] == study.findings
    assert ("1.2.2", 2) == (study.cover, study.images)


def test_stat_is_due_at_once_and_stays_so(database):
    """A later image of the study that is not urgent takes nothing back."""
    arrive(database, urgency=Urgency.URGENT)
    arrive(database, "1.2.2", at=AT + MINUTE)

    study = row(database)
    assert (Rank.URGENT, Urgency.URGENT, AT) == (study.rank, study.urgency, study.due)


def test_urgent_image_makes_the_whole_study_urgent(database):
    """Also when a routine one came first."""
    arrive(database)
    arrive(database, "1.2.2", urgency=Urgency.URGENT)

    assert Rank.URGENT == row(database).rank


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (State.STORED, State.REFUSED, State.STORED),
        (State.STORED, State.FAILED, State.FAILED),
        (State.REFUSED, State.GONE, State.REFUSED),
        (State.GONE, State.GONE, State.GONE),
    ],
)
def test_state_that_matters_most_is_the_studys(database, first, second, expected):
    """And its reasons are said once each."""
    jobs = arrive(database, "1.2.1"), arrive(database, "1.2.2")
    for job, state in zip(jobs, (first, second), strict=True):
        settle(database, job, state)

    study = row(database)
    assert expected == study.state
    said = [] if expected is State.STORED else [["not_frontal", "it is a lateral view"]]
    assert said == study.reasons


def test_released_study_waits_for_its_turn(database):
    """Once there is a model; the others stay as they are."""
    with database.transaction() as connection:
        for uid, held in (("1.2", True), ("1.3", False)):
            facts = replace(FACTS, study_instance_uid=uid)
            new = Arrived("own", image_uids(f"{uid}.1", uid), f"i{uid}", None, Urgency.ROUTINE, AT)
            images.arrived(connection, new, held=held)
            studies.arrived(connection, "own", facts, urgency=Urgency.ROUTINE, now=AT)
    assert State.HELD == row(database).state

    with database.transaction() as connection:
        images.release_held(connection, "own")
        studies.released(connection, "own", AT + MINUTE)
    assert (State.QUEUED, AT + MINUTE) == (row(database).state, row(database).changed)
    assert AT == row(database, "1.3").changed


def test_image_that_changed_gets_a_new_small_picture(database):
    """The old one is forgotten; that of another image of the study stays."""
    settle(database, arrive(database, "1.2.1"))
    settle(database, arrive(database, "1.2.2"))
    with database.transaction() as connection:
        for uid in ("1.2.1", "1.2.2"):
            worklist.keep_thumbnail(connection, "own", image_uids(uid), b"old")
        changed = Arrived("own", image_uids("1.2.2", "1.2"), "id-new", "other", Urgency.ROUTINE, AT)
        images.arrived(connection, changed)
        studies.arrived(connection, "own", FACTS, urgency=Urgency.ROUTINE, now=AT)

        assert b"old" == worklist.thumbnail(connection, "own", image_uids("1.2.1"))
        assert worklist.thumbnail(connection, "own", image_uids("1.2.2")) is None


def test_every_state_has_its_place():
    """None is forgotten in the order."""
    assert set(State) == set(studies.STATES)
    assert set(Urgency) == set(studies.URGENCIES)


def test_study_is_found_by_words_without_accents_and_zeros(database):
    """Whatever parts the words."""
    arrive(database)

    with database.look() as connection:
        words = set(connection.scalars(select(STUDY_WORD.c.word)))
    assert {"conceicao", "joao", "000123", "123", "a", "77", "b"} == words


def test_corrected_name_replaces_the_old_words(database):
    """What an image leaves empty stays."""
    arrive(database)
    corrected = replace(FACTS, patient_name="SILVA", study_date="")
    arrive(database, "1.2.2", corrected)

    study = row(database)
    assert ("SILVA", "20260301") == (study.patient_name, study.study_date)
    with database.look() as connection:
        words = set(connection.scalars(select(STUDY_WORD.c.word)))
    assert "silva" in words
    assert "joao" not in words


def test_study_that_is_not_there_is_passed_over(database):
    """An image may settle after its study was forgotten."""
    with database.transaction() as connection:
        studies.refresh(connection, "own", "9.9", now=AT, waits=WAITS)
        assert [] == connection.execute(select(STUDY)).all()


def test_waits_come_from_the_settings():
    """In minutes, with the ceiling for what is not named or waits longer."""
    settings = WorklistSettings(wait_minutes={"Mass": 10, "Hernia": 900}, ceiling_minutes=100)
    waits = DueTimes.of(settings)

    assert 10 * MINUTE == waits.allowed(["Edema", "Mass"])
    assert 100 * MINUTE == waits.allowed(["Edema"]) == waits.allowed([])
    assert 100 * MINUTE == waits.allowed(["Hernia"])
