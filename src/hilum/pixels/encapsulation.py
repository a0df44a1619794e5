"""Compressed pixels are taken out of their items (PS3.5 A.4).

An image of one frame needs no offset table, so none is believed: the fragments are put together
as they come.
"""

import struct
from collections.abc import Iterator
from typing import Final

from hilum.pixels.codestream import CodestreamInvalid, begins_codestream

ITEM: Final = b"\xfe\xff\x00\xe0"
"""First bytes of encapsulated pixels; as native pixels they are implausible."""

ITEM_HEADER: Final = 8
"""Bytes of a tag and a length."""

END_TAGS: Final = (b"\xfe\xff\xdd\xe0", b"\xfe\xff\x0d\xe0")
"""Sequence and Item Delimitation Item: the fragments end here."""

MOST_FRAGMENTS: Final = 10_000
"""Pieces of one compressed image; senders make one, or a few hundred."""


def frame_of(pixels: bytes) -> bytes:
    """Return the one frame of encapsulated pixels, with whatever pads it.

    An offset table is left out whatever it says; where the first item is none but the start of
    an image, it is taken as that. The last fragment goes on to the end where its length is short.

    Raises
    ------
    CodestreamInvalid
        There is no frame, or it is in more pieces than can be put together in reasonable time.
    """
    pieces = pixels.count(ITEM)
    if pieces > MOST_FRAGMENTS:
        raise CodestreamInvalid("fragments", count=pieces, limit=MOST_FRAGMENTS)
    table, *fragments = (*_items(pixels), b"")
    if begins_codestream(table):
        fragments.insert(0, table)
    frame = b"".join(fragments)
    if not frame:
        raise CodestreamInvalid("no_frame")
    return frame


def _items(pixels: bytes) -> Iterator[bytes]:
    """Yield the content of each item, and what follows the last one where a length was short."""
    at = 0
    while pixels.startswith(ITEM, at) and at + ITEM_HEADER <= len(pixels):
        (length,) = struct.unpack_from("<I", pixels, at + len(ITEM))
        at += ITEM_HEADER
        yield pixels[at : at + length]
        at += length
        if length % 2 and not _is_tag(pixels, at) and _is_tag(pixels, at + 1):
            at += 1  # an odd length that does not count its padding
    if at < len(pixels) and not pixels.startswith(END_TAGS, at):
        yield pixels[at:]


def _is_tag(pixels: bytes, at: int) -> bool:
    return pixels.startswith((ITEM, *END_TAGS), at)
