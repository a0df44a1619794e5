"""What a reader gives back about one image, before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.outcome import Status
from hilum.radiograph import FieldOfView
from hilum.verdict import Reason


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One object that is to be stored beside the image.

    Attributes
    ----------
    sop_instance_uid
        Its derived UID: the same on every attempt.
    file
        The DICOM file.
    """

    sop_instance_uid: str
    file: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What became of one image, before anything is stored.

    Attributes
    ----------
    status
        Read, refused or failed.
    reasons
        Why it was refused or failed; warnings when it was read.
    results
        What to store, in the order in which it must be stored: reports refer to pictures.
    document
        The hilum.reading/1 document of a reading, None without one.
    maps
        Shape ``(labels, height, width)``, float16, in the order of the document's
        findings, in logits; None without a reading.
    field_of_view
        The part of the source matrix that each map covers.
    seconds
        Room → seconds spent there.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()
    results: tuple[Result, ...] = ()
    document: Mapping[str, Any] | None = None
    maps: NDArray[np.float16] | None = None
    field_of_view: FieldOfView | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
