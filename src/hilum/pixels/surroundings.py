"""What lies around and over the image: shutters, collimators, overlays, lossy compression."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.image import ImagePixel
from hilum.pixels.repairs import note_spacing
from hilum.pixels.stored import overlays_beside
from hilum.values.attributes import numbers_of, text_of, values_of, whole_of

NEAR_LOSSLESS: Final = "1.2.840.10008.1.2.4.81"
"""JPEG-LS Lossy: the one lossy coding that its header does not show."""

RECTANGLE: Final = (
    "ShutterUpperHorizontalEdge",
    "ShutterLowerHorizontalEdge",
    "ShutterLeftVerticalEdge",
    "ShutterRightVerticalEdge",
)
"""Edges of a rectangular shutter: first and last row, first and last column outside it."""

USUAL_CROP: Final = 0.2
"""Share of an image that the centre square may leave out unsaid: 18 % of a 14 × 17 inch one."""

CORNERS: Final = 3
"""Corners that a polygon has at least."""


def note(dataset: Dataset, image: ImagePixel, record: DecisionRecord) -> None:
    """Record what the pipeline sees and leaves as it is."""
    note_spacing(dataset, record)
    count = overlays_beside(dataset)
    if count:
        record.add("overlay_not_shown", count=count)
    collimator = _shapes(dataset, "CollimatorShape")
    if collimator:
        record.add("collimator_noted", shape=", ".join(collimator))
    recorded = {entry.code for entry in record.entries}
    shutters = shutter_shapes(dataset)
    if shutters and "shutter_applied" not in recorded:
        record.add("shutter_noted", shape=", ".join(shutters))
    lossy = image.syntax == NEAR_LOSSLESS or text_of(dataset, "LossyImageCompression") == "01"
    if lossy and "lossy_compression" not in recorded:
        said = text_of(dataset, "LossyImageCompressionMethod")
        method = said or phrase("method_unknown")
        if ratios := numbers_of(dataset, "LossyImageCompressionRatio"):
            method = phrase("ratio", method=method, ratio=ratios[-1])
        record.add("lossy_compression", method=method)


def note_crop(rows: int, columns: int, record: DecisionRecord) -> None:
    """Record that the centre square, which is all that a network sees, leaves out a lot."""
    left_out = 1 - min(rows, columns) / max(rows, columns)
    if left_out > USUAL_CROP:
        record.add("crop_leaves_out", share=left_out)


def shuttered(dataset: Dataset, image: ImagePixel) -> NDArray[np.bool_] | None:
    """Return what the display shutters hide, None when they hide nothing.

    Shape ``(rows, columns)``. Several shapes are open where all are (PS3.3 C.7.6.11).
    A shutter that hides everything, or whose numbers are not there, is none.
    """
    shapes = shutter_shapes(dataset)
    if not shapes:
        return None
    hidden = _nothing(image)
    for shape in shapes:
        match shape:
            case "RECTANGULAR":
                hidden |= _outside_rectangle(dataset, image)
            case "CIRCULAR":
                hidden |= _outside_circle(dataset, image)
            case "POLYGONAL":
                hidden |= _outside_polygon(dataset, image)
    return hidden if hidden.any() and not hidden.all() else None


def shutter_shapes(dataset: Dataset) -> list[str]:
    """Return the shapes of the display shutters, empty when there is none."""
    return _shapes(dataset, "ShutterShape")


def _shapes(dataset: Dataset, keyword: str) -> list[str]:
    return [str(value).strip().upper() for value in values_of(dataset, keyword) if value]


def _nothing(image: ImagePixel) -> NDArray[np.bool_]:
    return np.zeros((image.rows, image.columns), dtype=np.bool_)


def _outside_rectangle(dataset: Dataset, image: ImagePixel) -> NDArray[np.bool_]:
    edges = [whole_of(dataset, keyword) for keyword in RECTANGLE]
    hidden = _nothing(image)
    top, bottom, left, right = (None if edge is None else max(edge, 0) for edge in edges)
    if top is None or bottom is None or left is None or right is None:
        return hidden
    hidden[:top] = True  # edges count from 1; the edge itself is outside
    hidden[max(bottom - 1, 0) :] = bottom <= image.rows
    hidden[:, :left] = True
    hidden[:, max(right - 1, 0) :] |= right <= image.columns
    return hidden


def _outside_circle(dataset: Dataset, image: ImagePixel) -> NDArray[np.bool_]:
    center = numbers_of(dataset, "CenterOfCircularShutter")
    radius = numbers_of(dataset, "RadiusOfCircularShutter")
    if len(center) != 2 or not radius:  # noqa: PLR2004  row and column
        return _nothing(image)
    row = np.arange(1, image.rows + 1)[:, None] - center[0]
    column = np.arange(1, image.columns + 1)[None, :] - center[1]
    return np.asarray(row**2 + column**2 > radius[0] ** 2)


def _outside_polygon(dataset: Dataset, image: ImagePixel) -> NDArray[np.bool_]:
    """Return what is outside the polygon, by the even-odd rule for each row."""
    numbers = numbers_of(dataset, "VerticesOfThePolygonalShutter")
    corners = np.array(numbers[: len(numbers) // 2 * 2]).reshape(-1, 2)
    if len(corners) < CORNERS:
        return _nothing(image)
    inside = _nothing(image)
    rows = np.arange(1, image.rows + 1)
    columns = np.arange(1, image.columns + 1)
    for (row, column), (next_row, next_column) in zip(
        corners, np.roll(corners, -1, axis=0), strict=True
    ):
        crossed = (rows < row) != (rows < next_row)
        at = column + (rows[crossed] - row) * (next_column - column) / (next_row - row)
        inside[crossed] ^= columns[None, :] < at[:, None]
    return ~inside
