"""``hilum drift``: what it says of months that moved, and of those that did not."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from drifting import MODEL, answers, seen
from hilum.cli.main import main
from hilum.records import drift
from hilum.records.database import open_database
from hilum.settings import Settings

MARCH = datetime(2026, 3, 5, tzinfo=UTC)
APRIL = datetime(2026, 4, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings that the command line finds."""
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_CONSTANCY__DRIFT_REFERENCE_IMAGES", "200")
    return Settings.load()


def fill(settings: Settings, moved: float) -> None:
    """Count 220 images in March, and as many in April whose scores moved."""
    rng = np.random.default_rng(4)
    with open_database(settings) as database, database.transaction() as connection:
        for month, by in ((MARCH, 0.0), (APRIL, moved)):
            for raw in answers(rng, 220, moved=by):
                drift.count(connection, "own", seen(month, raw), reference_images=200)


def test_command_names_what_shifted_in_words_and_ends_with_1(settings: Settings):
    """Labels, medians, PSI, and how many stayed as they were."""
    fill(settings, moved=1.2)
    said = CliRunner().invoke(main, ["drift"])

    assert 1 == said.exit_code
    assert f"{MODEL}: 2026-04 (220 images) against its first 200" in said.output
    assert "shifted    Label 0: median raw value" in said.output
    assert "others as before" in said.output


def test_command_is_silent_about_the_same_images_and_ends_with_0(settings: Settings):
    """One line says that nothing moved; JSON has every number."""
    fill(settings, moved=0.0)
    said = CliRunner().invoke(main, ["drift", "--json"])
    (one,) = json.loads(said.output)["models"]

    assert 0 == said.exit_code
    assert {"same"} == {shift["level"] for shift in one["shifts"]}
    assert 19 == len(one["shifts"])
    assert "19 distributions as before" in CliRunner().invoke(main, ["drift"]).output


def test_command_without_counts_says_so(settings: Settings):
    """An empty database is no drift."""
    del settings
    said = CliRunner().invoke(main, ["drift"])

    assert 0 == said.exit_code
    assert "There is no data yet" in said.output


def test_unknown_reference_is_told_with_those_there_are(settings: Settings):
    """A month without counts is no reference."""
    fill(settings, moved=0.0)
    said = CliRunner().invoke(main, ["drift", "--reference", "2020-01"])

    assert 1 == said.exit_code
    assert "2026-03, 2026-04, first" in said.output
