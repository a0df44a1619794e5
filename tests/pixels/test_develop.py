"""A DICOM image becomes a Radiograph."""

import numpy as np
import pydicom
import pytest

from hilum.pixels import fit, radiograph_from_dicom
from hilum.radiograph import PixelPipeline
from hilum.settings import PixelSettings


@pytest.mark.parametrize("pipeline", list(PixelPipeline))
@pytest.mark.parametrize("coding", ["chest_path", "chest_lossless_path", "chest_lossy_path"])
def test_real_radiograph_is_read_in_every_coding(request, coding, pipeline):
    """A real chest radiograph gives full-size pixels and a network's input."""
    dataset = pydicom.dcmread(request.getfixturevalue(coding))

    radiograph = radiograph_from_dicom(dataset, PixelSettings(pipeline=pipeline))
    model_input = fit(radiograph, 224)

    assert (1955, 1841) == radiograph.pixels.shape
    assert np.float32 == radiograph.pixels.dtype
    assert (224, 224) == model_input.pixels.shape
    assert radiograph.pixels.min() >= -1024
    assert radiograph.pixels.max() <= 1024


def test_dataset_keeps_its_pixels(chest_path):
    """Developing does not change the dataset; the header has no pixels but the file meta."""
    dataset = pydicom.dcmread(chest_path)
    length = len(dataset.PixelData)

    radiograph = radiograph_from_dicom(dataset, PixelSettings())

    assert length == len(dataset.PixelData)
    assert "PixelData" not in radiograph.header
    assert dataset.file_meta is radiograph.header.file_meta
