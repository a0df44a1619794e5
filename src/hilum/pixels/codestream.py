"""What a compressed image is taken out of, what its first bytes say, and where it ends.

Read before any decoder sees the bytes: a codestream that claims another size than the
dataset is refused, so a few bytes can't make a decoder allocate gigabytes. An image of one
frame needs no offset table, so none is believed: the fragments (PS3.5 A.4) are put together
as they come.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hilum.pixels.decisions import Unusable

JPEG_START: Final = b"\xff\xd8"
"""SOI, start of any JPEG or JPEG-LS image."""

JPEG_END: Final = b"\xff\xd9"
"""EOI, the end of any JPEG, and EOC, that of JPEG 2000."""

JPEG_MARKER: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")
"""A marker within entropy-coded data: neither a stuffed byte nor a restart (ISO/IEC 10918-1
B.1.1.5); JPEG-LS stuffs a bit, which keeps the byte after FF below 80 (ISO/IEC 14495-1 A.1)."""

J2K_START: Final = b"\xff\x4f\xff\x51"
"""SOC and SIZ, start of any JPEG 2000 codestream."""

J2K_TILE: Final = 0xFF90
"""SOT, start of a tile-part."""

J2K_FIRST_MARKER: Final = 0xFF01
"""Least marker; what is below is none."""

J2K_CODING_STYLE: Final = 0xFF52
"""COD, the marker segment that names the wavelet."""

JP2_START: Final = b"\x00\x00\x00\x0cjP  "
"""First box of a JP2 file."""

JP2_LEAD: Final = 4096
"""Bytes of a JP2 file's boxes in which the codestream must start."""

RLE_OFFSET: Final = 64
"""Offset of the first RLE segment, behind the header of 16 numbers (PS3.5 G.5)."""

RLE_SEGMENTS: Final = 15
"""Segments of an RLE frame at most."""

SCAN: Final = 0xDA
"""Marker after which entropy-coded data follow."""

STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""

MOST_TILES: Final = 4096
"""Tiles of a JPEG 2000 image that are decoded; radiographs have one or a few hundred."""


class Coding(StrEnum):
    """How an image is coded, as its own first bytes say."""

    BASELINE = "JPEG Baseline"
    EXTENDED = "JPEG Extended"
    PROGRESSIVE = "JPEG Progressive"
    LOSSLESS = "JPEG Lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    RLE = "RLE"
    NATIVE = "uncompressed"


JPEG_FRAMES: Final = {
    0xC0: Coding.BASELINE,
    0xC1: Coding.EXTENDED,
    0xC2: Coding.PROGRESSIVE,
    0xC3: Coding.LOSSLESS,
    0xC9: Coding.EXTENDED,  # arithmetic-coded, as the retired syntaxes have it
    0xCA: Coding.PROGRESSIVE,
    0xF7: Coding.JPEG_LS,
}
"""Frame headers that are read (ISO/IEC 10918-1 table B.1, 14495-1 C.1.1)."""

OTHER_JPEG_FRAMES: Final = frozenset({*range(0xC5, 0xC8), 0xCB, *range(0xCD, 0xD0)})
"""Hierarchical JPEG, and lossless JPEG with arithmetic coding: nobody decodes them."""

LOSSY: Final = frozenset({Coding.BASELINE, Coding.EXTENDED, Coding.PROGRESSIVE})
"""Codings that always lose something."""


class CodestreamInvalid(Unusable):
    """The bytes are no codestream that is read."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """The header of a compressed image, and the image alone."""

    coding: Coding
    """Which decoder reads it, whatever the transfer syntax says."""
    rows: int
    columns: int
    samples: int
    """Size of the image."""
    precision: int
    """Bits of one sample."""
    content: bytes
    """From its first byte to its end marker: what lay before and behind is left out, and a missing
    end marker is there."""
    whole: bool = True
    """Whether the end was found; False leaves open whether anything but the marker is missing."""
    signed: bool = False
    """Whether the samples are two's complement; JPEG and JPEG-LS don't know."""
    lossy: bool = False
    """Whether the header shows that it lost something; False does not prove the reverse."""


def begins_codestream(head: bytes) -> bool:
    """Whether bytes begin a compressed image, of any coding."""
    return head.startswith((JPEG_START, J2K_START, JP2_START)) or begins_rle(head)


def begins_rle(head: bytes) -> bool:
    """Whether bytes begin an RLE frame: the number of segments, and where the first one is."""
    if len(head) < RLE_OFFSET:
        return False
    segments, first = struct.unpack_from("<2I", head)
    return bool(1 <= segments <= RLE_SEGMENTS and first == RLE_OFFSET)


def parse(frame: bytes) -> Codestream:
    """Return the header of a JPEG, JPEG-LS or JPEG 2000 image, and the image alone.

    Raises
    ------
    CodestreamInvalid
        The bytes are none of these, end early, or use a process that nobody decodes.
    """
    try:
        if frame.startswith(JPEG_START):
            return _parse_jpeg(frame)
        start = frame.find(J2K_START, 0, JP2_LEAD)
        if start >= 0:
            return _parse_jpeg_2000(frame[start:] if start else frame)
    except (struct.error, IndexError) as exc:
        raise CodestreamInvalid("header_ends_early") from exc
    raise CodestreamInvalid("no_codestream")


def _parse_jpeg(frame: bytes) -> Codestream:
    """Walk the marker segments to the frame header (ISO/IEC 10918-1 B.2, 14495-1 C.2)."""
    at = len(JPEG_START)
    while True:
        if frame[at] != 0xFF:  # noqa: PLR2004  every marker starts with this byte
            raise CodestreamInvalid("no_marker")
        marker = frame[at + 1]
        if marker == 0xFF:  # noqa: PLR2004  fill byte
            at += 1
            continue
        if marker in STANDALONE:
            at += 2
            continue
        if marker in OTHER_JPEG_FRAMES:
            raise CodestreamInvalid("jpeg_process", process=marker - 0xC0)
        if marker == SCAN:
            raise CodestreamInvalid("scan_first")
        (length,) = struct.unpack_from(">H", frame, at + 2)
        if marker in JPEG_FRAMES:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            end = _end_of_jpeg(frame, at + 2 + length)
            content = frame + JPEG_END if end is None else frame[:end]
            coding = JPEG_FRAMES[marker]
            return Codestream(
                coding,
                rows,
                columns,
                samples,
                precision,
                content,
                whole=end is not None,
                lossy=coding in LOSSY,
            )
        at += 2 + length


def _end_of_jpeg(frame: bytes, at: int) -> int | None:
    """Return where the image ends that has its frame header before `at`, None without an end.

    An end marker in a marker segment, such as a thumbnail's, or behind the image, is not it.
    """
    while found := JPEG_MARKER.search(frame, at):
        marker, at = frame[found.start() + 1], found.end()
        if marker == JPEG_END[1]:
            return at
        if at + 2 > len(frame):
            return None
        at += int.from_bytes(frame[at : at + 2], "big")
    return None


def _parse_jpeg_2000(stream: bytes) -> Codestream:
    """Read the SIZ marker segment (ISO/IEC 15444-1 A.5.1)."""
    sizes = struct.unpack_from(">8I", stream, 8)
    width, height, left, top, tile_width, tile_height, tile_left, tile_top = sizes
    (samples,) = struct.unpack_from(">H", stream, 40)
    if not (left < width and top < height and tile_width and tile_height):
        raise CodestreamInvalid("no_size")
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if not 1 <= tiles <= MOST_TILES:
        raise CodestreamInvalid("tiles", tiles=tiles, limit=MOST_TILES)
    components = [struct.unpack_from(">3B", stream, 42 + 3 * i) for i in range(samples)]
    if not components or any(component != components[0] for component in components):
        raise CodestreamInvalid("components_differ")
    depth, step_x, step_y = components[0]
    if (step_x, step_y) != (1, 1):
        raise CodestreamInvalid("subsampled")
    irreversible, end = _walk_jpeg_2000(stream)
    return Codestream(
        Coding.JPEG_2000,
        height - top,
        width - left,
        samples,
        (depth & 0x7F) + 1,
        stream if end is None else stream[:end] + JPEG_END,
        signed=bool(depth & 0x80),
        lossy=irreversible,
    )


def _walk_jpeg_2000(stream: bytes) -> tuple[bool, int | None]:
    """Return whether the wavelet is the irreversible 9-7 one, and where the tile-parts end.

    Their lengths say the end (ISO/IEC 15444-1 A.4.2, A.6.1); None where the last one goes on to
    the end of the stream, or is followed by something else than an end or padding.

    Raises
    ------
    CodestreamInvalid
        The last one ends early.
    """
    irreversible, tiled, at = False, False, 2
    while at + 10 <= len(stream):
        marker, length = struct.unpack_from(">2H", stream, at)
        if marker == J2K_TILE:
            (length,) = struct.unpack_from(">I", stream, at + 6)
            if length == 0:
                return irreversible, None
            tiled = True
            at += length
        elif tiled or marker < J2K_FIRST_MARKER:
            break
        else:
            if marker == J2K_CODING_STYLE:
                irreversible = stream[at + 13] == 0
            at += 2 + length
    if tiled and at > len(stream):
        raise CodestreamInvalid("ends_early")
    ends = stream.startswith(JPEG_END, at) or not any(stream[at:])
    return irreversible, at if tiled and ends else None


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
