"""The resize operator against scikit-image, live or as it answered last."""

import os
import subprocess

import numpy as np
import pytest

from hilum.pixels import fit
from hilum.pixels.resize import resize_operator
from hilum.radiograph import FieldOfView, PixelPipeline, Radiograph
from pixel_reference import ROOT
from pixel_resizer import SHAPES, kept_of, picture
from reference_environment import reference_python

GOLDEN = ROOT / "tests" / "pixels" / "golden" / "resize.npz"

TOLERANCE = 1e-3
"""On the [-1024, 1024] scale; both sides compute in float32, in another order."""


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return what TorchXRayVision's crop and resize give: shape → kept values."""
    python, path = reference_python(), GOLDEN
    if python is not None:
        path = tmp_path_factory.mktemp("reference") / "resize.npz"
        subprocess.run(
            [python, ROOT / "tests" / "pixel_resizer.py", path],
            check=True,
            capture_output=True,
            env={"PATH": os.environ["PATH"]},
        )
    with np.load(path) as kept:
        return dict(kept)


def radiograph(pixels) -> Radiograph:
    return Radiograph(pixels, None, PixelPipeline.DISPLAY)


@pytest.mark.parametrize("floor", [-1024.0, 100.0])
@pytest.mark.parametrize(("rows", "columns", "size"), SHAPES)
def test_fits_as_torchxrayvision_does(rows, columns, size, floor, reference):
    """Every shape, with and without 0 in its range, is cropped and resized the same way."""
    pixels = picture(rows, columns, floor=floor)

    fitted = fit(radiograph(pixels), size).pixels

    expected = reference[f"{rows}x{columns}_{size}_{floor:g}"]
    np.testing.assert_allclose(expected, kept_of(fitted), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (1955, 1841, FieldOfView(57, 0, 1841, 1841)),
        (1841, 1955, FieldOfView(0, 57, 1841, 1841)),
        (224, 224, FieldOfView(0, 0, 224, 224)),
        (5, 4, FieldOfView(0, 0, 4, 4)),
        (4, 7, FieldOfView(0, 1, 4, 4)),
    ],
)
def test_field_of_view_is_the_centre_square(rows, columns, expected):
    """The part of the matrix that the model sees is named in source pixels."""
    assert expected == fit(radiograph(picture(rows, columns)), 224).field_of_view


def test_operator_is_made_once_for_a_length():
    """The operator of a matrix size is kept, and the number of kept ones is bounded."""
    assert resize_operator(999, 224) is resize_operator(999, 224)
    assert resize_operator.cache_info().maxsize <= 64


def test_fitted_pixels_are_its_own():
    """Changing the network's input never changes the radiograph, whatever its size."""
    source = radiograph(picture(224, 224))
    before = source.pixels.copy()

    fit(source, 224).pixels[:] = 0

    np.testing.assert_array_equal(before, source.pixels)


def test_size_must_be_positive():
    """A network without pixels is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least one pixel"):
        fit(radiograph(picture(8, 8)), 0)
