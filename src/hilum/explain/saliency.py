"""Class activation maps, laid on the source matrix.

A network's last feature map is coarse (7 × 7 cells for a 224-pixel input). Each cell
stands for an equal part of the field of view, and its value holds at the cell's
centre; between the centres values are interpolated bilinearly, beyond the outermost
centres they stay constant. Coordinates are continuous source pixels: (0, 0) is the
top left corner of the first pixel, so the centre of pixel *i* is at *i* + 0.5, as for
DICOM's spatial coordinates.

Sources
-------
Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016: class
activation maps. PS3.3 C.18.6.1.2: pixel coordinates with sub-pixel resolution.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hilum.reading import Heatmap


def heat(heatmap: Heatmap, rows: int, columns: int) -> NDArray[np.float32]:
    """Return a class activation map on the matrix of its source image.

    Parameters
    ----------
    rows, columns
        Size of the source matrix in pixels.

    Returns
    -------
    NDArray[np.float32]
        Shape ``(rows, columns)``, in logits: what the finding's logit would be, less its
        bias, if the whole field of view looked like this pixel's surroundings. Zero
        outside the field of view, which the network has not seen.
    """
    down = np.arange(rows) + 0.5
    across = np.arange(columns) + 0.5
    return sample(heatmap, down, across)


def sample(
    heatmap: Heatmap, down: NDArray[np.floating], across: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return a class activation map at the crossings of a grid of source coordinates.

    Parameters
    ----------
    down
        Shape ``(m,)``, vertical source coordinates.
    across
        Shape ``(n,)``, horizontal source coordinates.

    Returns
    -------
    NDArray[np.float32]
        Shape ``(m, n)``, in logits; zero outside the field of view.
    """
    field = heatmap.field_of_view
    height, width = heatmap.activation.shape
    vertical = _weights(down, field.top, field.height, height)
    horizontal = _weights(across, field.left, field.width, width)
    values: NDArray[np.float32] = np.matmul(vertical @ heatmap.activation, horizontal.T)
    return values


def relative(heatmap: Heatmap) -> Heatmap:
    """Return the map as shares of its peak, for display and outlines.

    Returns
    -------
    Heatmap
        `activation` in [0, 1], unitless: 1 at the peak, 0 where there is evidence
        against the finding, and everywhere in a map without any evidence for it.
    """
    peak = max(float(heatmap.activation.max()), 0.0)
    shares = heatmap.activation.clip(min=0.0) / (peak or 1.0)
    return replace(heatmap, activation=shares.astype(np.float32))


def _weights(
    positions: NDArray[np.floating], start: int, extent: int, cells: int
) -> NDArray[np.float32]:
    """Return how much each cell of one axis adds at each position.

    Returns
    -------
    NDArray[np.float32]
        Shape ``(positions, cells)``; each row sums to 1, or to 0 outside the field of view.
    """
    inside = (positions >= start) & (positions <= start + extent)
    place = (positions - start) * (cells / extent) - 0.5
    place = np.clip(place, 0.0, cells - 1.0)[:, None]
    nearness = np.maximum(0.0, 1.0 - np.abs(place - np.arange(cells)))
    weights: NDArray[np.float32] = np.where(inside[:, None], nearness, 0.0).astype(np.float32)
    return weights
