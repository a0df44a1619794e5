"""A radiograph cropped and resized to what one network takes, as TorchXRayVision does it."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hilum.radiograph import FieldOfView, ModelInput, Radiograph

TRUNCATE: Final = 4.0
"""Standard deviations after which scipy.ndimage cuts a Gaussian off."""

OPERATORS_KEPT: Final = 32
"""Resize operators kept; a site's modalities have few matrix sizes."""


def fit(radiograph: Radiograph, size: int) -> ModelInput:
    """Turn a radiograph upright, cut the centre square out and resize it to `size` × `size`.

    Gives what ``XRayCenterCrop`` and ``XRayResizer(size)`` give: a Gaussian against
    aliasing, then linear interpolation, both with 0 beyond the border. Both are linear
    and separable, so they are one sparse matrix for each side length.

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
    resized = np.asarray(operator @ (operator @ square).T).T
    return ModelInput(clip_as_skimage(square, np.ascontiguousarray(resized)), seen, turn)


def center_square(rows: int, columns: int) -> FieldOfView:
    """Return the square that ``XRayCenterCrop`` cuts out of a matrix."""
    side = min(rows, columns)
    return FieldOfView(rows // 2 - side // 2, columns // 2 - side // 2, side, side)


@lru_cache(maxsize=OPERATORS_KEPT)
def resize_operator(length: int, size: int) -> sparse.csr_array:
    """Return the matrix that resizes one axis from `length` to `size` pixels.

    Returns
    -------
    sparse.csr_array
        Shape ``(size, length)``, float32. Rows near the border sum to less than 1,
        because scikit-image blends with 0 there.
    """
    factor = length / size
    shrink = interpolation(length, size)
    if factor > 1:
        shrink = shrink @ gaussian(length, (factor - 1) / 2)
    operator = sparse.csr_array(shrink, dtype=np.float32)
    operator.sort_indices()
    return operator


def gaussian(length: int, sigma: float) -> sparse.csr_array:
    """Return ``scipy.ndimage.gaussian_filter1d(mode="constant")`` as a matrix."""
    radius = int(TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 / (sigma * sigma) * offsets**2)
    weights /= weights.sum()
    within = np.abs(offsets) < length
    return sparse.csr_array(
        sparse.diags_array(
            list(weights[within]), offsets=list(offsets[within]), shape=(length, length)
        )
    )


def interpolation(length: int, size: int) -> sparse.csr_array:
    """Return ``scipy.ndimage.zoom(order=1, mode="grid-constant", grid_mode=True)`` as a matrix.

    A neighbour beyond the border counts as 0: its weight is left out.
    """
    at = (np.arange(size) + 0.5) * (length / size) - 0.5
    lower = np.floor(at).astype(int)
    fraction = at - lower
    rows = np.tile(np.arange(size), 2)
    columns = np.concatenate([lower, lower + 1])
    weights = np.concatenate([1 - fraction, fraction])
    inside = (columns >= 0) & (columns < length)
    return sparse.csr_array(
        (weights[inside], (rows[inside], columns[inside])), shape=(size, length)
    )


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
