"""The torchxrayvision pipeline against TorchXRayVision itself, live or as it answered last."""

import logging
import shutil
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from hilum.errors import RadiographRefused
from hilum.pixels import fit, radiograph_from_dicom
from hilum.radiograph import PixelPipeline, Radiograph
from hilum.settings import PixelSettings
from pixel_cases import CASES, REFUSALS
from pixel_reference import (
    KEPT_OF_REAL,
    RADIOGRAPHS,
    REAL,
    Answers,
    answers,
    ask,
)
from radiographs import dicom_file
from reference_environment import reference_python

SETTINGS = PixelSettings(pipeline=PixelPipeline.TORCHXRAYVISION)

TOLERANCE = 1e-3
"""On the [-1024, 1024] scale."""

WRONGLY_READ = {
    "signed_pixels",
    "fewer_bits_used",
    "more_bits_used",
    "padding_blackened",
    "modality_lut_applied",
}
"""Decisions that say why our pixels are not TorchXRayVision's."""


@pytest.fixture(scope="module")
def reference() -> Answers:
    """Return what TorchXRayVision makes of every case."""
    return answers(reference_python())


def ours(name: str) -> Radiograph:
    """Return what hilum makes of one case."""
    return radiograph_from_dicom(pydicom.dcmread(BytesIO(dicom_file(CASES[name].make()))), SETTINGS)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.reference == "same"])
def test_what_it_reads_rightly_is_the_same(name, reference):
    """Where TorchXRayVision reads an image rightly, our pixels are its pixels."""
    assert TOLERANCE >= np.abs(reference[name] - ours(name).pixels).max()


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.reference == "decoder"])
def test_what_it_cannot_decode_alone(name, reference):
    """Where TorchXRayVision needs an optional decoder, it raises, or gives our pixels."""
    theirs = reference[name]

    assert not theirs.size or TOLERANCE >= np.abs(theirs - ours(name).pixels).max()


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.reference == "differs"])
def test_what_it_reads_wrongly_differs(name, reference):
    """Where the table says that TorchXRayVision reads an image wrongly, it does."""
    assert reference[name].shape == ours(name).pixels.shape
    assert TOLERANCE < np.abs(reference[name] - ours(name).pixels).max()


@pytest.mark.parametrize(
    "name", [n for n, c in {**CASES, **REFUSALS}.items() if c.reference == "raises"]
)
def test_what_it_does_not_read(name, reference):
    """Where the table says that TorchXRayVision raises, it does."""
    assert not reference[name].size


@pytest.mark.parametrize("name", [n for n, c in REFUSALS.items() if c.reference == "reads"])
def test_what_it_reads_and_we_refuse(name, reference):
    """Where the table says that TorchXRayVision reads what we refuse, it does."""
    assert reference[name].size


@pytest.mark.parametrize("name", RADIOGRAPHS)
def test_real_radiographs_are_the_same(name, reference):
    """A real radiograph in any coding gives TorchXRayVision's network input, but for its turn."""
    radiograph = radiograph_from_dicom(pydicom.dcmread(REAL / f"{name}.dcm"), SETTINGS)

    seen = radiograph.turn.stored(fit(radiograph, 224).pixels)[KEPT_OF_REAL, KEPT_OF_REAL]

    assert TOLERANCE >= np.abs(reference[name] - seen).max()


@pytest.mark.reference
@pytest.mark.skipif(reference_python() is None, reason="there is no reference environment")
def test_every_real_file_is_the_same_or_says_why(tmp_path):
    """Of all files that pydicom tests itself with, both give the same or we say why not."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    own = Path(pydicom.__file__).parent / "data" / "test_files"
    for source in [*REAL.glob("*.dcm"), *own.glob("*.dcm")]:
        shutil.copy(source, tmp_path / source.name)
    ask(reference_python(), tmp_path)

    compared = []
    for path in sorted(tmp_path.glob("*.dcm")):
        theirs = path.with_suffix(".npy")
        if not theirs.exists():
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pydicom's test files break rules on purpose
                radiograph = radiograph_from_dicom(pydicom.dcmread(path, force=True), SETTINGS)
        except RadiographRefused:
            continue
        why = {decision.code for decision in radiograph.decisions} & WRONGLY_READ
        difference = np.abs(np.load(theirs) - radiograph.pixels).max()
        assert why or difference <= TOLERANCE, path.name
        compared.append(path.name)

    assert 40 <= len(compared)
