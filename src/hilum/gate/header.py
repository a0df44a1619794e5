"""Attributes of a header as plain text, whatever a sender put into them.

pydicom warns of a value that breaks the standard by quoting it, and raises on one that it
cannot convert. The gate is asked about such headers every day: here neither happens.
"""

from contextlib import suppress
from typing import Final

from pydicom import Dataset
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

from hilum.values.attributes import SEPARATOR
from hilum.values.numbers import read_number

UNDECLARED: Final = frozenset({None, "", "iso8859", "latin_1"})
"""Encodings that pydicom has for headers that say none, or the usual one."""

FALLBACK_ENCODING: Final = "latin-1"
"""For text without a character set, or with a wrong one: never fails."""


def value(header: Dataset, keyword: str) -> str:
    """Return the text of an attribute, its values separated by a backslash; ``""`` without any."""
    element = header.get_item(keyword)
    raw = None if element is None else element.value
    if raw is None:
        return ""
    if isinstance(raw, bytes):
        said = _decoded(raw, header)
    elif isinstance(raw, MultiValue | list | tuple):
        said = SEPARATOR.join(map(str, raw))
    else:
        said = str(raw)
    return said.strip(" \0\r\n\t")


def values(header: Dataset, keyword: str) -> list[str]:
    """Return the values of an attribute, each without spaces around it."""
    return [part.strip() for part in value(header, keyword).split(SEPARATOR)]


def number(header: Dataset, keyword: str) -> int | None:
    """Return an attribute as a whole number, None when it is absent or not one."""
    element = header.get_item(keyword)
    binary = dictionary_VR(keyword) == "US"
    if isinstance(element, RawDataElement) and binary and element.value:
        return int.from_bytes(element.value[:2], "little" if element.is_little_endian else "big")
    found = read_number(value(header, keyword))
    return None if found is None else int(found.value)


def called(keyword: str) -> str:
    """Return the name of an attribute, e.g. ``View Position``."""
    return dictionary_description(keyword)


def _decoded(raw: bytes, header: Dataset) -> str:
    """Return text in the character set of its header, or of the header around its item."""
    declared = header.original_character_set
    encoding = declared if isinstance(declared, str) else next(iter(declared or ()), None)
    if encoding in UNDECLARED:
        with suppress(UnicodeDecodeError):
            return raw.decode("utf-8")  # what is no text in it is never taken for one
    try:
        return raw.decode(encoding or FALLBACK_ENCODING)
    except (UnicodeDecodeError, LookupError):  # another one than declared, as often in CS
        return raw.decode(FALLBACK_ENCODING)
