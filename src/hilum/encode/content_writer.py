"""Writes a content tree as Explicit VR Little Endian, without a data set in between.

highdicom takes 200 ms for a report of 18 findings and pydicom 75 ms more to write it.
The tree has nine kinds of items and ten value representations, so writing them
directly is short, and 40 times faster. `tests/encode/test_sr_same_bytes.py` holds that
the file is the one highdicom gives.

Sources
-------
PS3.5 7.1.2 (data elements), 7.5 (sequences); PS3.3 C.17.3 and C.18 (content items).
"""

import struct
from functools import lru_cache
from typing import Final

from pydicom.sr.coding import Code
from pydicom.valuerep import format_number_as_ds

from hilum.encode.content import (
    Container,
    ImageReference,
    Item,
    NumericValue,
    PersonName,
    Polyline,
    Text,
    UIDReference,
    Value,
)

LONG_LENGTH: Final = frozenset({b"SQ", b"UT", b"UC"})
"""Value representations whose length takes four bytes (PS3.5 table 7.1-1)."""

VALUE_TYPES: Final = {
    Container: "CONTAINER",
    Text: "TEXT",
    PersonName: "PNAME",
    Code: "CODE",
    UIDReference: "UIDREF",
    NumericValue: "NUM",
    ImageReference: "IMAGE",
    Polyline: "SCOORD",
}
"""Kind of value → Value Type (0040,A040)."""

Elements = dict[tuple[int, int], tuple[bytes, bytes]]
"""Tag → value representation and encoded value, padded to even length."""


class Writer:
    """Encodes content items in one character set, which has every letter of their texts."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding

    def elements(self, item: Item) -> Elements:
        """Return the data elements of one item, its children inside."""
        elements: Elements = {
            (0x0040, 0xA040): (b"CS", _ascii(VALUE_TYPES[type(item.value)])),
            (0x0040, 0xA043): (b"SQ", self._code(item.name)),
            **self._value(item.value),
        }
        if item.relation is not None:
            elements[0x0040, 0xA010] = (b"CS", _ascii(item.relation))
        if item.children:
            children = b"".join(_item(self.elements(child)) for child in item.children)
            elements[0x0040, 0xA730] = (b"SQ", children)
        return elements

    def _value(self, value: Value) -> Elements:
        elements: Elements
        match value:
            case Container(template):
                elements = _container(template)
            case Text(text):
                elements = {(0x0040, 0xA160): (b"UT", self._text(text))}
            case PersonName(name):
                elements = {(0x0040, 0xA123): (b"PN", self._text(name))}
            case UIDReference(uid):
                elements = {(0x0040, 0xA124): (b"UI", _uid(uid))}
            case NumericValue(number, unit):
                elements = {(0x0040, 0xA300): (b"SQ", self._number(number, unit))}
            case ImageReference(sop_class, sop_instance):
                elements = {(0x0008, 0x1199): (b"SQ", _reference(sop_class, sop_instance))}
            case Polyline(points):
                elements = {
                    (0x0070, 0x0022): (b"FL", points.astype("<f4").tobytes()),
                    (0x0070, 0x0023): (b"CS", _ascii("POLYLINE")),
                }
            case Code():
                elements = {(0x0040, 0xA168): (b"SQ", self._code(value))}
        return elements

    def _code(self, code: Code) -> bytes:
        # by its parts: to pydicom two codes are equal that are written differently
        return _code_item(code.value, code.scheme_designator, code.meaning, self._encoding)

    def _number(self, number: float, unit: Code) -> bytes:
        elements: Elements = {
            (0x0040, 0x08EA): (b"SQ", self._code(unit)),
            (0x0040, 0xA30A): (b"DS", _ascii(format_number_as_ds(float(number)))),
        }
        if isinstance(number, float):
            elements[0x0040, 0xA161] = (b"FD", struct.pack("<d", number))
        return _item(elements)

    def _text(self, text: str) -> bytes:
        return _text(text, self._encoding)


@lru_cache(maxsize=1024)
def _code_item(value: str, scheme: str, meaning: str, encoding: str) -> bytes:
    """Return the item of a code: a report has hundreds, and mostly those of the one before."""
    return _item(
        {
            (0x0008, 0x0100): (b"SH", _text(value, encoding)),
            (0x0008, 0x0102): (b"SH", _text(scheme, encoding)),
            (0x0008, 0x0104): (b"LO", _text(meaning, encoding)),
        }
    )


def _text(text: str, encoding: str) -> bytes:
    return _even(text.encode(encoding), b" ")


def _container(template: str | None) -> Elements:
    elements: Elements = {(0x0040, 0xA050): (b"CS", _ascii("SEPARATE"))}
    if template is not None:
        chosen: Elements = {
            (0x0008, 0x0105): (b"CS", _ascii("DCMR")),
            (0x0040, 0xDB00): (b"CS", _ascii(template)),
        }
        elements[0x0040, 0xA504] = (b"SQ", _item(chosen))
    return elements


def _reference(sop_class: str, sop_instance: str) -> bytes:
    return _item(
        {(0x0008, 0x1150): (b"UI", _uid(sop_class)), (0x0008, 0x1155): (b"UI", _uid(sop_instance))}
    )


def _item(elements: Elements) -> bytes:
    """Return a sequence item of explicit length, its elements in the order of their tags."""
    encoded = b"".join(_element(tag, *elements[tag]) for tag in sorted(elements))
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(encoded)) + encoded


def _element(tag: tuple[int, int], vr: bytes, value: bytes) -> bytes:
    if vr in LONG_LENGTH:
        return struct.pack("<HH2sHI", *tag, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", *tag, vr, len(value)) + value


def _ascii(text: str) -> bytes:
    return _even(text.encode("ascii"), b" ")


def _uid(uid: str) -> bytes:
    return _even(uid.encode("ascii"), b"\0")


def _even(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value
