"""The optional DICOM objects: those that a site asks for beside the overlay and the reports."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from hilum.encode.encapsulated_pdf import encapsulated_pdf
from hilum.encode.key_objects import key_objects
from hilum.encode.parametric_map import parametric_map
from hilum.encode.presentation_state import presentation_state
from hilum.encode.result_context import ResultContext
from hilum.encode.segmentation import segmentation
from hilum.reading import Heatmap, Region
from hilum.settings import ExtraObject

Heat = Callable[[Heatmap, int, int], NDArray[np.float32]]
"""Lays a class activation map on a matrix of rows and columns."""


def extra_objects(
    context: ResultContext, regions: Sequence[Region], *, heat: Heat, picture: Dataset | None = None
) -> tuple[Dataset, ...]:
    """Write one reading down as the further objects that the settings name.

    Parameters
    ----------
    regions
        Outlines of the positive findings, in source pixels.
    heat
        Lays a class activation map on the source matrix.
    picture
        The overlay, which a key object selection selects too.

    Returns
    -------
    tuple of Dataset
        In the order of the settings; only the document when nothing is positive, because
        all others are about positive findings. Same input, same bytes.

    Raises
    ------
    ValueError
        `when` has no UTC offset.
    """
    results: list[Dataset] = []
    for wanted in dict.fromkeys(context.settings.objects):
        if not context.reading.positives and wanted is not ExtraObject.ENCAPSULATED_PDF:
            continue
        match wanted:
            case ExtraObject.SEGMENTATION:
                results.append(segmentation(context, regions))
            case ExtraObject.PRESENTATION_STATE:
                results.append(presentation_state(context, regions))
            case ExtraObject.KEY_OBJECTS:
                results.append(key_objects(context, [] if picture is None else [picture]))
            case ExtraObject.PARAMETRIC_MAP:
                results += _maps(context, heat)
            case ExtraObject.ENCAPSULATED_PDF:
                results.append(encapsulated_pdf(context, picture))
    return tuple(results)


def _maps(context: ResultContext, heat: Heat) -> Iterator[Dataset]:
    """Yield the map of each positive finding."""
    radiograph = context.reading.radiograph
    heatmaps = {heatmap.label: heatmap for heatmap in context.reading.heatmaps}
    for finding in context.reading.positives:
        activation = heat(heatmaps[finding.label], radiograph.rows, radiograph.columns)
        yield parametric_map(context, finding, activation)
