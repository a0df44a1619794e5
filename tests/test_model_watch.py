"""Whether there is a model that may read."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from hilum.errors import ModelUnknown, WeightsMissing
from hilum.model_watch import DEMONSTRATION_HELD, LOOK_AGAIN_S, ModelWatch
from hilum.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(data_folder=tmp_path)


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that a test moves by hand."""
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr("hilum.model_watch.time.monotonic", lambda: now.s)
    return now


class Loader:
    """Loads what a test says, and counts how often it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, _: Settings):
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def model(*, demonstration: bool):
    identity = SimpleNamespace(name="m", version="1", demonstration=demonstration)
    return SimpleNamespace(identity=identity)


@pytest.mark.usefixtures("clock")
def test_installed_model_reads(settings):
    """With a model there is something that reads, loaded once."""
    loader = Loader(model(demonstration=False))
    watch = ModelWatch(settings, load=loader)

    assert watch() is not None
    assert watch() is watch()
    assert (1, "") == (loader.asked, watch.missing)


def test_missing_weights_are_looked_for_again(settings, clock):
    """While weights are missing the watch says so, and looks again now and then."""
    missing = WeightsMissing("The weights of m are not here.", "Run hilum models pull.")
    watch = ModelWatch(settings, load=Loader(missing, model(demonstration=False)))

    assert None is watch()
    assert "The weights of m are not here. Run hilum models pull." == watch.missing
    assert None is watch()
    clock.s += LOOK_AGAIN_S
    assert watch() is not None
    assert "" == watch.missing


@pytest.mark.usefixtures("clock")
def test_unknown_model_is_said(settings):
    """A model of no known name is told in the words of its error."""
    watch = ModelWatch(settings, load=Loader(ModelUnknown("There is no model x.", "See list.")))

    assert None is watch()
    assert "There is no model x. See list." == watch.missing


def test_demonstration_model_never_reads(settings, clock):
    """The demonstration model is no usable model, however long one waits."""
    loader = Loader(model(demonstration=True))
    watch = ModelWatch(settings, load=loader)

    assert None is watch()
    clock.s += 1000 * LOOK_AGAIN_S
    assert None is watch()
    assert (1, DEMONSTRATION_HELD, None) == (loader.asked, watch.missing, watch.model)


def test_same_trouble_is_logged_once(settings, clock, caplog):
    """A model that stays away does not fill the log."""
    watch = ModelWatch(settings, load=Loader(WeightsMissing("Not here.", "Pull.")))
    for _ in range(3):
        watch()
        clock.s += LOOK_AGAIN_S

    assert 1 == sum(record.message == "model.missing" for record in caplog.records)
