"""Answers that cost something are given again for a while, and hold nobody up."""

import threading

from hilum.web.ttl_cache import TtlCache


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
