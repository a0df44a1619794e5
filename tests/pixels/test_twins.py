"""The same image, written in another way, gives the same radiograph."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import Dataset

from hilum.pixels import radiograph_from_dicom
from hilum.radiograph import PixelPipeline
from hilum.settings import PixelSettings
from pixel_codings import LOSSLESS, recode
from radiographs import dicom_file, make_radiograph

PLAIN = dict.fromkeys(("WindowCenter", "WindowWidth", "PresentationLUTShape"))
SHAPE = (9, 7)
"""Odd sides, so that padding to an even length happens."""

pipelines = st.sampled_from(list(PixelPipeline))
few = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.differing_executors]
)


@st.composite
def images(draw, bits=None):
    """Return bits stored and values over all of them, shape ``(9, 7)``."""
    stored = bits or draw(st.sampled_from([8, 10, 12, 14, 16]))
    ceiling = 2**stored - 1
    values = draw(arrays(np.uint16, SHAPE, elements=st.integers(0, ceiling)))
    values[0, 0], values[-1, -1] = 0, ceiling
    return stored, values


def dataset_of(stored: int, values, **attributes) -> Dataset:
    return make_radiograph(
        values, **{**PLAIN, "BitsStored": stored, "HighBit": stored - 1, **attributes}
    )


def pixels_of(dataset: Dataset, pipeline: PixelPipeline):
    """Return the radiograph's pixels after the dataset was a file."""
    read = pydicom.dcmread(BytesIO(dicom_file(dataset)))
    return radiograph_from_dicom(read, PixelSettings(pipeline=pipeline)).pixels


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
@few
@given(image=images(), pipeline=pipelines)
def test_lossless_coding_changes_nothing(syntax, image, pipeline):
    """Every lossless transfer syntax, either byte order and deflation give the same pixels."""
    expected = pixels_of(dataset_of(*image), pipeline)

    np.testing.assert_array_equal(expected, pixels_of(recode(dataset_of(*image), syntax), pipeline))


@few
@given(image=images(), pipeline=pipelines)
def test_monochrome1_twin_is_the_same(image, pipeline):
    """An image and its inverted MONOCHROME1 twin look the same to the model."""
    stored, values = image
    twin = dataset_of(stored, 2**stored - 1 - values, PhotometricInterpretation="MONOCHROME1")

    np.testing.assert_allclose(
        pixels_of(dataset_of(*image), pipeline), pixels_of(twin, pipeline), atol=1e-3, rtol=0
    )


@few
@given(image=images(), pipeline=pipelines)
def test_sixteen_bit_container_twin_is_the_same(image, pipeline):
    """An image whose Bits Stored says 16 although it has fewer gives the same pixels."""
    stored, values = image

    np.testing.assert_array_equal(
        pixels_of(dataset_of(stored, values), pipeline),
        pixels_of(dataset_of(16, values), pipeline),
    )


@few
@given(image=images(bits=8), pipeline=pipelines)
def test_eight_bit_container_twin_is_the_same(image, pipeline):
    """Eight bits in one byte or in two are the same image."""
    stored, values = image
    twin = dataset_of(8, values, BitsAllocated=8, PixelData=values.astype(np.uint8).tobytes())
    twin["PixelData"].VR = "OB"
    twin.PixelData += b"\0" * (len(twin.PixelData) % 2)

    np.testing.assert_array_equal(
        pixels_of(dataset_of(stored, values), pipeline), pixels_of(twin, pipeline)
    )


@few
@given(image=images(), pipeline=pipelines)
def test_signed_twin_is_the_same(image, pipeline):
    """An image and its twin around zero look the same to the model."""
    stored, values = image
    around_zero = values.astype(np.int32) - 2 ** (stored - 1)
    twin = dataset_of(stored, values, PixelRepresentation=1)
    twin.PixelData = around_zero.astype("<i2").tobytes()

    np.testing.assert_allclose(
        pixels_of(dataset_of(stored, values), pipeline),
        pixels_of(twin, pipeline),
        atol=1e-3,
        rtol=0,
    )


@few
@given(image=images())
def test_without_voi_both_pipelines_are_the_same(image):
    """Display without a window or VOI LUT is what TorchXRayVision gives."""
    dataset = dataset_of(*image)

    np.testing.assert_array_equal(
        pixels_of(dataset, PixelPipeline.DISPLAY), pixels_of(dataset, PixelPipeline.TORCHXRAYVISION)
    )


@few
@given(image=images(), pipeline=pipelines, voi=st.booleans())
def test_pixels_stay_in_range(image, pipeline, voi):
    """Whatever is stored, the model sees float32 in [-1024, 1024]."""
    window = {"WindowCenter": 300, "WindowWidth": 200} if voi else {}

    pixels = pixels_of(dataset_of(*image, **window), pipeline)

    assert np.float32 == pixels.dtype
    assert -1024 <= pixels.min()
    assert pixels.max() <= 1024
