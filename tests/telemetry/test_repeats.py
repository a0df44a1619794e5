"""What is said over and over is counted; what is said of an image never is."""

import logging
from collections.abc import Iterator

import pytest

from hilum.telemetry.logs import MOST_ALIKE, WINDOW_S, LogEvent, RepeatFilter


class Clock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def told() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def repeats(told: list[tuple[str, int]], clock: Clock) -> Iterator[RepeatFilter]:
    made = RepeatFilter(lambda event, count: told.append((event, count)), clock)
    yield made
    made.tell_all()


def record(message: object, line: int = 1) -> logging.LogRecord:
    """Return a line of a log."""
    return logging.LogRecord("hilum.tested", logging.WARNING, "file.py", line, message, None, None)


def written(repeats: RepeatFilter, message: object, times: int, line: int = 1) -> int:
    """Return how many of so many equal lines pass."""
    return sum(repeats.filter(record(message, line)) for _ in range(times))


def test_a_flood_is_counted_and_told_once(repeats, told, clock):
    """After a minute, with how many lines were held back."""
    assert MOST_ALIKE == written(repeats, LogEvent({"event": "page.full", "host": "a"}), 5000)
    clock.now = WINDOW_S
    assert MOST_ALIKE == written(repeats, LogEvent({"event": "page.full", "host": "b"}), 100)
    repeats.tell_all()

    assert told == [("page.full", 5000 - MOST_ALIKE), ("page.full", 100 - MOST_ALIKE)]


def test_every_line_of_an_image_is_written(repeats, told):
    """Whatever their number: nothing about an image is lost."""
    event = LogEvent({"event": "instance.settled", "instance": "abc", "at": "x"})

    assert 5000 == written(repeats, event, 5000)
    assert not told


def test_libraries_are_told_apart_by_their_lines(repeats):
    """One that is loud silences no other."""
    assert MOST_ALIKE == written(repeats, "socket.accept() out of system resource", 100, line=1)
    assert MOST_ALIKE == written(repeats, "something else", 100, line=2)


def test_faults_are_told_apart_by_their_places(repeats):
    """So that a second fault is not hidden by the first."""
    assert MOST_ALIKE == written(repeats, LogEvent({"event": "page.bug", "at": "a.py:1"}), 100)
    assert MOST_ALIKE == written(repeats, LogEvent({"event": "page.bug", "at": "b.py:1"}), 100)


def test_what_is_said_seldom_is_told_as_it_is(repeats, told):
    """And counted nowhere."""
    assert MOST_ALIKE == written(repeats, LogEvent({"event": "pacs.away"}), MOST_ALIKE)
    repeats.tell_all()
    assert not told
