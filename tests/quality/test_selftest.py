"""``hilum selftest --offline``, and what the gate says to a phantom that nobody announced."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum import pipeline
from hilum.cli.main import main
from hilum.errors import RadiographRefused
from hilum.files import dicom
from hilum.phantom import make
from hilum.pipeline import PipelineContext, open_pipeline
from hilum.predict import find_card
from hilum.quality import selftest
from hilum.records import constancy
from hilum.records.database import open_database
from hilum.settings import Settings
from stand_in import STAND_IN, contents_of, install_stand_in, with_other_weights


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of an installation whose model is one for patients."""
    install_stand_in(tmp_path / "data")
    monkeypatch.setenv("HILUM_DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("HILUM_MODEL__NAME", STAND_IN)
    return Settings.load()


@pytest.fixture
def context(settings: Settings) -> PipelineContext:
    """Return the model of that installation."""
    return open_pipeline(settings)


def check(*options: str) -> Result:
    """Run the self-test in this process."""
    return CliRunner().invoke(main, ["selftest", "--offline", *options])


@pytest.mark.usefixtures("settings")
def test_first_answer_is_recorded_and_the_next_one_is_held_to_it():
    """An installation needs no separate step, and the same model says the same."""
    first, second = check(), check()

    assert (0, 0) == (first.exit_code, second.exit_code)
    assert f"recorded: the findings of {STAND_IN} 2 are the new reference" in first.output
    assert "ok: " in second.output
    assert "largest shift 0.0e+00" in second.output


def test_other_weights_are_an_alarm_that_names_findings_and_shifts(settings: Settings):
    """Until the new answer is recorded on purpose."""
    check()
    other = with_other_weights(contents_of(settings.data_folder))
    install_stand_in(settings.data_folder, other)
    alarm = check()

    assert 1 == alarm.exit_code
    assert f"ALARM {STAND_IN} 2" in alarm.output
    assert "weights: " in alarm.output
    assert ": changed by " in alarm.output
    assert any(
        f"{label}: raw " in alarm.output
        for label in find_card(STAND_IN, settings.data_folder).trained_labels
    )
    assert 0 == check("--record").exit_code
    assert 0 == check().exit_code


def test_another_way_to_the_pixels_is_an_alarm(monkeypatch: pytest.MonkeyPatch, settings: Settings):
    """A setting that moves answers is found like a library that does."""
    del settings
    check()
    monkeypatch.setenv("HILUM_PIXELS__PIPELINE", "torchxrayvision")
    alarm = json.loads(check("--json").output)

    assert "alarm" == alarm["state"]
    assert "pixel pipeline: torchxrayvision, the reference has display" in alarm["lines"][0]


def test_missing_model_is_an_alarm_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
):
    """It is written down like any other end."""
    monkeypatch.setenv("HILUM_MODEL__NAME", "densenet121-res224-all")
    alarm = check()
    with open_database(settings) as database, database.look() as connection:
        latest = constancy.latest(connection, "own")

    assert 1 == alarm.exit_code
    assert "hilum models pull" in alarm.output
    assert latest is not None
    assert constancy.SelfTestState.ALARM is latest.ended.state


def test_phantom_is_the_same_each_time_but_for_its_identifiers():
    """The pixels are the reference's; the study is one that no archive has."""
    first, second = selftest.make_phantom(), selftest.make_phantom()

    assert first.PixelData == second.PixelData
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        assert first[keyword].value != second[keyword].value
    assert "YES" == first.QualityControlImage
    assert ("PHANTOM^SELFTEST", "PHANTOM-SELFTEST") == (first.PatientName, first.PatientID)
    assert "PHANTOM" in dicom.text(first, "StudyDescription")


@pytest.mark.parametrize("dataset", [selftest.make_phantom(), make(5, size=256).dataset])
def test_model_for_patients_refuses_every_phantom_that_is_not_a_self_test(
    context: PipelineContext, dataset
):
    """Also one that is the very image of a self-test: nothing in an image opens the gate."""
    with pytest.raises(RadiographRefused) as refused:
        pipeline.prepare(dataset, context)

    assert ["quality_control"] == [reason.code for reason in refused.value.reasons]
    assert pipeline.prepare(dataset, context, self_test=True).radiograph.rows == dataset.Rows


def test_self_test_waives_nothing_but_the_rule_of_quality_control(context: PipelineContext):
    """Another view is refused in a self-test as ever."""
    dataset = selftest.make_phantom()
    dataset.ViewPosition = "LL"
    dataset.StudyDescription = "PHANTOM"
    dataset.SeriesDescription = "lateral"
    with pytest.raises(RadiographRefused) as refused:
        pipeline.prepare(dataset, context, self_test=True)

    assert "not_frontal" in {reason.code for reason in refused.value.reasons}


@pytest.mark.usefixtures("settings")
def test_live_test_with_the_demonstration_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    """A node with it reads nothing: waiting would be in vain."""
    monkeypatch.setenv("HILUM_MODEL__NAME", "demonstration")
    said = CliRunner().invoke(main, ["selftest"])

    assert 1 == said.exit_code
    assert "hilum selftest --offline" in said.output
