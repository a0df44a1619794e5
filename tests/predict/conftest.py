"""Fixtures of the tests of `predict`."""

from pathlib import Path

import numpy as np
import pytest

from hilum.predict import Model, find_card, load_model
from hilum.predict.graph import load_graph
from hilum.predict.installed import Source, install
from hilum.settings import Settings
from seeded_weights import random_state
from torch_files import TorchFile


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with an empty data folder and the demonstration model."""
    return Settings.load(data_folder=tmp_path / "data").changed("model", name="demonstration")


@pytest.fixture
def installed(settings: Settings, state: dict[str, np.ndarray]) -> Settings:
    """Return settings with a DenseNet-121 whose seeded weights are installed."""
    card = find_card("densenet121-res224-all", settings.data_folder)
    assert card.weights.sha256 is not None
    install(
        card,
        load_graph(card.graph).lay_out(state, len(card.labels)),
        Source(card.weights.sha256, verified=True),
        data_folder=settings.data_folder,
    )
    return settings.changed("model", name=card.name)


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return the demonstration model, loaded once."""
    folder = tmp_path_factory.mktemp("demonstration")
    loaded = Settings.load(data_folder=folder).changed("model", name="demonstration")
    return load_model(loaded)


@pytest.fixture(scope="session")
def state() -> dict[str, np.ndarray]:
    """Return a whole state dict of the DenseNet-121, of another seed than the demonstration."""
    graph = load_graph("densenet121-res224")
    return random_state(graph, labels=18, seed=3)


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory, state: dict[str, np.ndarray]) -> Path:
    """Return a weights file of torch with `state`: a pickled network, legacy container."""
    file = TorchFile(legacy=True)
    return file.write(tmp_path_factory.mktemp("weights") / "weights.pt", file.module(state))
