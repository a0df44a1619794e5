"""Many files: in order, one outcome each, and one broken file ends nothing."""

import pytest

from hilum import pipeline
from hilum.dataset.batch import read_many
from hilum.files.find import find_candidates
from hilum.outcome import Status
from hilum.pipeline import PipelineContext
from hilum.predict import load_model
from hilum.settings import Settings
from radiographs import dicom_file, make_radiograph


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """Return a pipeline that may read anything."""
    settings = Settings.load(data_folder=tmp_path_factory.mktemp("data"))
    settings = settings.changed("model", name="demonstration")
    return PipelineContext(load_model(settings), settings, in_demonstration=True)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with five radiographs."""
    for number in range(5):
        (tmp_path / f"{number}.dcm").write_bytes(dicom_file(make_radiograph()))
    return tmp_path


def test_outcomes_keep_the_order_of_the_files(context, folder):
    """Decoding ahead does not change which answer belongs to which file."""
    outcomes = list(read_many(find_candidates([str(folder)]), context))

    assert [str(folder / f"{number}.dcm") for number in range(5)] == [o.path for o in outcomes]
    assert [Status.READ] * 5 == [o.status for o in outcomes]


def test_reading_alone_or_in_a_folder_gives_the_same(context, folder):
    """An image's answer does not depend on what is read beside it."""
    together = list(read_many(find_candidates([str(folder)]), context))
    alone = list(read_many(find_candidates([str(folder / "3.dcm")]), context))

    assert together[3].reading.findings == alone[0].reading.findings


def test_fault_of_ours_fails_one_file_only(context, folder, monkeypatch, caplog):
    """A bug that one file shows is that file's failure, named as ours."""
    radiograph_from_dicom = pipeline.pixels.radiograph_from_dicom

    calls = iter([False, False, True, False, False])
    monkeypatch.setattr(
        pipeline.pixels,
        "radiograph_from_dicom",
        lambda *given, **named: 1 // 0 if next(calls) else radiograph_from_dicom(*given, **named),
    )
    outcomes = list(read_many(find_candidates([str(folder)]), context))

    assert 1 == sum(outcome.status is Status.FAILED for outcome in outcomes)
    assert "please report it" in next(
        outcome.reasons[0].text for outcome in outcomes if outcome.status is Status.FAILED
    )
    assert "ZeroDivisionError" in caplog.text


def test_what_was_put_right_in_a_file_is_a_decision(context, tmp_path):
    """Bytes behind the data are told with the reading, before what the pixels took."""
    (tmp_path / "longer.dcm").write_bytes(dicom_file(make_radiograph()) + bytes(100))
    (outcome,) = read_many(find_candidates([str(tmp_path)]), context)

    decision = outcome.reading.radiograph.decisions[0]
    assert ("bytes_after_data", True) == (decision.code, "100" in decision.text)


def test_only_a_few_files_are_open_at_a_time(context, folder):
    """Candidates are taken as they are read, so that a long folder needs no more memory."""
    taken = []

    def candidates():
        for candidate in find_candidates([str(folder)]):
            taken.append(candidate.name)
            yield candidate

    next(read_many(candidates(), context))

    assert 3 == len(taken)
