"""Operating points are put to use on the whole node, and one command goes back."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli import main
from hilum.errors import CardInvalid, SettingInvalid
from hilum.node import inference_process
from hilum.node.points import PointsDesk
from hilum.node.shared_settings import keep_file_in_use
from hilum.records import Database, audit, points_used
from hilum.records.database import sqlite_url
from hilum.settings import Settings
from points_files import site_points


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings with the demonstration model."""
    monkeypatch.setenv("HILUM_SETTINGS", os.devnull)
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_MODEL__NAME", "demonstration")
    return Settings.load()


@pytest.fixture
def desk(settings: Settings) -> Iterator[PointsDesk]:
    """Return what puts points to use."""
    with Database(sqlite_url(settings.data_folder / "hilum.sqlite")) as database:
        yield PointsDesk(settings, database)


@pytest.fixture
def worker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be an inference worker that was started with these settings."""
    process = inference_process.ProcessState(settings, in_demonstration=True)
    monkeypatch.setattr(inference_process, "PROCESS", process)


@pytest.mark.usefixtures("worker")
def test_a_worker_takes_up_what_is_put_to_use_and_goes_back(desk, tmp_path):
    """Each with its next image; the reading names the points and where they are from."""
    path = site_points().write(tmp_path)
    assert "default" == inference_process.hello().operating_points
    name = desk.use(str(path), "olga")
    path.unlink()
    model = inference_process.hello()
    assert (name, site_points().origin) == (model.operating_points, model.operating_points_origin)
    assert "default" == desk.back("olga")
    model = inference_process.hello()
    assert ("default", "") == (model.operating_points, model.operating_points_origin)
    assert name == desk.back("olga")

    assert name == inference_process.hello().operating_points
    assert name == Settings.load().model.points_name
    with desk.database.look() as connection:
        used = points_used.history(connection)
        trail = [each.line for each in audit.lines(connection)]
    assert [name, "default", name, "default"] == [each.name for each in used]
    assert [("olga", "points.used", name)] * 2 == [
        (each.actor, each.action, each.detail["points"])
        for each in trail
        if each.detail["points"] == name
    ]


@pytest.mark.usefixtures("worker")
def test_a_file_that_was_changed_after_it_was_put_to_use_reads_nothing(desk):
    """A worker that starts then says so, instead of reading with what was before."""
    name = desk.use(str(site_points().write(desk.settings.data_folder)), "olga")
    kept = desk.settings.data_folder / "points" / f"{name}.json"
    kept.write_text(kept.read_text().replace("0.25", "0.35"))

    for _ in range(2):
        with pytest.raises(CardInvalid, match="changed after"):
            inference_process.hello()


@pytest.mark.parametrize("chosen", ["nothing", "gone.json", "points/other.json"])
def test_what_is_not_there_is_not_put_to_use(desk, chosen):
    """And nothing is written down."""
    with pytest.raises(CardInvalid, match="cannot be read"):
        desk.use(chosen, "olga")
    with pytest.raises(SettingInvalid, match="No other operating points"):
        desk.back("olga")

    with desk.database.look() as connection:
        assert [] == points_used.history(connection)


def test_a_setting_of_the_file_is_stronger_and_said(desk, monkeypatch):
    """Otherwise it would look as if it worked."""
    monkeypatch.setenv("HILUM_MODEL__OPERATING_POINTS", "default")
    with pytest.raises(SettingInvalid, match="which is stronger"):
        desk.use("default", "olga")


def test_a_worker_with_another_data_folder_gets_the_file(desk, tmp_path):
    """From the database, before the setting that names it."""
    name = desk.use(str(site_points().write(tmp_path)), "olga")
    with desk.database.look() as connection:
        keep_file_in_use(tmp_path / "other", connection)

    kept = tmp_path / "other" / "points" / f"{name}.json"
    assert site_points().text() == kept.read_text("utf-8")


def hilum(*arguments: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(main, ["points", *arguments])


@pytest.mark.usefixtures("settings")
def test_commands_list_use_and_go_back(tmp_path):
    """With who, when and where from; a wrong file is one line."""
    path = site_points().write(tmp_path)
    assert ["* default"] == [each[:9] for each in hilum("list").output.splitlines()]
    used = hilum("use", str(path))
    assert 0 == used.exit_code, used.output
    assert "ward@" in used.output
    lines = hilum("list").output.splitlines()
    assert [True, False] == [each.startswith("* ") for each in lines[1:]]
    assert "sensitivity=0.95, chosen on 200 images" in lines[1]
    assert "default is in use" in hilum("back").output
    assert "ward@" in hilum("back").output
    lines = hilum("list").output.splitlines()
    assert [True, False, False] == [
        each.startswith("* ") for each in lines if "ward@" in each or "command line" in each
    ][:3]

    other = site_points(effusion=0.3).write(tmp_path)
    other.write_text(other.read_text().replace("0.3,", "0.31,"))
    refused = hilum("use", str(other))
    assert 1 == refused.exit_code
    assert 1 == len(refused.stderr.splitlines())
    assert "changed after it was written" in refused.stderr


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("written_by_hand", [False, True])
def test_a_file_of_a_setting_is_listed_by_the_name_that_results_give_it(
    tmp_path, monkeypatch, written_by_hand
):
    """Not by its path, which no result has."""
    path, start = site_points().write(tmp_path), "* ward@"
    if written_by_hand:
        path, start = tmp_path / "own.toml", "* own@"
        path.write_text("Effusion = 0.3\n")
    monkeypatch.setenv("HILUM_MODEL__OPERATING_POINTS", str(path))

    (line,) = (each for each in hilum("list").output.splitlines() if each.startswith("*"))
    assert line.startswith(start)
    assert "set by model.operating_points" in line
