"""Hours of the day, also over midnight."""

from datetime import datetime

import pytest

from hilum.values.hours import end_of, next_begin


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-05-{text}").astimezone()


@pytest.mark.parametrize(
    ("hours", "now", "end", "begin"),
    [
        ("20:00-06:00", "01T12:00", None, "01T20:00"),
        ("20:00-06:00", "01T20:00", "02T06:00", "01T20:00"),
        ("20:00-06:00", "01T23:59", "02T06:00", "01T23:59"),
        ("20:00-06:00", "02T05:59", "02T06:00", "02T05:59"),
        ("20:00-06:00", "02T06:00", None, "02T20:00"),
        ("08:00-18:00", "01T07:59", None, "01T08:00"),
        ("08:00-18:00", "01T17:59", "01T18:00", "01T17:59"),
        ("08:00-18:00", "01T18:00", None, "02T08:00"),
    ],
)
def test_hours_begin_and_end(hours, now, end, begin):
    """The end does not belong to them."""
    assert (None if end is None else at(end)) == end_of(hours, at(now))
    assert at(begin) == next_begin(hours, at(now))
