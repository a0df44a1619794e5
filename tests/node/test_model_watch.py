"""Whether there is a model that may read."""

from types import SimpleNamespace

import pytest

from hilum.errors import InferenceWorkerDied, ModelUnknown, WeightsMissing
from hilum.node.model_watch import DEMONSTRATION_HELD, LOOK_AGAIN_S, ModelWatch


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test moves by hand."""
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr("hilum.node.model_watch.time.monotonic", lambda: now.s)
    return now


class Hello:
    """Answers what a test says, and counts how often it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self):
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def model(*, demonstration: bool):
    return SimpleNamespace(name="m", version="1", demonstration=demonstration)


@pytest.mark.usefixtures("clock")
def test_installed_model_reads():
    """With a model there is something that reads; nobody is asked again."""
    hello = Hello(model(demonstration=False))
    watch = ModelWatch(hello)

    assert watch() is not None
    assert watch() is watch()
    assert (1, "") == (hello.asked, watch.missing)


@pytest.mark.parametrize(
    "trouble",
    [
        WeightsMissing("The weights of m are not here.", "Run hilum models pull."),
        ModelUnknown("There is no model m.", "See list."),
        InferenceWorkerDied("It ended.", "Look."),
    ],
)
def test_missing_model_is_looked_for_again(clock, trouble):
    """While there is no model the watch says why, and looks again now and then."""
    watch = ModelWatch(Hello(trouble, model(demonstration=False)))

    assert None is watch()
    assert str(trouble) == watch.missing
    assert None is watch()
    clock.s += LOOK_AGAIN_S
    assert watch() is not None
    assert "" == watch.missing


def test_demonstration_model_never_reads(clock):
    """The demonstration model is no usable model, however long one waits."""
    hello = Hello(model(demonstration=True))
    watch = ModelWatch(hello)

    assert None is watch()
    clock.s += 1000 * LOOK_AGAIN_S
    assert None is watch()
    assert (1, DEMONSTRATION_HELD, None) == (hello.asked, watch.missing, watch.model)


def test_demonstration_model_reads_inside_the_demonstration():
    """In the throw-away archive of `hilum demo` it is a model like any other."""
    watch = ModelWatch(Hello(model(demonstration=True)), in_demonstration=True)

    assert watch() is not None
    assert "" == watch.missing


def test_same_trouble_is_logged_once(clock, caplog):
    """A model that stays away does not fill the log."""
    watch = ModelWatch(Hello(WeightsMissing("Not here.", "Pull.")))
    with caplog.at_level("WARNING", logger="hilum"):
        for _ in range(3):
            watch()
            clock.s += LOOK_AGAIN_S

    assert 1 == len(caplog.records)
