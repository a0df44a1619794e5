"""Waits grow, and not for ever."""

from itertools import islice

import pytest

from hilum.runtime.waits import STUMBLES, WHILE_AWAY, BackOff, wait_until


def test_waits_double_up_to_the_longest():
    """From half a second to ten, and no longer."""
    assert [0.5, 1, 2, 4, 8, 10, 10] == list(islice(WHILE_AWAY, 7))
    assert [0.5, 1, 2, 4] == list(islice(WHILE_AWAY, STUMBLES))


def test_waits_begin_anew_for_each_who_asks():
    """Nobody waits longer because somebody else has waited."""
    assert 0.5 == next(iter(WHILE_AWAY)) == next(iter(WHILE_AWAY))


@pytest.mark.parametrize("attempt", [1, 0, -1])
def test_first_wait_is_the_shortest(attempt: int):
    """Whatever the count begins with."""
    assert 3 == BackOff(3, 60).after(attempt)


@pytest.mark.parametrize(("back_off", "longest"), [(BackOff(0.5, 10), 10), (BackOff(9, 4), 4)])
def test_millionth_attempt_waits_no_longer(back_off: BackOff, longest: float):
    """And what is asked for costs no time and no overflow."""
    assert longest == back_off.after(10**6)


def test_growth_may_be_another():
    """Three times as long each time."""
    assert [1, 3, 9, 20] == list(islice(BackOff(1, 20, factor=3), 4))


def test_waiting_ends_with_the_answer_that_is_wanted():
    """It is asked at once, and no pause is made after the last answer."""
    answers, pauses = iter([0, 0, 7]), []
    found = wait_until(lambda: next(answers), timeout_s=60, every_s=0.5, pause=pauses.append)

    assert (7, [0.5, 0.5]) == (found, pauses)


def test_waiting_ends_with_the_time():
    """The last answer tells that it was in vain; what it is asked once is asked all the same."""
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    assert 1 == wait_until(ask, lambda _: False, timeout_s=0, every_s=1, pause=pytest.fail)


def test_pause_that_fails_ends_the_waiting():
    """Whoever stops does not wait on."""

    def stopped(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_until(lambda: False, timeout_s=60, every_s=1, pause=stopped)
