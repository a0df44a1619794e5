"""Data elements written again as the standard has it, from a walk through damaged bytes.

Values stay as they are, byte for byte, in their order of bytes; what is new is around them:
VRs, lengths, delimiters, and the one byte that makes an odd length even (PS3.5 7.1, 6.2).
"""

import struct
from collections.abc import Iterator
from typing import Final

from hilum.files.element_headers import (
    ITEM,
    KNOWN,
    LONG,
    SEQUENCE_END,
    TEXTS,
    UNDEFINED_LENGTH,
    Encoding,
    vr_of,
)
from hilum.files.elements import Element

LONGEST_SHORT: Final = 0xFFFE
"""Greatest even length of 16 bits."""


def written(content: bytes, elements: list[Element], encoding: Encoding) -> bytes:
    """Return a data set with the values of `elements`, sound and of even length.

    Parameters
    ----------
    content
        The bytes that the elements are about.
    elements
        Elements of one data set.
    encoding
        How to write it; the order of bytes must be that of `content`.
    """
    return b"".join(_Writer(content, encoding).data_set(elements))


class _Writer:
    def __init__(self, content: bytes, encoding: Encoding) -> None:
        order = "<" if encoding.little else ">"
        self._content = content
        self._implicit = encoding.implicit
        self._long_header = struct.Struct(f"{order}HH2sHI")
        self._short_header = struct.Struct(f"{order}HH2sH")
        self._plain_header = struct.Struct(f"{order}HHI")

    def data_set(self, elements: list[Element]) -> Iterator[bytes]:
        """Yield the bytes of a data set, its elements in the order of their tags."""
        for element in sorted(elements, key=lambda each: each.tag):
            if element.items is not None:
                inside = b"".join(
                    part for item in element.items for part in self._item(self.data_set(item))
                )
                yield self._header(element.tag, b"SQ", len(inside))
                yield inside
            elif element.fragments is not None:
                yield self._header(element.tag, b"OB", UNDEFINED_LENGTH)
                for start, stop in element.fragments:
                    yield from self._item(iter([self._content[start:stop]]))
                yield self._plain(SEQUENCE_END, 0)
            else:
                yield from self._plain_element(element)

    def _plain_element(self, element: Element) -> Iterator[bytes]:
        vr = element.vr if element.vr in KNOWN else vr_of(element.tag)
        value = self._content[element.start : element.stop]
        odd = len(value) % 2
        yield self._header(element.tag, vr or b"UN", len(value) + odd)
        yield value
        if odd:
            yield b" " if vr in TEXTS and vr != b"UI" else b"\0"

    def _item(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        inside = b"".join(parts)
        odd = len(inside) % 2
        yield self._plain(ITEM, len(inside) + odd)
        yield inside
        yield bytes(odd)

    def _header(self, tag: int, vr: bytes, length: int) -> bytes:
        if self._implicit:
            return self._plain(tag, length)
        if vr not in LONG and length > LONGEST_SHORT:
            vr = b"UN"  # PS3.5 6.2.2, note 6
        group, number = tag >> 16, tag & 0xFFFF
        if vr in LONG:
            return self._long_header.pack(group, number, vr, 0, length)
        return self._short_header.pack(group, number, vr, length)

    def _plain(self, tag: int, length: int) -> bytes:
        return self._plain_header.pack(tag >> 16, tag & 0xFFFF, length)


def has_odd_fragment(elements: list[Element]) -> bool:
    """Return whether a fragment of an encapsulated value has an odd length."""
    spans = [span for element in elements for span in element.fragments or []]
    return any((stop - start) % 2 for start, stop in spans)
