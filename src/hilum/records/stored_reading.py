"""A reading as it is kept. Knows nothing of a database: an inference worker makes it."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.radiograph import FieldOfView

ORIGIN: Final = "origin"
"""Entry of the document of a reading that this node did not make: from where it has it."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredReading:
    """One reading as it is kept."""

    document: Mapping[str, Any]
    """A hilum.reading/1 document: its head and one row, and an origin where it was read back from a
    report in the archive; then its maps are empty."""
    maps: NDArray[np.float16]
    """Shape ``(labels, height, width)``, float16, unitless, in the order of the document's
    findings."""
    field_of_view: FieldOfView
    """The part of the source matrix that each map covers."""

    @property
    def origin(self) -> Mapping[str, Any] | None:
        """From where the reading is; None when this node made it."""
        return self.document.get(ORIGIN)


class CompressedReading(NamedTuple):
    """A reading, compressed: the columns that hold it."""

    document: bytes
    """zlib of JSON."""
    maps: bytes
    """zlib of little-endian float16."""
    maps_shape: list[int]
    """Of the maps: labels, height, width."""
    field_of_view: list[int]
    """Top, left, height and width of the field of view."""


def squeezed(reading: StoredReading) -> CompressedReading:
    """Return a reading as it is stored in a table or a step state."""
    maps = np.ascontiguousarray(reading.maps, dtype="<f2")
    document = json.dumps(reading.document, ensure_ascii=False, separators=(",", ":"))
    view = reading.field_of_view
    return CompressedReading(
        zlib.compress(document.encode()),
        zlib.compress(maps.tobytes()),
        list(maps.shape),
        [view.top, view.left, view.height, view.width],
    )


def whole(kept: CompressedReading) -> StoredReading:
    """Return the reading that was squeezed."""
    flat = np.frombuffer(zlib.decompress(kept.maps), dtype="<f2").astype(np.float16, copy=False)
    return StoredReading(
        document_in(kept.document), flat.reshape(kept.maps_shape), FieldOfView(*kept.field_of_view)
    )


def document_in(squeezed_document: bytes) -> dict[str, Any]:
    """Return the document of a reading that was squeezed."""
    document: dict[str, Any] = json.loads(zlib.decompress(squeezed_document))
    return document
