"""A radiograph cropped and resized to what one network takes, as TorchXRayVision does it."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilum.band_matrix import BandMatrix
from hilum.radiograph import FieldOfView, ModelInput, Radiograph

TRUNCATE: Final = 4.0
"""Standard deviations after which scipy.ndimage cuts a Gaussian off."""

OPERATORS_KEPT: Final = 32
"""Resize operators kept; a site's modalities have few matrix sizes."""


def fit(radiograph: Radiograph, size: int) -> ModelInput:
    """Turn a radiograph upright, cut the centre square out and resize it to `size` × `size`.

    Gives what ``XRayCenterCrop`` and ``XRayResizer(size)`` give: a Gaussian against
    aliasing, then linear interpolation, both with 0 beyond the border. Both are linear
    and separable, so they are one banded matrix for each side length.

    Parameters
    ----------
    radiograph
        Pixels of shape ``(rows, columns)``, float32, in [-1024, 1024].
    size
        Side of the network's input in pixels, e.g. 224.

    Returns
    -------
    ModelInput
        Pixels of shape ``(size, size)``, float32, unitless, in [-1024, 1024].

    Raises
    ------
    ValueError
        `size` is not positive.

    Sources
    -------
    ``torchxrayvision.datasets`` 1.5.7; ``skimage.transform.resize`` 0.26.
    """
    if size < 1:
        raise ValueError(f"a network's input has at least one pixel a side, not {size}")
    turn = radiograph.turn
    upright = turn.upright(radiograph.pixels)
    view = center_square(*upright.shape)
    square = upright[view.top : view.top + view.height, view.left : view.left + view.width]
    seen = turn.stored_view(view, *upright.shape)
    if view.height == size:
        return ModelInput(square.copy(), seen, turn)
    operator = resize_operator(view.height, size)
    resized = operator.across(operator.down(square))
    return ModelInput(clip_as_skimage(square, resized), seen, turn)


def center_square(rows: int, columns: int) -> FieldOfView:
    """Return the square that ``XRayCenterCrop`` cuts out of a matrix."""
    side = min(rows, columns)
    return FieldOfView(rows // 2 - side // 2, columns // 2 - side // 2, side, side)


@lru_cache(maxsize=OPERATORS_KEPT)
def resize_operator(length: int, size: int) -> BandMatrix:
    """Return the matrix that resizes one axis from `length` to `size` pixels.

    It is ``scipy.ndimage.zoom(order=1, mode="grid-constant", grid_mode=True)`` after
    ``gaussian_filter1d(mode="constant")``. A neighbour beyond the border counts as 0: its
    weight is left out, so rows near the border sum to less than 1.

    Returns
    -------
    BandMatrix
        Of shape ``(size, length)``.
    """
    factor = length / size
    at = (np.arange(size)[:, None] + 0.5) * factor - 0.5
    lower = np.floor(at).astype(int)
    fraction = at - lower
    columns = np.arange(length)
    matrix = np.zeros((size, length))
    for neighbour, share in ((lower, 1 - fraction), (lower + 1, fraction)):
        inside = (neighbour >= 0) & (neighbour < length)
        matrix += share * inside * gaussian(columns - neighbour, (factor - 1) / 2)
    return BandMatrix.of(matrix)


def gaussian(offsets: NDArray[np.int_], sigma: float) -> NDArray[np.float64]:
    """Return a Gaussian's weight at each offset, in pixels, cut off as scipy.ndimage does.

    With a `sigma` of 0 or less, when nothing shrinks, it is 1 at the offset 0 and else 0.
    """
    if sigma <= 0:
        return np.asarray(offsets == 0, np.float64)
    radius = int(TRUNCATE * sigma + 0.5)
    kernel = np.zeros(2 * radius + 3)  # a 0 at either end, for what is farther away
    kernel[1:-1] = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    kernel /= kernel.sum()
    return kernel[np.clip(offsets + radius + 1, 0, len(kernel) - 1)]


def clip_as_skimage(
    square: NDArray[np.float32], resized: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Clip `resized` to the range of `square`, as scikit-image does.

    Shapes ``(n, n)`` and ``(size, size)``, in [-1024, 1024]; `resized` is changed.
    Its values are averages of the square's and of the 0 around it. So they can leave the
    square's range only when 0 is outside that, and then they are all on one side of 0.
    """
    if resized.min() <= 0 <= resized.max():
        return resized
    return np.clip(resized, square.min(), square.max(), out=resized)
