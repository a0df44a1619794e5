"""``hilum evaluate --choose``: operating points of a site, as a file that can be put to use."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli.main import main
from hilum.predict.points_file import SitePoints, read_points
from label_look_alikes import MODEL, simulated, written


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Return readings, labels and a folder: 1,200 images of 600 patients, few with a mass."""
    folder = tmp_path_factory.mktemp("choose")
    return *written(folder, *simulated(1200, 5, findings=("Effusion", "Mass"))), folder


def choose(inputs: tuple[Path, Path, Path], *words: str) -> Result:
    """Run the command."""
    readings, labels, folder = inputs
    given = ["evaluate", readings, "--labels", labels, "--out", folder / "out", *words]
    environment = {"LANGUAGE": "C", "HILUM_SETTINGS": os.devnull}
    return CliRunner().invoke(main, [str(each) for each in given], env=environment)


@pytest.fixture(scope="module")
def points(inputs: tuple[Path, Path, Path]) -> SitePoints:
    """Return what was chosen."""
    done = choose(inputs, "--choose", "sensitivity=0.9", "--title", "ward", "--calibrate")
    assert "calibrated probability at this site: slope" in done.stdout
    assert 0 == done.exit_code, done.output
    assert "put it to use with hilum points use" in done.stderr
    (path,) = (inputs[2] / "out").glob("ward@*.json")
    return read_points(path)


def test_file_says_rule_model_and_data(points: SitePoints):
    """Half of the patients, no one in both, and the labels by their digest."""
    assert ("sensitivity=0.9", MODEL["sha256"]) == (points.rule, points.model.sha256)
    data = points.data
    assert (300, 300) == (data.patients, data.held_out_patients)
    assert 1200 == data.images + data.held_out_images


def test_figures_are_of_the_other_patients(points: SitePoints):
    """Near the target, with an interval that a patient's two images do not make narrow."""
    effusion = points.findings["Effusion"]
    assert effusion.chosen
    tried = effusion.held_out
    assert tried is not None
    assert points.data.held_out_images == tried.positives + tried.negatives
    assert tried.sensitivity is not None
    assert tried.sensitivity.low < 0.9 < tried.sensitivity.high
    assert tried.sensitivity.total == tried.positives


def test_calibrated_probability_is_fitted_and_tried(points: SitePoints):
    """On the same halves; the raw values of these readings are too near to each other."""
    effusion = points.findings["Effusion"].calibration

    assert effusion is not None
    assert points.data.images == effusion.curve.images
    tried = effusion.held_out
    assert points.data.held_out_images == tried.positives + tried.negatives
    assert tried.slope is not None
    assert tried.slope.low < 1 < tried.slope.high
    assert tried.brier < tried.brier_before


def test_too_few_images_for_a_probability_are_said(tmp_path: Path):
    """In words, for each finding."""
    files = written(tmp_path, *simulated(120, 5))
    done = choose((*files, tmp_path), "--choose", "youden", "--calibrate")

    assert 0 == done.exit_code
    assert "Too few images." in done.stdout
    assert "It needs 20 images with the finding and 20 without it to fit on" in done.stdout
    (path,) = (tmp_path / "out").glob("site@*.json")
    assert "too_few" == read_points(path).findings["Effusion"].uncalibrated


def test_too_few_images_write_no_file(tmp_path: Path):
    """It would be the card's points under the site's name."""
    done = choose((*written(tmp_path, *simulated(30, 5)), tmp_path), "--choose", "youden")

    assert 0 == done.exit_code
    assert "No operating point was chosen" in done.stderr
    assert [] == list((tmp_path / "out").glob("site@*.json"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--choose", "f1=0.9"), "is no rule to choose operating points by"),
        (("--choose", "youden", "--title", "../x"), "cannot be the title"),
        (("--calibrate",), "--calibrate adds to the operating points that --choose writes"),
    ],
)
def test_what_cannot_be_chosen_is_one_line(inputs, words, said):
    """Before anything is computed, where that is known."""
    done = choose(inputs, *words)

    assert 1 == done.exit_code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
