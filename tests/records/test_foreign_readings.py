"""What a report says of an image that waits, in both databases."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection

from hilum.radiograph import ImageUIDs
from hilum.records import foreign_readings, images, readings
from hilum.records.foreign_readings import ForeignReading
from hilum.records.images import Arrived
from hilum.records.states import State, Urgency
from hilum.records.stored_reading import ORIGIN, StoredReading
from page_studies import invented

NOW = datetime(2026, 3, 4, tzinfo=UTC)
UIDS = ImageUIDs("1.1", "1.2", "1.3")


def foreign(at: str, score: float = 0.8) -> ForeignReading:
    """Return what a report says that was made at some time."""
    made = invented(Mass=score)
    origin = {"report": "1.9", "at": at, "received_from": "somebody"}
    row = {
        **made.document["readings"][0],
        "outputs": ["1.8", "1.9"],
        "reasons": [{"code": "view_unknown", "text": "a doubt"}],
    }
    document = {**made.document, ORIGIN: origin, "readings": [row]}
    return ForeignReading(UIDS, "report", StoredReading(document, made.maps, made.field_of_view))


@pytest.fixture
def waiting(connection: Connection) -> Connection:
    """Return records in which an image waits for a model."""
    new = Arrived("own", UIDS, "image", "digest", Urgency.ROUTINE, NOW)
    images.arrived(connection, new, held=True)
    return connection


def test_report_is_the_reading_of_an_image_that_waits(waiting):
    """With its doubts, its results and its model."""
    assert foreign_readings.take(waiting, "own", foreign("2026-03-01T00:00:00+00:00"))
    entry = images.entry(waiting, "own", UIDS)
    reading = readings.get(waiting, "own", UIDS)

    assert entry is not None
    assert reading is not None
    assert State.ELSEWHERE is entry.state
    assert ["a doubt"] == [reason.text for reason in entry.reasons]
    assert (("1.8", "1.9"), "report") == (entry.results, entry.reference_to("1.9"))
    assert "densenet 1" == entry.model
    assert reading.origin is not None


@pytest.mark.parametrize(
    ("at", "taken"),
    [
        ("2026-03-01T00:00:00+00:00", False),
        ("2026-02-28T23:59:59-03:00", True),
        ("2026-03-01T00:30:00+01:00", False),
        ("2026-03-02T00:00:00+00:00", True),
    ],
)
def test_later_analysis_counts(waiting, at, taken):
    """Whatever the time zone; the same report again is no other."""
    foreign_readings.take(waiting, "own", foreign("2026-03-01T00:00:00+00:00"))

    assert taken == foreign_readings.take(waiting, "own", foreign(at))


def test_job_of_the_image_waits_on(waiting):
    """It is begun like any other once there is a model."""
    foreign_readings.take(waiting, "own", foreign("2026-03-01T00:00:00+00:00"))
    entry = images.entry(waiting, "own", UIDS)
    assert entry is not None
    begun = images.begin(waiting, entry.job, NOW)

    assert begun is not None
    assert 1 == begun.attempts
    assert not foreign_readings.take(waiting, "own", foreign("2026-03-03T00:00:00+00:00"))
