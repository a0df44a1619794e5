"""Answers that cost something are given again, the last few or for a while."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hilum.runtime.caches import BriefBuffer, LruCache, LruSet, TtlCache


def test_an_answer_is_given_again_for_a_while():
    """And asked for anew after it."""
    asked = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    assert [1, 1] == [each() for each in [TtlCache(ask, 60.0)] * 2]
    assert [2, 3] == [each() for each in [TtlCache(ask, 0.0)] * 2]


def test_who_comes_while_somebody_asks_gets_the_answer_of_before():
    """A PACS that hangs makes one page wait, not all."""
    begun, go_on, answers = threading.Event(), threading.Event(), iter(["old", "new"])

    def ask() -> str:
        answer = next(answers)
        if answer == "new":
            begun.set()
            assert go_on.wait(30)
        return answer

    remembered = TtlCache(ask, 0.0)
    assert "old" == remembered()
    slow: list[str] = []
    thread = threading.Thread(target=lambda: slow.append(remembered()))
    thread.start()
    assert begun.wait(30)

    assert "old" == remembered()
    go_on.set()
    thread.join()
    assert ["new"] == slow


def test_who_may_not_have_an_old_answer_waits_for_the_new_one():
    """A probe does not call a node ready that was ready a while ago; all come with one question."""
    begun, go_on, answers = threading.Event(), threading.Event(), iter(["old", "new"])

    def ask() -> str:
        answer = next(answers)
        if answer == "new":
            begun.set()
            assert go_on.wait(30)
        return answer

    now = iter([0.0, 10.0, 10.0, 10.0])
    strict = TtlCache(ask, 5.0, clock=lambda: next(now), stale=False)
    assert "old" == strict()
    given: list[str] = []
    asking = [threading.Thread(target=lambda: given.append(strict())) for _ in range(2)]
    for thread in asking:
        thread.start()
    assert begun.wait(30)

    assert [] == given
    go_on.set()
    for thread in asking:
        thread.join()
    assert ["new", "new"] == given


def test_error_is_not_kept():
    """Who asks after a failure asks anew."""
    answers = iter([0, 1])
    inverse = TtlCache(lambda: 1 / next(answers), 60.0)
    with pytest.raises(ZeroDivisionError):
        inverse()

    assert 1 == inverse()


def test_what_was_not_used_longest_is_dropped():
    """A look counts as use."""
    kept: LruCache[str, int] = LruCache(2)
    assert [True, True] == [kept.put("a", 1), kept.put("b", 2)]
    assert 1 == kept.get("a")

    assert kept.put("c", 3)
    assert [1, None, 3] == [kept.get(key) for key in "abc"]


def test_value_is_replaced_and_forgotten():
    """What is under its key already is not new."""
    kept: LruCache[str, int] = LruCache(2)

    assert [True, False, 2] == [kept.put("a", 1), kept.put("a", 2), kept.get("a")]
    kept.forget("a")
    kept.forget("never there")
    assert kept.get("a") is None


def test_only_the_first_of_several_threads_is_new():
    """One look is one line of the audit trail, however many requests it takes."""
    seen: LruSet[str] = LruSet(8)
    with ThreadPoolExecutor(8) as threads:
        new = list(threads.map(lambda _: seen.add("study"), range(64)))

    assert 1 == sum(new)
    assert "study" in seen
    assert "other" not in seen


def test_bytes_are_kept_for_one_taker_for_a_while_and_as_far_as_there_is_room():
    """What is there already is not given up for what comes later."""
    now = [0.0]
    buffer = BriefBuffer[str](9, 60.0, clock=lambda: now[0])
    for key in ("first", "later", "more", "more"):
        buffer.put(key, key.encode())
    taken = [buffer.take(key) for key in ("later", "first", "first")]
    buffer.put("later", b"later")
    now[0] = 61.0

    assert [None, b"first", None] == taken
    assert [None, None] == [buffer.take(key) for key in ("more", "later")]
