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
EOI, SOS, DQT, DHT, DAC, DRI, DNL, LSE = 0xD9, 0xDA, 0xDB, 0xC4, 0xCC, 0xDD, 0xDC, 0xF8
APPLICATION: Final = frozenset({*range(0xE0, 0xF0), 0xFE})
"""APPn and COM: what programs write about the image."""

PRESETS: Final = 1
"""Kind of an LSE segment that a decoder needs; others hold tables that may be anything."""

SOD: Final = 0xFF93
J2K_DROPPED: Final = frozenset({0xFF55, 0xFF57, 0xFF58, 0xFF63, 0xFF64})
"""TLM, PLM, PLT, CRG and COM: hints and comments; lengths would be wrong without a comment."""

J2K_KEPT: Final = frozenset(
    {*range(0xFF50, 0xFF54), 0xFF56, 0xFF59, *range(0xFF5C, 0xFF62)}
)  # fmt: skip
"""CAP, SIZ, COD, COC, PRF, CPF, QCD, QCC, RGN, POC, PPM and PPT: how the image is coded."""

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
    elif marker == DAC:
        exact = size % 2 == 0 and size <= 64  # noqa: PLR2004  two bytes for each of 32 tables
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
    at = 2
    while True:
        (marker,) = struct.unpack_from(">H", stream, at)
        if marker == J2K_TILE:
            break
        part, at = _segment(stream, at, marker)
        yield part
    while stream[at : at + 2].strip(b"\0") not in {JPEG_END, b""}:
        (marker,) = struct.unpack_from(">H", stream, at)
        if marker != J2K_TILE:
            raise WithheldError("pixel_data", why=UNEXPECTED)
        (length,) = struct.unpack_from(">I", stream, at + 6)
        end = at + length if length else stream.find(JPEG_END, at + 12)  # no data hold FFD9
        if not at + 12 < end <= len(stream):
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        yield from _tile_part(stream, at, end)
        at = end
    yield JPEG_END


def _tile_part(stream: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield a tile-part, whose length is that of what is left of it."""
    at, kept = start + 12, []
    while True:
        (marker,) = struct.unpack_from(">H", stream, at)
        if marker == SOD:
            break
        part, at = _segment(stream, at, marker)
        kept.append(part)
    header, body = b"".join(kept), stream[at:end]
    length = struct.pack(">I", 12 + len(header) + len(body))
    yield stream[start : start + 6] + length + stream[start + 10 : start + 12] + header + body


def _segment(stream: bytes, at: int, marker: int) -> tuple[bytes, int]:
    """Return a marker segment of a header, empty where it is left out, and what follows."""
    (length,) = struct.unpack_from(">H", stream, at + 2)
    end = at + 2 + length
    if end > len(stream):
        raise WithheldError("pixel_data", why=ENDS_EARLY)
    if marker in J2K_DROPPED:
        return b"", end
    if marker not in J2K_KEPT:
        raise WithheldError("pixel_data", why=UNEXPECTED)
    return stream[at:end], end


def _rle(frame: bytes, count: int) -> bytes:
    """Return an RLE frame whose segments are as long as their bytes of the image."""
    segments, *offsets = struct.unpack_from(f"<{1 + RLE_SEGMENTS}I", frame)
    starts = [*offsets[:segments], len(frame)]
    if sorted(starts) != starts:
        raise WithheldError("pixel_data", why=UNEXPECTED)
    made, places = b"", []
    for start, stop in pairwise(starts):
        places.append(RLE_OFFSET + len(made))
        used = frame[start : _end_of_runs(frame, start, stop, count)]
        made += used + bytes(len(used) % 2)
    unused = [0] * (RLE_SEGMENTS - segments)
    return struct.pack(f"<{1 + RLE_SEGMENTS}I", segments, *places, *unused) + made


def _end_of_runs(frame: bytes, at: int, stop: int, count: int) -> int:
    """Return where the runs end that make so many bytes (PS3.5 G.3.2)."""
    made = 0
    while made < count:
        if at >= stop:
            raise WithheldError("pixel_data", why=ENDS_EARLY)
        head = frame[at]
        if head < 128:  # noqa: PLR2004  so many bytes and one follow as they are
            made += head + 1
            at += head + 2
        elif head > 128:  # noqa: PLR2004  the next byte, repeated
            made += 257 - head
            at += 2
        else:
            at += 1
    return min(at, stop)
