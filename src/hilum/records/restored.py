"""A reading as it was, made from what is kept of it."""

from typing import Final

import numpy as np
from pydicom import Dataset

from hilum.eligibility import Reason
from hilum.radiograph import PixelDecision, PixelPipeline, Radiograph
from hilum.reading import Finding, Heatmap, ModelIdentity, Reading, ReferenceDistance, ViewOpinion
from hilum.records.stored_reading import StoredReading

DARKEST: Final = -1024.0
"""Dark end of the scale on which radiographs are kept."""


def restored(stored: StoredReading, header: Dataset | None, pixel_digest: str = "") -> Reading:
    """Return a reading as it was, but for its pixels, which are as dark as they are large.

    Parameters
    ----------
    header
        The image's attributes, where the reading is to be written down as DICOM or FHIR.
    pixel_digest
        That of the image's stored pixels, where identifiers are derived from it.
    """
    document = stored.document
    row = document["readings"][0]
    shown, said, view = row["pixels"], row.get("out_of_distribution"), row.get("view")
    dark = np.broadcast_to(np.float32(DARKEST), (shown["rows"], shown["columns"]))
    model = document["model"]
    return Reading(
        Radiograph(
            dark,
            header,
            PixelPipeline(shown["pipeline"]),
            tuple(PixelDecision(each["code"], each["text"]) for each in shown["decisions"]),
            pixel_digest,
        ),
        ModelIdentity(**model),
        tuple(map(Finding.of_entry, row["findings"])),
        tuple(
            Heatmap(each["label"], activation.astype(np.float32), stored.field_of_view)
            for each, activation in zip(row["findings"], stored.maps, strict=True)
        ),
        tuple(Reason(each["code"], each["text"]) for each in row["reasons"]),
        None if said is None else ReferenceDistance(**said),
        view=None if view is None else ViewOpinion(**view),
    )
