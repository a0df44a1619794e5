"""A node fits the statistics of the reference images when it has enough, and then lets them be."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hilum.cli import main
from hilum.node.retrying_archive import archive_name
from hilum.predict import ReferenceFiles, load_model, reference_key
from hilum.predict.reference import fit
from hilum.quality.reference_fits import ReferenceFits
from hilum.radiograph import PixelPipeline
from hilum.reading import ModelIdentity
from hilum.records import Database, feature_samples
from hilum.records.database import open_database
from hilum.settings import Settings
from hilum.values import half_precision
from radiographs import dicom_file, make_radiograph, thorax
from stand_in import STAND_IN, install_stand_in

DISPLAY = PixelPipeline.DISPLAY
LONG_S = 120.0
"""Longer than a fit takes on a loaded machine; reached only when it went wrong."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings of a model for patients, of which a new process has the same."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_MODEL__NAME", STAND_IN)
    monkeypatch.setenv("HILUM_MODEL__REFERENCE_IMAGES", "50")
    monkeypatch.setattr(os, "nice", lambda _: 0)  # the tests that follow would be the last, too
    install_stand_in(tmp_path / "data")
    return Settings.load()


@pytest.fixture
def model(settings: Settings) -> ModelIdentity:
    """Return its identity."""
    return load_model(settings).identity


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Return its database."""
    with open_database(settings) as opened:
        yield opened


def collect(database: Database, settings: Settings, model: ModelIdentity, count: int) -> None:
    """Keep the features of so many images."""
    rng = np.random.default_rng(1)
    key = reference_key(model.key, DISPLAY)
    with database.transaction() as connection:
        number = 0
        while feature_samples.count(connection, archive_name(settings), key) < count:
            packed = half_precision.packed(rng.normal(size=96).astype("f4"))
            feature_samples.keep(connection, archive_name(settings), key, f"1.{number}", packed)
            number += 1


def is_due(settings: Settings, database: Database, model: ModelIdentity) -> bool:
    """Whether a fit is due."""
    return ReferenceFits(settings, database, archive_name(settings)).is_due(model)


def test_fit_is_due_with_enough_images_and_again_with_twice_as_many(
    settings: Settings, database: Database, model: ModelIdentity
):
    """Then the statistics stay: were they to follow the images, they would hide a drift."""
    files = ReferenceFiles(settings.data_folder, model)
    due = []
    for count in (49, 50, 99, 100, 199, 200, 300):
        collect(database, settings, model, count)
        due.append(is_due(settings, database, model))
        if due[-1]:
            rows = np.random.default_rng(2).normal(size=(count, 96))
            key = reference_key(model.key, DISPLAY)
            files.write(DISPLAY, fit(rows, key=key, version=1, fitted="2026-11-27"))

    assert [False, True, False, True, False, True, False] == due


@pytest.mark.parametrize("change", [{"unusual_percentile": 0}, {"reference_images": 51}])
def test_fit_is_not_due_where_nobody_asks_for_it(
    settings: Settings, database: Database, model: ModelIdentity, change: dict[str, float]
):
    """By the settings."""
    collect(database, settings, model, 50)

    assert not is_due(settings.changed("model", **change), database, model)


def test_node_fits_by_itself(settings: Settings, database: Database, model: ModelIdentity):
    """In a process of its own, from what it collected."""
    collect(database, settings, model, 50)
    fits = ReferenceFits(settings, database, archive_name(settings))
    files = ReferenceFiles(settings.data_folder, model)
    deadline = time.monotonic() + LONG_S
    while files.newest(DISPLAY) is None:
        assert time.monotonic() < deadline, "nothing was fitted"
        fits.tend(model)
        time.sleep(0.1)
    fits.close()

    assert 50 == files.newest(DISPLAY).images


def command(*arguments: object) -> str:
    """Return what a command says."""
    return CliRunner().invoke(main, ["models", "ood", *map(str, arguments)]).output


def test_command_counts_what_is_missing(
    settings: Settings, database: Database, model: ModelIdentity
):
    """Until there are enough."""
    collect(database, settings, model, 3)

    assert "not enough images yet, 3 of 50" in command("show")
    assert "There are 3 images, and a fit needs 50." in command("fit")


@pytest.mark.usefixtures("settings")
def test_folder_of_images_gives_statistics(tmp_path: Path):
    """Of those that the gate accepts; the next image is compared with them."""
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for number in range(52):
        tilted = np.linspace(1, rng.uniform(0.6, 1), 240)
        pixels = (thorax(240, 240) * tilted + rng.integers(0, 40, (240, 240))).astype("<u2")
        image = make_radiograph(pixels, ViewPosition="LL" if number < 2 else "PA")
        (folder / f"{number}.dcm").write_bytes(dicom_file(image))

    assert "fitted on 50 images, version 1" in command("fit", folder)
    assert "version 1 of 20" in command("show")
