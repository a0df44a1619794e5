"""Work in a thread of its own: never twice at once, not too often, ended before it is closed."""

from threading import Event

from hilum.runtime.background import BackgroundWork


def test_work_that_is_under_way_is_not_begun_again():
    """However often it is looked after; the next turn comes once it has ended."""
    begun, go_on = [], Event()

    def work() -> None:
        begun.append(1)
        go_on.wait(30)

    background = BackgroundWork("test", 0.0, work)
    background.tend()
    background.tend()
    go_on.set()
    background.close()

    assert [1] == begun


def test_work_is_not_begun_too_soon():
    """Though the last turn has long ended."""
    begun = []
    background = BackgroundWork("test", 3600.0, lambda: begun.append(1))
    background.tend()
    background.tend()
    background.close()

    assert [1] == begun
