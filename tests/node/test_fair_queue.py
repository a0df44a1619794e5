"""Urgent images get a worker first, and nobody waits for ever."""

import threading
import time

import pytest

from hilum.node.fair_queue import FairQueue

PATIENCE_S = 10


class Crowd:
    """Threads that wait in a line, and in which order they were served."""

    def __init__(self) -> None:
        self.line = FairQueue(["the worker"])
        self.worker = self.line.take()
        self.served: list[str] = []
        self._threads: list[threading.Thread] = []

    def join(self, name: str, *, urgent: bool = False) -> None:
        """Let one more wait; returns once it stands in the line."""

        def wait() -> None:
            worker = self.line.take(urgent=urgent)
            self.served.append(name)
            self.line.give_back(worker)

        line = self.line._waiting
        before = len(line)
        self._threads.append(threading.Thread(target=wait))
        self._threads[-1].start()
        deadline = time.monotonic() + PATIENCE_S
        while len(line) == before:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def serve(self) -> list[str]:
        """Give the worker back; return who had it, in order."""
        self.line.give_back(self.worker)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        return self.served


@pytest.fixture
def crowd() -> Crowd:
    """Return a line in which one has the only worker."""
    return Crowd()


def test_who_waits_longest_is_first(crowd):
    """Images of one urgency are read in the order in which they came."""
    for name in "abc":
        crowd.join(name)

    assert [*"abc"] == crowd.serve()


def test_urgent_ones_go_before_others(crowd):
    """An urgent image waits for urgent ones alone."""
    crowd.join("routine")
    crowd.join("first", urgent=True)
    crowd.join("second", urgent=True)

    assert ["first", "second", "routine"] == crowd.serve()


def test_nobody_is_passed_for_ever(crowd):
    """However many urgent ones come, the others get their share."""
    crowd.join("routine")
    for name in "abcd":
        crowd.join(name, urgent=True)

    assert ["a", "b", "routine", "c", "d"] == crowd.serve()


def test_a_free_worker_waits_for_nobody(crowd):
    """What is given back while nobody waits is there for the next one at once."""
    crowd.line.give_back(crowd.worker)

    assert "the worker" == crowd.line.take()
