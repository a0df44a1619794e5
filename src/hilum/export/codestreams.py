"""Compressed images with the image in them and nothing else: no comment, no thumbnail, no text.

The coded image stays as it is, byte for byte. What surrounds it is kept only where a decoder needs
it, and the segments of JPEG only as long as they have to be.

Sources
-------
ISO/IEC 10918-1 B.2 (marker segments), 14495-1 C.2 (JPEG-LS), 15444-1 A (JPEG 2000), 15444-15 (HT);
PS3.5 Annex G (RLE). Identifiers were found in COM and APPn segments, and behind the end marker.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final

from hilum.export.reasons import WithheldError
from hilum.language import Message
from hilum.pixels.codestream import (
    J2K_START,
    J2K_TILE,
    JPEG_END,
    JPEG_FRAMES,
    JPEG_MARKER,
    JPEG_START,
    RLE_OFFSET,
    RLE_SEGMENTS,
    begins_rle,
)

FF: Final = 0xFF
EOI, SOS, DQT, DHT, DRI, DNL, LSE = 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xF8
APPLICATION: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
"""APPn and COM: what programs write about the image."""

PRESETS: Final = 1
"""Kind of an LSE segment that a decoder needs; others hold tables that may be anything."""

SOD: Final = 0xFF93
J2K_DROPPED: Final = frozenset({0xFF55, 0xFF56, 0xFF57, 0xFF58, 0xFF59, 0xFF63, 0xFF64})
"""TLM, PRF, PLM, PLT, CPF, CRG and COM: hints and comments; lengths would be wrong without a
comment."""

CAP, SIZ, COD, QCD = 0xFF50, 0xFF51, 0xFF52, 0xFF5C
"""How an image of one component is coded; COC, QCC, RGN, POC, PPM and PPT are for others."""

ENDS_EARLY: Final = Message("it ends early")
NO_END: Final = Message("its end is missing")
UNEXPECTED: Final = Message("it has a marker that is not expected")
LONG_SEGMENT: Final = Message("one of its segments is longer than what belongs into it")
NO_CODING: Final = Message("their coding is not recognized")


def image_alone(frame: bytes, *, rows: int, columns: int) -> bytes:
    """Return one frame without anything but the image.

    Raises
    ------
    WithheldError
        It is in no coding that is understood, or has parts that are not.
    """
    try:
        if begins_rle(frame):
            return _rle(frame, rows * columns)
        if frame.startswith(JPEG_START):
            return b"".join(_jpeg(frame))
        if (start := frame.find(J2K_START, 0, 4096)) >= 0:  # a JP2 file's boxes are left out
            return b"".join(_jpeg_2000(frame[start:]))
    except (struct.error, IndexError) as exc:
        raise WithheldError("pixel_data", why=ENDS_EARLY) from exc
    raise WithheldError("pixel_data", why=NO_CODING)


def _jpeg(stream: bytes) -> Iterator[bytes]:
    """Yield JPEG or JPEG-LS without APPn and COM segments and fill bytes."""
    yield JPEG_START
    at = len(JPEG_START)
    while True:
        if stream[at] != FF:
            raise WithheldError("pixel_data", why=UNEXPECTED)
        while stream[at + 1] == FF:
            at += 1
        marker = stream[at + 1]
        if marker == EOI:
            yield JPEG_END
            return
        (length,) = struct.unpack_from(">H", stream, at + 2)
        end = at + 2 + length
        if end > len(stream):
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        if marker not in APPLICATION:
            _require_exact(marker, stream[at + 4 : end])
            yield stream[at:end]
        at = end
        if marker == SOS:
            found = JPEG_MARKER.search(stream, at)
            if found is None:
                raise WithheldError("pixel_data", why=NO_END)
            yield stream[at : found.start()]
            at = found.start()


def _require_exact(marker: int, content: bytes) -> None:
    """Raise unless a segment has its content and nothing behind it."""
    size = len(content)
    if marker in JPEG_FRAMES:
        exact = size == 6 + 3 * content[5]
    elif marker == SOS:
        exact = size == 4 + 2 * content[0]
    elif marker == DQT:
        exact = _tables_fill(content, lambda head, _: 1 + 64 * (1 + (head >> 4)))
    elif marker == DHT:
        exact = _tables_fill(content, lambda _, rest: 17 + sum(rest[:16]))
    elif marker in {DRI, DNL}:
        exact = size == 2  # noqa: PLR2004
    elif marker == LSE and content[0] == PRESETS:
        exact = size == 11  # noqa: PLR2004
    else:
        raise WithheldError("pixel_data", why=UNEXPECTED)
    if not exact:
        raise WithheldError("pixel_data", why=LONG_SEGMENT)


def _tables_fill(content: bytes, length: Callable[[int, bytes], int]) -> bool:
    """Whether tables, each of which says its length, are all of a segment."""
    at = 0
    while at < len(content):
        at += length(content[at], content[at + 1 :])
    return at == len(content)


def _jpeg_2000(stream: bytes) -> Iterator[bytes]:
    """Yield a codestream without comments and what points into it by lengths."""
    yield stream[:2]
    parts, at, levels = _header(stream, 2, J2K_TILE)
    yield from parts
    while stream[at : at + 2].strip(b"\0") not in {JPEG_END, b""}:
        (marker,) = struct.unpack_from(">H", stream, at)
        if marker != J2K_TILE:
            raise WithheldError("pixel_data", why=UNEXPECTED)
        (length,) = struct.unpack_from(">I", stream, at + 6)
        end = at + length if length else stream.find(JPEG_END, at + 12)  # no data hold FFD9
        if not at + 12 < end <= len(stream):
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        yield from _tile_part(stream, at, end, levels)
        at = end
    yield JPEG_END


def _tile_part(stream: bytes, start: int, end: int, levels: int) -> Iterator[bytes]:
    """Yield a tile-part, whose length is that of what is left of it."""
    parts, at, _ = _header(stream, start + 12, SOD, levels)
    header, body = b"".join(parts), stream[at:end]
    length = struct.pack(">I", 12 + len(header) + len(body))
    yield stream[start : start + 6] + length + stream[start + 10 : start + 12] + header + body


def _header(stream: bytes, at: int, last: int, levels: int = 0) -> tuple[list[bytes], int, int]:
    """Return the segments of a header that are kept, where its last marker is, and the levels."""
    kept: list[bytes] = []
    while True:
        marker, length = struct.unpack_from(">HH", stream, at)
        if marker == last:
            break
        end = at + 2 + length
        if end > len(stream):
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        if marker == COD:
            levels = stream[at + 9]
        if marker not in J2K_DROPPED:
            kept.append(stream[at:end])
        at = end
    for each in kept:
        if len(each) - 4 > _longest(each, levels):
            raise WithheldError("pixel_data", why=LONG_SEGMENT)
    return kept, at, levels


def _longest(segment: bytes, levels: int) -> int:
    """Return how many bytes the content of a segment of JPEG 2000 may have (15444-1 A.5, A.6)."""
    marker, content = int.from_bytes(segment[:2]), segment[4:]
    if marker == SIZ:
        return 36 + 3 * int.from_bytes(content[34:36])
    if marker == CAP:
        return 4 + 2 * int.from_bytes(content[:4]).bit_count()
    if marker == COD:
        return 10 + (content[0] & 1) * (levels + 1)
    if marker == QCD:
        bands = 1 + 3 * levels
        return 1 + {0: bands, 1: 2}.get(content[0] & 31, 2 * bands)
    raise WithheldError("pixel_data", why=UNEXPECTED)


def _rle(frame: bytes, count: int) -> bytes:
    """Return an RLE frame whose segments are as long as their bytes of the image."""
    segments, *offsets = struct.unpack_from(f"<{1 + RLE_SEGMENTS}I", frame)
    starts = [*offsets[:segments], len(frame)]
    if sorted(starts) != starts:
        raise WithheldError("pixel_data", why=UNEXPECTED)
    made, places = b"", []
    for start, stop in pairwise(starts):
        places.append(RLE_OFFSET + len(made))
        used = _runs(frame, start, stop, count)
        made += used + bytes(len(used) % 2)
    unused = [0] * (RLE_SEGMENTS - segments)
    return struct.pack(f"<{1 + RLE_SEGMENTS}I", segments, *places, *unused) + made


def _runs(frame: bytes, start: int, stop: int, count: int) -> bytes:
    """Return the runs that make so many bytes, the last of them no more than that (PS3.5 G.3.2)."""
    made, at, last = 0, start, start
    while made < count:
        if at >= stop:
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        last, head = at, frame[at]
        if head < 128:  # noqa: PLR2004  so many bytes and one follow as they are
            made += head + 1
            at += head + 2
        elif head > 128:  # noqa: PLR2004  the next byte, repeated
            made += 257 - head
            at += 2
        else:
            at += 1
    over, head = made - count, frame[last]
    if not over:
        return frame[start : min(at, stop)]
    if head < 128:  # noqa: PLR2004  as above
        return frame[start:last] + bytes([head - over]) + frame[last + 1 : at - over]
    return frame[start:last] + bytes([(head + over) % 256]) + frame[last + 1 : at]  # 256: one byte
