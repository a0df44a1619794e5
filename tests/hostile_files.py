"""Files that were made to harm whoever opens them, each with identifiers of its own."""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless

from damaged_files import element, item
from pixel_codings import recode
from radiographs import dicom_file, make_radiograph

SIDE: Final = 5500
"""30 million pixels: 60 MB in the file, 120 MB as the numbers that a decoder gives."""

INFLATED_BYTES: Final = 600 << 20
ELEMENTS: Final = 150_000


def large(side: int = SIDE, **attributes: Any) -> Dataset:
    """Return a large image: a few kilobytes, deflated."""
    image = make_radiograph(Rows=side, Columns=side, **attributes)
    image.PixelData = np.tile(np.arange(side, dtype="<u2") % 4000, side).tobytes()
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return image


def palette_beyond_its_table() -> Dataset:
    """Return an image whose pixels name colours that its table does not have."""
    image = make_radiograph(PhotometricInterpretation="PALETTE COLOR", ViewPosition="LL")
    for colour in ("Red", "Green", "Blue"):
        setattr(image, f"{colour}PaletteColorLookupTableDescriptor", [16, 0, 16])
        setattr(image, f"{colour}PaletteColorLookupTableData", bytes(32))
    image.PixelData = np.full((image.Rows, image.Columns), 4095, "<u2").tobytes()
    return image


def columns_of_another_type() -> Dataset:
    """Return an image whose Columns are a number of 32 bits."""
    image = make_radiograph(ViewPosition="LL")
    del image.Columns
    image[0x0028, 0x0011] = DataElement(0x00280011, "UL", 0x40000001)
    return image


def huge_codestream() -> Dataset:
    """Return an image whose few bytes say that they are 60,000 by 60,000 pixels."""
    image = recode(make_radiograph(), JPEG2000Lossless)
    frame = bytearray(image.PixelData)
    struct.pack_into(">II", frame, frame.index(b"\xff\x51") + 6, 60_000, 60_000)
    image.PixelData = bytes(frame)
    return image


def crumbs() -> Dataset:
    """Return an image in fragments of two bytes."""
    image = recode(make_radiograph(), JPEG2000Lossless)
    piece = b"\xfe\xff\x00\xe0\x02\x00\x00\x00ab"
    image.PixelData = b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + piece * 200_000
    return image


def inflating() -> Dataset:
    """Return a data set that inflates to more than is read."""
    image = large(side=100)
    image.PixelData = bytes(INFLATED_BYTES)
    return image


def with_elements(elements: bytes) -> bytes:
    """Return the file of an image with something in front of its pixels."""
    content = dicom_file(make_radiograph())
    at = content.rindex(b"\xe0\x7f\x10\x00")
    return content[:at] + elements + content[at:]


HOSTILE: Final[Mapping[str, Callable[[], bytes]]] = {
    "large": lambda: dicom_file(large()),
    "palette": lambda: dicom_file(palette_beyond_its_table()),
    "columns": lambda: dicom_file(columns_of_another_type()),
    "codestream": lambda: dicom_file(huge_codestream()),
    "crumbs": lambda: dicom_file(crumbs()),
    "inflating": lambda: dicom_file(inflating()),
    "elements": lambda: with_elements(element(0x0029, 0x1010, b"LO") * ELEMENTS),
    "items": lambda: with_elements(element(0x0054, 0x0220, b"SQ", item() * ELEMENTS)),
    "text": lambda: with_elements(element(0x0010, 0x4000, b"UT", b"chest " * 200_000)),
}
"""Name → its file, made anew."""
