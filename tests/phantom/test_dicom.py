"""Phantoms as DICOM images: valid, of nobody, of many detectors."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from hilum import phantom
from hilum.gate import judge
from hilum.phantom import make
from hilum.phantom.scene import brightness, draw
from hilum.pixels import radiograph_from_dicom
from hilum.settings import Settings
from sr_validators import objections

DETECTORS = range(24)
"""Seeds that between them have every kind of detector."""


@pytest.fixture(scope="session")
def datasets():
    """Return phantoms of many detectors."""
    return [make(seed, size=224).dataset for seed in DETECTORS]


def test_every_kind_of_detector_comes_up(datasets):
    """Modality, photometric interpretation, bits, tables, views and shapes all vary."""
    assert {"DX", "CR"} == {dataset.Modality for dataset in datasets}
    assert {"MONOCHROME1", "MONOCHROME2"} == {d.PhotometricInterpretation for d in datasets}
    assert {10, 12, 14, 15, 16} == {dataset.BitsStored for dataset in datasets}
    assert {"PA", "AP"} == {dataset.ViewPosition for dataset in datasets}
    assert {True, False} == {"VOILUTSequence" in dataset for dataset in datasets}
    assert {True, False} == {dataset.Rows > dataset.Columns for dataset in datasets}


@pytest.mark.parametrize("seed", DETECTORS)
def test_dciodvfy_has_no_objection(seed: int, tmp_path: Path):
    """The public validator finds neither error nor warning."""
    path = tmp_path / "phantom.dcm"
    make(seed, size=64).dataset.save_as(path, enforce_file_format=True)

    assert [] == objections(path)


def test_file_reads_back_as_it_was(tmp_path: Path):
    """Nothing is lost on the way through a file, tables included."""
    for seed in DETECTORS:
        made = make(seed, size=64).dataset
        path = tmp_path / f"{seed}.dcm"
        made.save_as(path, enforce_file_format=True)

        assert made == dcmread(path)


@pytest.mark.parametrize("seed", DETECTORS)
def test_pixels_are_shown_as_they_were_meant(seed: int):
    """Window, table and inversion lead back to the brightness that was drawn."""
    scene = phantom.compose(seed)
    dataset = make(seed, size=160).dataset
    drawing = draw(scene, dataset.Rows, dataset.Columns)
    meant = brightness(scene, drawing) * 2048 - 1024
    seen = radiograph_from_dicom(dataset, Settings.load().pixels).pixels
    plain = drawing.inside & (drawing.marked == 0)

    assert np.abs(seen - meant)[plain].max() < 2 * 2048 / 1023 + 1


def test_identity_says_phantom(datasets):
    """Nobody takes a phantom for a patient: name, number and comments say what it is."""
    for dataset in datasets:
        assert "PHANTOM" == dataset.PatientName.family_name
        assert dataset.PatientID.startswith("PHANTOM-")
        assert "PHANTOM" in dataset.StudyDescription
        assert "of nobody" in dataset.ImageComments


def test_phantom_is_a_quality_control_image(datasets):
    """A model for patients is not to read it; the demonstration model may."""
    settings = Settings.load().gate
    for dataset in datasets:
        assert "YES" == dataset.QualityControlImage
        assert judge(dataset, settings, clinical_model=False).accepted
        assert not judge(dataset, settings, clinical_model=True).accepted


def test_uids_are_derived_and_belong_together(datasets):
    """Study, series and image have UIDs of their own, made from the phantom."""
    for dataset in datasets:
        uids = {dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID}

        assert 3 == len(uids)
        assert all(uid.startswith("2.25.") and uid.is_valid for uid in uids)
