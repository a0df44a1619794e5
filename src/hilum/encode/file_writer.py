"""An instance as a DICOM file: pydicom's bytes, and those of most elements kept from before.

All results of an image have its patient and study in them, and all images have the same model,
equipment and codes; pydicom takes 30 µs for each element, each time. What it wrote for a text or
a whole number is kept, and the file put together. `tests/encode/test_file_writer.py` holds that
it is the file that pydicom writes.

Sources
-------
PS3.10 7.1 (File Meta Information); PS3.5 7.5 (sequences of items with explicit length).
"""

import struct
from functools import lru_cache
from io import BytesIO
from typing import Final

from pydicom import DataElement, Dataset, dcmwrite
from pydicom.charset import convert_encodings, default_encoding
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag
from pydicom.uid import UID
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, VR

WHOLE_META: Final = frozenset(
    map(
        Tag,
        (
            "FileMetaInformationVersion",
            "MediaStorageSOPClassUID",
            "MediaStorageSOPInstanceUID",
            "TransferSyntaxUID",
            "ImplementationClassUID",
            "ImplementationVersionName",
        ),
    )
)
"""File Meta Information to which pydicom adds only its length."""

LONGEST: Final = 256
"""Letters of a text that is kept; longer ones are few, and seldom come again."""

KEPT: Final = {int, UID, type(None)}
"""Other types whose equal values are written alike: 1.0 and DS "1.00" are equal and are not."""

Encodings = tuple[str, ...]
"""Python's names of the character sets that texts are written in."""


def to_bytes(dataset: Dataset) -> bytes:
    """Return an instance as a DICOM file (PS3.10), the same bytes every time."""
    if _is_whole(dataset) and _is_plain(dataset):
        described = _elements(dataset.file_meta, ())
        length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(described))
        return b"".join((bytes(128), b"DICM", length, described, _elements(dataset, ())))
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _is_whole(dataset: Dataset) -> bool:
    """Whether the File Meta Information is there, of this very instance."""
    meta = getattr(dataset, "file_meta", Dataset())
    return (
        meta.keys() == WHOLE_META
        and meta.MediaStorageSOPClassUID == dataset.get("SOPClassUID")
        and meta.MediaStorageSOPInstanceUID == dataset.get("SOPInstanceUID")
    )


def _is_plain(dataset: Dataset) -> bool:
    """Whether each element is written as it is: Explicit VR Little Endian, no doubt about a VR."""
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    if syntax.is_implicit_VR or not syntax.is_little_endian or syntax.is_deflated:
        return False
    return dataset.original_encoding in {(None, None), (False, True)} and _have_one_vr(dataset)


def _have_one_vr(dataset: Dataset) -> bool:
    for tag in dataset.keys():  # noqa: SIM118  iterating a data set decodes what is encoded
        element = dataset.get_item(tag)
        if element.VR is None or len(element.VR) != 2:  # noqa: PLR2004  such as "US or SS"
            return False
        if isinstance(element, DataElement) and element.VR == VR.SQ and not _is_regular(element):
            return False
    return True


def _is_regular(sequence: DataElement) -> bool:
    """Whether a sequence and its items say how long they are, as they do unless they were read."""
    return not sequence.is_undefined_length and not any(
        getattr(item, "is_undefined_length_sequence_item", False) or not _have_one_vr(item)
        for item in sequence.value
    )


def _elements(dataset: Dataset, inherited: Encodings) -> bytes:
    """Return the elements of a data set, written in its own character set or an inherited one."""
    declared = dataset.get("SpecificCharacterSet", inherited) or ()
    encodings = _encodings((declared,) if isinstance(declared, str) else tuple(declared))
    return b"".join(
        _element(dataset.get_item(tag), encodings)  # what is encoded already stays so
        for tag in sorted(dataset.keys())
    )


@lru_cache(maxsize=64)
def _encodings(declared: Encodings) -> Encodings:
    return tuple(convert_encodings(list(declared) or [default_encoding]))


def _element(element: DataElement, encodings: Encodings) -> bytes:
    value = element.value
    if element.VR == VR.SQ and isinstance(element, DataElement):
        items = [_elements(item, encodings) for item in value]
        parts = [struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items]
        length = sum(map(len, parts))
        tag = element.tag
        return struct.pack("<HH2sHI", tag.group, tag.element, b"SQ", 0, length) + b"".join(parts)
    if type(value) in KEPT or (type(value) is str and len(value) <= LONGEST):
        used = encodings if element.VR in CUSTOMIZABLE_CHARSET_VR else ()
        return _remembered(element.tag, element.VR, value, used)
    return _written(element, encodings)


@lru_cache(maxsize=1024)
def _remembered(tag: int, vr: str, value: str | int, encodings: Encodings) -> bytes:
    return _written(DataElement(tag, vr, value, already_converted=True), encodings)


def _written(element: DataElement, encodings: Encodings) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_data_element(buffer, element, list(encodings) or None)
    return buffer.getvalue()
