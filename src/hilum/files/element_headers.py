"""The header of one data element, read the way that makes the most sense.

A header is believed when another one, or the end, follows its value. Where none does, the
other ways to read it are tried: another length of the length, or no VR at all.

Sources
-------
PS3.5 7.1 (headers), 7.5 (items and delimiters), 6.2 (VRs).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydicom.datadict import dictionary_has_tag, dictionary_VR, repeater_has_tag

from hilum.files.damage import DamagedError

HEADER_BYTES: Final = 8
"""Tag, VR and length of an element or item, without a length of 32 bits."""

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
"""Length of an element that ends with a delimiter (PS3.5 7.1.1)."""

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
DELIMITERS: Final = frozenset({ITEM, ITEM_END, SEQUENCE_END})
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, double float and integer Pixel Data."""

LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""VRs with two empty bytes and a length of 32 bits (PS3.5 7.1.2)."""

SHORT: Final = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
"""VRs with a length of 16 bits."""

KNOWN: Final = LONG | SHORT
TEXTS: Final = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())
"""VRs that are text (PS3.5 6.2)."""

LAST_TAG: Final = 0x7FE10000
"""Behind Pixel Data; what is greater is hardly ever there."""


class Encoding(NamedTuple):
    """How a data set is written: with or without VRs, in which order of bytes."""

    implicit: bool
    little: bool


class Header(NamedTuple):
    """One way to read a header: VR, first byte of the value, length, and a note if it is odd."""

    vr: bytes
    start: int
    length: int
    odd: str = ""


@dataclass(slots=True)
class Place:
    """Where a data set may go on."""

    end: int
    """First byte behind its container."""
    implicit: bool
    """Whether its elements are written without VRs."""
    depth: int = 0
    """Sequences around it."""
    sequence: int = 0
    """Tag of the innermost of them."""
    endless: bool = False
    """Whether it ends with a delimiter."""


def vr_of(tag: int) -> bytes:
    """Return the VR that the dictionary has for a tag; empty when it has none or several."""
    vr = dictionary_VR(tag).encode() if _is_known(tag) else b""
    return vr if vr in KNOWN else b""


def _is_known(tag: int) -> bool:
    """Whether the dictionary has a tag, as itself or of a repeating group: overlays and curves."""
    return dictionary_has_tag(tag) or (not tag >> 16 & 1 and repeater_has_tag(tag))


def _plausible(tag: int, before: int) -> bool:
    """Whether a tag may follow another one: known, or private or a group's length, and greater."""
    private_or_length = tag >> 16 & 1 or tag & 0xFFFF == 0
    return bool(private_or_length and before < tag < LAST_TAG) or _is_known(tag)


class Headers:
    """Headers in some bytes.

    Parameters
    ----------
    encoding
        How they are said to be written.
    """

    def __init__(self, content: bytes, encoding: Encoding) -> None:
        order = "<" if encoding.little else ">"
        self.content = content
        self.encoding = encoding
        self._tags = struct.Struct(f"{order}HH")
        self._long = struct.Struct(f"{order}I")
        self._word = struct.Struct(f"{order}H")

    def sound_headers(self, at: int, wanted: int) -> int:
        """Return how many headers from `at` on are as the encoding says, `wanted` at most."""
        place = Place(len(self.content), self.encoding.implicit)
        before = found = 0
        while found < wanted and at < place.end:
            if not self.begins(at, place, before, sure=True):
                return found
            tag = self.tag(at)
            header = next(self.forms(at, tag, place))
            if header.length == UNDEFINED_LENGTH:
                return wanted
            found, before, at = found + 1, tag, header.start + header.length
        return wanted if at == place.end else found

    def header(self, at: int, tag: int, place: Place, before: int) -> tuple[Header, bool]:
        """Return how the header at `at` is to be read, and whether something follows it."""
        forms = list(self.forms(at, tag, place))
        for sure in (True, False):
            for form in forms:
                if self._is_followed(form, tag, place, sure=sure):
                    return form, True
        if forms[0].odd or not (tag and (not place.implicit or _plausible(tag, before))):
            raise DamagedError(
                at, "no data element begins ({hex})", hex=self.content[at : at + 8].hex(" ")
            )
        return forms[0], False

    def forms(self, at: int, tag: int, place: Place) -> Iterator[Header]:
        """Yield the ways to read one header, the one that it should have first."""
        vr = self.content[at + 4 : at + 6]
        known = vr in KNOWN
        implicit = Header(b"", at + 8, self.length(at), "" if place.implicit else "vr_restored")
        if place.implicit:
            yield implicit
            if not known:
                return
        odd = "vr_restored" if place.implicit or not known else ""
        long = len(self.content) >= at + 12 and Header(
            vr if known else b"", at + 12, self._long.unpack_from(self.content, at + 8)[0], odd
        )
        short = Header(vr if known else b"", at + 8, *self._word.unpack_from(self.content, at + 6))
        if vr in LONG and long:
            yield long
            yield short._replace(odd="vr_restored")
        elif vr in SHORT:
            yield short._replace(odd=odd)
        else:
            explicit = [short._replace(odd=odd)]
            group_length = tag & 0xFFFF == 0  # its value would be taken for its length
            if long and not short.length and not group_length:
                explicit.insert(0 if vr_of(tag) in LONG else 1, long)
            yield explicit[0]
            yield implicit
            yield from explicit[1:]

    def _is_followed(self, form: Header, tag: int, place: Place, *, sure: bool) -> bool:
        if form.length == UNDEFINED_LENGTH:
            return not form.odd or self.tag_or(form.start) in DELIMITERS
        return self.begins(form.start + form.length, place, tag, sure=sure)

    def begins(self, at: int, place: Place, before: int, *, sure: bool) -> bool:
        """Return whether a data element, or the end, is at `at`; `sure`: not by chance."""
        left = place.end - at
        if left < HEADER_BYTES:
            return left == 0 or (not sure and left > 0 and self.is_empty(at, place.end))
        tag = self.tag(at)
        if tag in DELIMITERS:
            return place.depth > 0 or tag != ITEM
        explicit = tag > 0 and self.content[at + 4 : at + 6] in KNOWN
        if sure and not place.implicit:
            return explicit
        length = self.length(at)
        fits = length == UNDEFINED_LENGTH or length <= left - HEADER_BYTES
        if fits and _plausible(tag, before):
            return True
        return not sure and (explicit or (tag, length) == (0, 0) or _is_known(tag))

    def tag(self, at: int) -> int:
        """Return the tag at a byte."""
        group, element = self._tags.unpack_from(self.content, at)
        return int(group) << 16 | int(element)

    def tag_or(self, at: int) -> int:
        """Return the tag at a byte, -1 behind the end."""
        return self.tag(at) if len(self.content) - at >= HEADER_BYTES else -1

    def packed(self, group: int, number: int) -> bytes:
        """Return the bytes of a tag."""
        return self._tags.pack(group, number)

    def length(self, at: int) -> int:
        """Return the length of 32 bits in the header at a byte."""
        return int(self._long.unpack_from(self.content, at + 4)[0])

    def is_empty(self, start: int, stop: int, filler: bytes = b"\0") -> bool:
        """Return whether there is nothing but `filler`, once or more."""
        return self.content[start] == filler[0] and not self.content[start:stop].strip(filler)

    def says_vr(self, item: int) -> bool:
        """Return whether the first element of the item at a byte has a VR."""
        return self.content[item + 12 : item + 14] in KNOWN
