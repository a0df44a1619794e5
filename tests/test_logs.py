"""One event a line, readable for people and programs, without a word from a data set."""

import logging
import re

import pytest

from hilum.logs import EventFormatter, EventLog


@pytest.fixture
def lines():
    """Return the lines that a logger of hilum writes, as they are written."""
    written: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Collect()
    handler.setFormatter(EventFormatter())
    logger = logging.getLogger("hilum.tested")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(handler)


@pytest.fixture
def log() -> EventLog:
    return EventLog("hilum.tested")


def test_event_is_time_level_name_and_values(log, lines):
    """A line has everything in a fixed order."""
    log.info("instance.settled", state="stored", attempt=2, seconds=0.41234)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info instance\.settled "
        r"state=stored attempt=2 seconds=0\.412",
        lines[0],
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("plain", "plain"),
        ("two words", '"two words"'),
        ('a"b', '"a\\"b"'),
        ("a=b", '"a=b"'),
        ("", '""'),
        ("new\nline", '"new\\nline"'),
        ("São", "São"),
    ],
)
def test_value_is_quoted_where_it_would_mislead(log, lines, value, written):
    """Blanks, quotes and line ends cannot break a line or fake another value."""
    log.warning("event", value=value)

    assert lines[0].endswith(f" value={written}")
    assert 1 == len(lines[0].splitlines())


def test_bug_tells_kind_and_place_only(log, lines):
    """The text of a foreign error may quote the data set, so it is left out."""
    try:
        int("Somebody^Special")
    except ValueError as exc:
        log.bug("instance.bug", exc, instance="abc")

    assert "error instance.bug instance=abc error=ValueError at=" in lines[0]
    assert "test_logs.py:" in lines[0]
    assert "Special" not in lines[0]
    assert 1 == len(lines[0].splitlines())
