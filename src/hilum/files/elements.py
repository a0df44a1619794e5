"""The data elements of one data set, found one after another, sound or damaged.

pydicom believes every length and every VR: one that is wrong shifts all that follows. Here
what does not go on is read another way, and what had to be corrected is noted. All elements
are counted, since a million empty items fit into 8 MB and keep any reader busy.

Sources
-------
PS3.5 6.2.2 (UN), 7.1 (headers), 7.5 (sequences, items, delimiters), A.4 (fragments).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hilum.files.damage import (
    BrokenError,
    CutOffError,
    DamagedError,
    Notes,
    TooManyElementsError,
    shown,
)
from hilum.files.element_headers import (
    DELIMITERS,
    HEADER_BYTES,
    ITEM,
    ITEM_END,
    PIXELS,
    SEQUENCE_END,
    TEXTS,
    UNDEFINED_LENGTH,
    Encoding,
    Header,
    Headers,
    Place,
    vr_of,
)

MAX_ELEMENTS: Final = 100_000
"""Radiographs have some hundred; a file with more is made to exhaust time and memory."""

MAX_NESTING: Final = 32
"""Sequences in sequences; radiographs have three or four, structured reports up to a dozen."""

MAX_TEXT_BYTES: Final = 1 << 20
"""A text of a radiograph's header; names and descriptions have some dozen letters."""

END_OF_STREAM: Final = b"\xff\xd9"
"""Last marker of JPEG, JPEG-LS and JPEG 2000 streams."""


@dataclass(slots=True)
class Element:
    """One data element: where its value lies, or what it holds."""

    tag: int
    vr: bytes
    """VR, empty where none is said or what is said is none."""
    start: int
    stop: int
    """Its value, in bytes of the content; without delimiters."""
    items: "list[list[Element]] | None" = None
    """The data sets of a sequence, None for everything else."""
    fragments: list[tuple[int, int]] | None = None
    """The fragments of an encapsulated value, None for everything else."""


class Walk(Headers):
    """One way through the bytes of a data set.

    Parameters
    ----------
    encoding
        How they are said to be written.
    stop
        Where to stop at the top level, asked with each tag.
    notes
        What was corrected so far; added to.

    Attributes
    ----------
    position
        Where the walk ended.
    """

    def __init__(
        self,
        content: bytes,
        encoding: Encoding,
        stop: Callable[[int], bool] = lambda _tag: False,
        notes: Notes | None = None,
    ) -> None:
        super().__init__(content, encoding)
        self.notes = Notes() if notes is None else notes
        self.position = 0
        self._stop = stop
        self._count = 0

    def data_set(self, start: int) -> list[Element]:
        """Return the elements from byte `start` on.

        Raises
        ------
        CutOffError
            The content ends too early.
        DamagedError
            It does not go on at some byte.
        TooManyElementsError
            There are more, longer or more deeply nested ones than any radiograph has.
        """
        place = Place(len(self.content), self.encoding.implicit)
        elements, self.position = self._elements(start, place)
        return elements

    # -- data sets ---------------------------------------------------------------------------

    def _elements(self, start: int, place: Place) -> tuple[list[Element], int]:
        """Return the elements of one data set and where it ends."""
        at = start
        if place.depth > MAX_NESTING:
            raise TooManyElementsError
        found: dict[int, Element] = {}
        last = 0
        while place.end - at >= HEADER_BYTES:
            self._counted()
            tag = self.tag(at)
            if place.depth == 0 and self._stop(tag):
                return list(found.values()), at
            noted = self.notes.copy()
            try:
                ended = self._ended(at, tag, place)
                if ended is not None:
                    return list(found.values()), ended
                if tag in DELIMITERS or self._is_blank(at, place, last):
                    at += HEADER_BYTES
                    continue
                element, following = self._element(at, tag, place, last)
            except BrokenError:
                self.notes = noted
                if self._ends_before(at, place, found):
                    return list(found.values()), place.end
                raise
            if tag in found and self._value(found[tag]) != self._value(element):
                self.notes.add("element_twice", tag, at)  # DCMTK, and so Orthanc, take the first
            found.setdefault(tag, element)
            last, at = max(last, tag), following
        self._check_end(start, at, place, found)
        return list(found.values()), place.end

    def _check_end(self, start: int, at: int, place: Place, found: dict[int, Element]) -> None:
        """Raise `BrokenError` if a data set must not end where its container does."""
        if at < place.end and not self._ends_before(at, place, found):
            raise CutOffError(at)
        if place.endless and place.end == len(self.content):
            if PIXELS & found.keys():
                raise DamagedError(
                    start, "an item of {shown} begins without end", shown=shown(place.sequence)
                )
            raise CutOffError(at)

    def _ended(self, at: int, tag: int, place: Place) -> int | None:
        """Return what follows the data set if it ends at `at`, None where it goes on."""
        if tag == 0 and place.endless and self.is_empty(at, at + HEADER_BYTES):
            self.notes.add("delimiter_restored", place.sequence, at)
            return at + HEADER_BYTES
        if tag not in DELIMITERS:
            return None
        if place.endless:
            if tag == ITEM_END:
                if self.length(at):
                    self.notes.add("delimiter_restored", place.sequence, at)
                return at + HEADER_BYTES
            self.notes.add("delimiter_restored", place.sequence, at)
            return at
        last = at + HEADER_BYTES == place.end
        if tag == ITEM or (place.depth and not last):
            raise DamagedError(
                at, "there is {shown} where a data element should begin", shown=shown(tag)
            )
        self.notes.add("delimiter_restored", place.sequence, at)
        return None

    def _is_blank(self, at: int, place: Place, before: int) -> bool:
        """Whether a header is there, and nothing in it; it is noted then."""
        following = at + HEADER_BYTES
        blank = (
            following < place.end
            and self.is_empty(at, following)
            and self.begins(following, place, before, sure=True)
        )
        if blank:
            self.notes.add("vr_restored", 0, at)
        return blank

    def _ends_before(self, at: int, place: Place, found: dict[int, Element]) -> bool:
        """Whether all from `at` on is padding or rubbish; it is noted then."""
        rest = place.end - at
        padding = self.is_empty(at, place.end) or self.is_empty(at, place.end, b"\xff")
        if place.endless or not (padding or (place.depth == 0 and PIXELS & found.keys())):
            return False
        self.notes.add("bytes_after_data", place.sequence, at, rest)
        return True

    # -- one element -------------------------------------------------------------------------

    def _element(self, at: int, tag: int, place: Place, before: int) -> tuple[Element, int]:
        """Return the element at `at` and where the next one begins."""
        if tag == 0:
            raise DamagedError(at, "no data element begins, there are zeros")
        header, sound = self.header(at, tag, place, before)
        if header.odd:
            self.notes.add(header.odd, tag, at)
        vr = header.vr or vr_of(tag)
        if header.length == UNDEFINED_LENGTH:
            return self._endless(at, tag, header, place)
        stop = header.start + header.length
        looks_like_items = header.length >= HEADER_BYTES and self.tag_or(header.start) == ITEM
        declared = vr == b"SQ" or (vr == b"UN" and vr_of(tag) == b"SQ")
        if declared or (looks_like_items and vr in {b"UN", b""}):
            return self._sequence(at, tag, header, place, sound=sound)
        if stop > place.end:
            raise self._too_long(at, tag, header, place)
        kind = vr_of(tag) if vr == b"UN" else vr
        if header.length > MAX_TEXT_BYTES and kind in TEXTS:
            raise TooManyElementsError
        return Element(tag, header.vr, header.start, stop), stop

    def _too_long(self, at: int, tag: int, header: Header, place: Place) -> BrokenError:
        """Return what is wrong with an element that is longer than its container."""
        pixels = self.packed(0x7FE0, 0x0010)
        goes_on = tag not in PIXELS and self.content.find(pixels, header.start) >= 0
        if place.end == len(self.content) and not goes_on:
            return CutOffError(at)
        length = "no length" if header.length == UNDEFINED_LENGTH else f"{header.length:,} bytes"
        return DamagedError(
            at,
            "{shown} says that it has {length}, which does not agree with what follows",
            shown=shown(tag),
            length=length,
        )

    # -- sequences ---------------------------------------------------------------------------

    def _sequence(
        self, at: int, tag: int, header: Header, place: Place, *, sound: bool
    ) -> tuple[Element, int]:
        """Return a sequence with a length, by its length or, if that is wrong, by its items."""
        vr, stop = header.vr or b"SQ", header.start + header.length
        before = self.notes.copy()
        items = None
        if stop <= place.end:
            inside = Place(stop, self._inside_implicit(header, place), place.depth, tag)
            with suppress(BrokenError):
                items, _ = self._items(header.start, inside)
        if items is None or not sound or len(self.notes) > len(before):
            by_length, self.notes = self.notes, before.copy()
            by_items = self._by_items(tag, vr, header, place)
            # an item of no length, with its content behind it, would spill into the data set
            spills = items is None and sound and by_items is not None and by_items[1] < stop
            if by_items is not None and not spills:
                return by_items
            self.notes = by_length
        if items is None:
            self.notes = before
            if stop > place.end:
                raise self._too_long(at, tag, header, place)
            if vr == b"SQ":
                self.notes.add("sequence_unread", tag, at)
            if tag >> 16 & 1:
                vr = b"UN"
            else:
                items = []
        return Element(tag, vr, header.start, stop, items), stop

    def _inside_implicit(self, header: Header, place: Place) -> bool:
        """Whether items have no VRs: all around them has none, or who copied them knew none."""
        return place.implicit or (header.vr == b"UN" and not self.says_vr(header.start))

    def _by_items(
        self, tag: int, vr: bytes, header: Header, place: Place
    ) -> tuple[Element, int] | None:
        """Return a sequence up to where its items end, None if nothing follows there."""
        if header.length == 0 or self.tag_or(header.start) != ITEM:
            return None
        before = self.notes.copy()
        implicit = self._inside_implicit(header, place)
        inside = Place(place.end, implicit, place.depth, tag, endless=True)
        try:
            items, end = self._items(header.start, inside)
        except BrokenError:
            return None
        if end == header.start + header.length or not self.begins(end, place, tag, sure=True):
            return None
        self.notes = before
        self.notes.add("length_corrected", tag, header.start)
        return Element(tag, vr, header.start, end, items), end

    def _items(self, at: int, place: Place) -> tuple[list[list[Element]], int]:
        """Return the items of a sequence and where it ends."""
        items: list[list[Element]] = []
        while place.end - at >= HEADER_BYTES:
            self._counted()
            if self.tag(at) == ITEM:
                item, at = self._item(at, self.length(at), place)
                items.append(item)
                continue
            end = self._end_of_items(at, place)
            if end is not None:
                return items, end
            at += HEADER_BYTES
        if at != place.end:
            self.notes.add("length_corrected", place.sequence, at)
        if place.endless:
            if place.end == len(self.content):
                raise CutOffError(at)
            self.notes.add("delimiter_restored", place.sequence, at)
        return items, place.end

    def _end_of_items(self, at: int, place: Place) -> int | None:
        """Return what follows a sequence that ends at `at`, None for a stray delimiter."""
        tag, length = self.tag(at), self.length(at)
        if tag == SEQUENCE_END and place.endless:
            if length:
                self.notes.add("delimiter_restored", place.sequence, at)
            return at + HEADER_BYTES
        if tag not in DELIMITERS and not place.endless and self.is_empty(at, place.end):
            self.notes.add("length_corrected", place.sequence, at)
            return place.end
        self.notes.add("delimiter_restored", place.sequence, at)
        if tag in DELIMITERS:
            return None
        if place.endless and (tag, length) == (0, 0):
            return at + HEADER_BYTES
        if place.endless and self.begins(at, place, place.sequence, sure=True):
            return at
        raise DamagedError(
            at,
            "there is {shown} where an item of {shown_2} should begin",
            shown=shown(tag),
            shown_2=shown(place.sequence),
        )

    def _item(self, at: int, length: int, place: Place) -> tuple[list[Element], int]:
        """Return one item and where it ends: by its length, or else by what is in it."""
        start = at + HEADER_BYTES
        inside = Place(place.end, place.implicit, place.depth + 1, place.sequence, endless=True)
        if length == UNDEFINED_LENGTH:
            return self._elements(start, inside)
        if start + length <= place.end:
            before = self.notes.copy()
            limited = Place(start + length, place.implicit, inside.depth, place.sequence)
            try:
                return self._elements(start, limited)
            except BrokenError:
                self.notes = before
        self.notes.add("length_corrected", place.sequence, at)
        inside.endless = place.endless or place.end != len(self.content)
        return self._elements(start, inside)

    # -- values without a length -------------------------------------------------------------

    def _endless(self, at: int, tag: int, header: Header, place: Place) -> tuple[Element, int]:
        """Return an element that ends with a delimiter."""
        vr = header.vr or vr_of(tag)
        first = self.tag_or(header.start)
        pixels = tag in PIXELS or vr in {b"OB", b"OW"}
        if first in DELIMITERS and pixels:
            return self._encapsulated(at, tag, header, place)
        if vr in {b"SQ", b"UN"} or first in DELIMITERS:
            implicit = self._inside_implicit(header, place)
            inside = Place(place.end, implicit, place.depth, tag, endless=True)
            items, end = self._items(header.start, inside)
            return Element(tag, header.vr or b"SQ", header.start, end, items), end
        delimiter = self.packed(0xFFFE, 0xE0DD)
        end = self.content.find(delimiter, header.start, place.end)
        if end < 0:
            raise self._too_long(at, tag, header, place)
        self.notes.add("length_corrected", tag, at)
        return Element(tag, header.vr, header.start, end), end + HEADER_BYTES

    def _encapsulated(self, at: int, tag: int, header: Header, place: Place) -> tuple[Element, int]:
        """Return a value in fragments (PS3.5 A.4)."""
        fragments: list[tuple[int, int]] = []
        element = Element(tag, b"OB", header.start, header.start, fragments=fragments)
        where = header.start
        while place.end - where >= HEADER_BYTES:
            self._counted()
            here, length = self.tag(where), self.length(where)
            if here == SEQUENCE_END or (here == ITEM_END or (here, length) == (0, 0)):
                if here != SEQUENCE_END:
                    self.notes.add("delimiter_restored", tag, where)
                return element, where + HEADER_BYTES
            stop = where + HEADER_BYTES + length
            if here != ITEM or stop > place.end:
                break
            fragments.append((where + HEADER_BYTES, stop))
            element.stop = where = stop
            odd = length % 2 and self.tag_or(where) not in DELIMITERS
            if odd and self.tag_or(where + 1) in DELIMITERS:  # padded, but not counted
                self.notes.add("length_corrected", tag, where)
                where += 1
        return self._without_end(at, where, element, place)

    def _without_end(
        self, at: int, where: int, element: Element, place: Place
    ) -> tuple[Element, int]:
        """Return fragments that no delimiter ends, if they or the picture in them do."""
        if self.tag_or(where) == ITEM and self.length(where) > place.end - where - HEADER_BYTES:
            raise CutOffError(at)
        found = self.content.find(self.packed(0xFFFE, 0xE0DD), where, place.end)
        if found >= 0:  # whoever decodes it says what is wrong with it
            element.fragments = None
            element.stop = found
            return element, found + HEADER_BYTES
        whole = self.content[max(where - 64, element.start) : where].rstrip(b"\0")
        complete = where == place.end and element.fragments is not None and element.fragments[1:]
        if not (complete or whole.endswith(END_OF_STREAM)):  # RLE has no end marker
            raise CutOffError(at)
        self.notes.add("delimiter_restored", element.tag, where)
        return element, where

    # -- bytes -------------------------------------------------------------------------------

    def _counted(self) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise TooManyElementsError

    def _value(self, element: Element) -> bytes:
        return self.content[element.start : element.stop]
