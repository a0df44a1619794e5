"""Fixtures of the predict room."""

from pathlib import Path

import pytest

from hilum.predict import Model, load_model
from hilum.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with an empty data folder and the demonstration model."""
    return Settings.load(data_folder=tmp_path / "data").changed("model", name="demonstration")


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return the demonstration model, loaded once."""
    folder = tmp_path_factory.mktemp("demonstration")
    loaded = Settings.load(data_folder=folder).changed("model", name="demonstration")
    return load_model(loaded)
