"""What the records tell of images of each mode, and to whom."""

from datetime import UTC, datetime, timedelta

import pytest

from hilum.eligibility import Reason
from hilum.language import Message
from hilum.records import Database, images, readings, reviews, rollout, studies, worklist
from hilum.records.images import Arrived, Settlement
from hilum.records.review import ReaderAnswer, Review, ReviewedFinding
from hilum.records.reviews import Agreement
from hilum.records.states import State, Urgency
from hilum.records.studies import Rank, StudyFacts
from hilum.records.throughput import Refusals
from hilum.records.worklist import StudyCounts, WorklistFilter
from hilum.settings import NodeMode
from image_names import image_uids
from page_studies import invented

SILENT, AUDIT, LIVE = NodeMode
AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def add(database: Database, name: str, mode: NodeMode, refused: str = "", **scores: float) -> None:
    """Let an image come, ``study.number``, and be read or refused in a mode."""
    study = f"1.{name.partition('.')[0]}"
    uids = image_uids(f"1.{name}", study)
    with database.transaction() as connection:
        job = images.arrived(connection, Arrived("own", uids, name, "d", Urgency.ROUTINE, AT, mode))
        assert job is not None
        studies.arrived(
            connection, "own", StudyFacts(study, f"NAME^{name}"), urgency=Urgency.ROUTINE, now=AT
        )
        images.begin(connection, job, AT)
        why = (Reason(refused, Message("why")),) if refused else ()
        state = State.REFUSED if refused else State.STORED
        images.settle(connection, job, Settlement(state, why), AT)
        if scores:
            readings.put(connection, job, invented(**scores), mode)
        studies.refresh(connection, "own", study, AT)


def review(database: Database, name: str, mode: NodeMode, **answers: str) -> None:
    """Let Ana answer to an image whose findings are all positive."""
    study = f"1.{name.partition('.')[0]}"
    judged = tuple(
        ReviewedFinding(label, ReaderAnswer(said), True, 0.9, 0.5, 0.9)
        for label, said in answers.items()
    )
    with database.transaction() as connection:
        said = (AT, "ana", "m 1", "ab", judged, (), "", f"r{name}")
        reviews.add(connection, "own", Review(*image_uids(f"1.{name}", study), *said, mode=mode))


@pytest.fixture
def filled(database: Database) -> Database:
    """Return studies of each mode, and one with images of two."""
    add(database, "1", LIVE, Effusion=0.9)
    add(database, "2", SILENT, Effusion=0.9)
    add(database, "3", AUDIT, Effusion=0.9)
    add(database, "4", LIVE, Mass=0.1)
    add(database, "4.1", SILENT, Mass=0.9)
    add(database, "5", SILENT, refused="modality")
    return database


def listed(database: Database, wanted: WorklistFilter) -> list[str]:
    with database.look() as connection:
        rows, _ = worklist.page(connection, "own", wanted, size=10)
    return [row.study_instance_uid for row in rows]


def test_worklist_leaves_out_the_silent_mode_until_it_is_asked_for(filled):
    """Its studies are found by their mode and by words; others never tell of it."""
    assert ["1.1", "1.3", "1.4"] == sorted(listed(filled, WorklistFilter()))
    assert ["1.2", "1.5"] == listed(filled, WorklistFilter(mode="silent"))
    assert ["1.3"] == listed(filled, WorklistFilter(mode="audit"))
    assert ["1.5"] == listed(filled, WorklistFilter(mode="silent", state="refused"))
    assert [] == listed(filled, WorklistFilter(state="refused"))
    assert ["1.2"] == listed(filled, WorklistFilter(text="name 2"))
    assert ["1.1"] == listed(filled, WorklistFilter(finding="Effusion"))
    with filled.look() as connection:
        assert StudyCounts(3, 0, 0, 0, 2) == worklist.counts(connection, "own")
        assert ["Effusion"] == worklist.labels(connection, "own")


def test_audit_and_silent_findings_are_not_in_the_rows_of_others(filled):
    """Nor do they set an order: the audit mode is listed by arrival."""
    with filled.look() as connection:
        rows = {n: worklist.row(connection, "own", f"1.{n}") for n in range(1, 6)}

    told = {n: [tuple(each) for each in row.findings] for n, row in rows.items()}
    assert {1: [("Effusion", 0.9, True)], 2: [("Effusion", 0.9, True)], 3: []} == {
        n: told[n] for n in (1, 2, 3)
    }
    assert [("Mass", 0.1, False)] == told[4]
    assert [LIVE, SILENT, AUDIT, LIVE, SILENT] == [row.mode for row in rows.values()]
    assert Rank.SILENT == rows[5].rank
    assert rows[3].due - rows[3].arrived == timedelta(minutes=240)
    assert rows[3].model is None


def test_a_database_for_others_has_no_silent_line(filled):
    """Whoever asks it, and however."""
    others = filled.limited_to(None, unsilent=True)
    for wanted in (WorklistFilter(mode="silent"), WorklistFilter(text="name 2")):
        assert [] == listed(others, wanted)
    with others.look() as connection:
        assert worklist.row(connection, "own", "1.2") is None
        assert images.entry(connection, "own", image_uids("1.2", "1.2")) is None
        assert readings.get(connection, "own", image_uids("1.4.1", "1.4")) is None
        assert readings.get(connection, "own", image_uids("1.3", "1.3")) is not None
        assert {State.STORED: 3} == images.counts(connection, "own")
        assert 0 == worklist.counts(connection, "own").silent


def test_reviews_are_counted_by_mode(filled):
    """And the audit mode's are exported to those who gave them."""
    review(filled, "1", LIVE, Effusion="present")
    review(filled, "2", SILENT, Effusion="absent")
    review(filled, "3", AUDIT, Effusion="present")
    with filled.look() as connection:
        counted = {
            mode: reviews.agreement(connection, "own", mode=mode) for mode in (*NodeMode, None)
        }
        assert [Agreement("Effusion", "2026-03", agree=1)] == counted[AUDIT]
        assert [Agreement("Effusion", "2026-03", false_positive=1)] == counted[SILENT]
        assert 3 == counted[None][0].reviews
    others = filled.limited_to(None, unsilent=True)
    with others.look() as connection:
        exported = {
            reader: len(list(reviews.export(connection, "own", reader=reader)))
            for reader in ("ana", "bo")
        }
    assert {"ana": 2, "bo": 1} == exported


def test_report_counts_what_became_of_a_mode(filled):
    """States of all, reasons, positives, and agreement with its interval."""
    review(filled, "2", SILENT, Effusion="present")
    with filled.look() as connection:
        silent = rollout.report(connection, "own", SILENT)
        nothing = rollout.report(connection, "other", SILENT)

    assert {State.STORED: 2, State.REFUSED: 1} == silent.ended
    assert (Refusals("modality", Message("why"), 1),) == silent.refusals
    effusion, mass = silent.findings
    assert ("Effusion", 1, 1, 1) == (
        effusion.label,
        effusion.positives,
        effusion.images,
        effusion.agree,
    )
    assert (1, None) == (mass.positives, mass.interval)
    assert {"stored": 2, "refused": 1, "answers": 1, "agree": 1} == silent.summary
    assert (0, None, ()) == (nothing.images, nothing.first, nothing.findings)
