"""What the file of an object says: of a server itself no more is needed than its UIDs.

What servers make of undeclared letters, of private elements and of damaged ones differs, and some
have no metadata at all.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from hilum.errors import SourceUnreadable
from hilum.files import dicom
from hilum.radiograph import ImageUIDs
from hilum.values.texts import decoded

NAME: Final = "The object"

LONGEST: Final = 1 << 16
"""Bytes of an attribute that is kept as it stands."""

NO_TEXT: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
"""Value representations of bytes."""


@dataclass(frozen=True, slots=True)
class ObjectHeader:
    """One object without its pixels."""

    uids: ImageUIDs | None
    """What names it; None where the file is damaged."""
    digest: str
    """SHA-256 of its pixels; of its data set where it has none. The File Meta Information is
    written anew by some servers."""
    sent_by: str
    """AE title of who sent it, as the server noted that in the file."""
    texts: Mapping[str, Any]
    """Keyword → text, a sequence as a list of such."""
    stored: Mapping[BaseTag, bytes]
    """Attributes as they are in the file."""

    @classmethod
    def of(cls, file: bytes) -> "ObjectHeader":
        """Read a file."""
        try:
            parts = dicom.split(file, name=NAME)
            dataset: Dataset = dicom.parse(file, name=NAME)
        except SourceUnreadable:
            return cls(None, hashlib.sha256(file).hexdigest(), "", {}, {})
        held = {tag: dataset.get_item(tag).value for tag in dataset.keys()}  # noqa: SIM118  as they are
        pixels = held.pop(dicom.PIXEL_DATA, None)
        content = pixels if isinstance(pixels, bytes) else file[parts.offset :]
        dataset.pop(dicom.PIXEL_DATA, None)
        return cls(
            ImageUIDs.of(dataset),
            hashlib.sha256(content).hexdigest(),
            dicom.text(parts.meta, "SourceApplicationEntityTitle"),
            _texts(decoded(dataset).dataset),
            {
                tag: value if isinstance(value, bytes) else str(value or "").encode()
                for tag, value in held.items()
                if isinstance(value, str) or (isinstance(value, bytes) and len(value) < LONGEST)
            },
        )


def uids_in(file: bytes) -> ImageUIDs | None:
    """Return what names the object of a file; None where it is damaged."""
    with suppress(SourceUnreadable):
        return ImageUIDs.of(dicom.parse(file, name=NAME))
    return None


def named_in(file: bytes) -> str:
    """Return the SOP Instance UID of a file as its File Meta Information has it, if any."""
    with suppress(SourceUnreadable):
        return dicom.text(dicom.split(file, name=NAME).meta, "MediaStorageSOPInstanceUID")
    return ""


def _texts(dataset: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
            value = element.value
        except dicom.DAMAGE:
            continue
        if not element.keyword or element.VR in NO_TEXT:
            continue
        if element.VR == "SQ":
            found[element.keyword] = [_texts(item) for item in value]
        elif isinstance(value, MultiValue | list):
            found[element.keyword] = "\\".join(map(str, value))
        else:
            found[element.keyword] = "" if value is None else str(value)
    return found
