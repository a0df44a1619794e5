"""Every row of the table in docs/pixels.md, on a generated image."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from hilum.errors import RadiographRefused
from hilum.pixels import radiograph_from_dicom
from hilum.radiograph import PixelPipeline, Radiograph
from hilum.settings import PixelSettings
from pixel_cases import CASES, REFUSALS
from radiographs import dicom_file

DISPLAY = PixelSettings(pipeline=PixelPipeline.DISPLAY)
TORCHXRAYVISION = PixelSettings(pipeline=PixelPipeline.TORCHXRAYVISION)


def through_file(dataset: Dataset) -> Dataset:
    """Return `dataset` as it is after it was a file."""
    return pydicom.dcmread(BytesIO(dicom_file(dataset)))


def brightness(radiograph: Radiograph):
    """Return the pixels as 0 for black to 1 for white."""
    return (radiograph.pixels.astype(np.float64) / 1024 + 1) / 2


@pytest.mark.parametrize("name", CASES)
def test_golden_pixels(name):
    """The image gives the pixels that its row of the table says, in both pipelines."""
    case = CASES[name]
    dataset = through_file(case.make())
    raw = case.display if case.torchxrayvision is None else case.torchxrayvision

    shown = brightness(radiograph_from_dicom(dataset, DISPLAY))
    plain = brightness(radiograph_from_dicom(dataset, TORCHXRAYVISION))

    np.testing.assert_allclose(shown, case.display, atol=case.tolerance, rtol=0)
    np.testing.assert_allclose(plain, raw, atol=case.tolerance, rtol=0)


@pytest.mark.parametrize("name", CASES)
def test_golden_decisions(name):
    """The image gives the decisions that its row of the table names, and no other."""
    case = CASES[name]

    radiograph = radiograph_from_dicom(through_file(case.make()), DISPLAY)

    assert case.codes == tuple(decision.code for decision in radiograph.decisions)


@pytest.mark.parametrize("name", REFUSALS)
def test_golden_refusal(name):
    """The image is refused with all the reasons that its row of the table names."""
    refusal = REFUSALS[name]
    dataset = through_file(refusal.make())

    for settings in (DISPLAY, TORCHXRAYVISION):
        with pytest.raises(RadiographRefused) as caught:
            radiograph_from_dicom(dataset, settings)

        assert refusal.codes == tuple(reason.code for reason in caught.value.reasons)
