"""Fixtures of dataset runs: radiographs that the demonstration model reads, and its run."""

import pytest

from hilum.dataset.record import of_run
from hilum.dataset.worker import run_of
from hilum.pipeline import open_pipeline
from hilum.settings import Settings
from radiographs import dicom_file, make_radiograph


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    """Set a data folder and the demonstration model for this process and all that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HILUM_DATA_FOLDER", str(tmp_path_factory.mktemp("data")))
        patch.setenv("HILUM_MODEL__NAME", "demonstration")
        yield Settings.load().changed("model", threads=1)


@pytest.fixture(scope="module")
def dataset_run(data_folder):
    """Return the run of these settings."""
    return run_of(open_pipeline(data_folder))


@pytest.fixture(scope="module")
def about_run(data_folder):
    """Return what each row of it says."""
    identity = open_pipeline(data_folder).model.identity
    return of_run(identity, data_folder.pixels.pipeline)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Return a folder with 24 radiographs of nobody."""
    folder = tmp_path_factory.mktemp("phantoms")
    for number in range(24):
        dataset = make_radiograph()
        dataset.QualityControlImage = "YES"
        (folder / f"{number:02}.dcm").write_bytes(dicom_file(dataset))
    return folder
