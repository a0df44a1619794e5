"""What the first bytes of a compressed image say about it.

Read before any decoder sees the bytes: a codestream that claims another size than the
dataset is refused, so a few bytes can't make a decoder allocate gigabytes.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

JPEG_START: Final = b"\xff\xd8"
"""SOI, start of any JPEG or JPEG-LS image."""

JPEG_END: Final = b"\xff\xd9"
"""EOI, the end of any JPEG. Without it libjpeg fills the rest in grey without a word, and
CharLS 2.4 looks for it for ever."""

JPEG_TAIL: Final = 64
"""Last bytes in which EOI must be; some senders pad behind it."""

J2K_START: Final = b"\xff\x4f\xff\x51"
"""SOC and SIZ, start of any JPEG 2000 codestream."""

J2K_CODING_STYLE: Final = b"\xff\x52"
"""COD, the marker segment that names the wavelet."""

JP2_LEAD: Final = 4096
"""Bytes of a JP2 file's boxes in which the codestream must start."""

JPEG_LS_FRAME: Final = 0xF7
"""Marker of a JPEG-LS frame header (SOF55)."""

JPEG_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC3, JPEG_LS_FRAME})
"""Frame headers that DICOM uses: baseline, extended, lossless, JPEG-LS (PS3.5 8.2)."""

OTHER_JPEG_FRAMES: Final = frozenset(
    {0xC2, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)}
)
"""Progressive, hierarchical and arithmetic-coded JPEG: not in DICOM any more."""

STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""

SCAN: Final = 0xDA
"""Marker after which entropy-coded data follow."""

MOST_TILES: Final = 4096
"""Tiles of a JPEG 2000 image that are decoded; radiographs have one or a few hundred."""


class Coding(StrEnum):
    """Families of codestreams, each with its decoder."""

    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"


class CodestreamInvalid(ValueError):
    """The bytes are no codestream that is read; the text says why."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """The header of a compressed image.

    Attributes
    ----------
    coding
        Which decoder reads it, whatever the transfer syntax says.
    rows, columns, samples
        Size of the image.
    precision
        Bits of one sample.
    signed
        Whether the samples are two's complement; JPEG and JPEG-LS don't know.
    lossy
        Whether the header shows that it lost something; False does not prove the reverse.
    """

    coding: Coding
    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    lossy: bool = False


def parse(frame: bytes) -> Codestream:
    """Return the header of a JPEG, JPEG-LS or JPEG 2000 image.

    Raises
    ------
    CodestreamInvalid
        The bytes are none of these, end early, or use a process that DICOM does not have.
    """
    try:
        if frame.startswith(JPEG_START):
            return _parse_jpeg(frame)
        start = frame.find(J2K_START, 0, JP2_LEAD)
        if start >= 0:
            return _parse_jpeg_2000(frame[start : start + JP2_LEAD])
    except (struct.error, IndexError) as exc:
        raise CodestreamInvalid("its header ends early") from exc
    raise CodestreamInvalid("it is neither JPEG, JPEG-LS nor JPEG 2000")


def _parse_jpeg(frame: bytes) -> Codestream:
    """Walk the marker segments to the frame header (ISO/IEC 10918-1 B.2, 14495-1 C.2)."""
    at = len(JPEG_START)
    while True:
        if frame[at] != 0xFF:  # noqa: PLR2004  every marker starts with this byte
            raise CodestreamInvalid("a JPEG marker is missing")
        marker = frame[at + 1]
        if marker == 0xFF:  # noqa: PLR2004  fill byte
            at += 1
            continue
        if marker in STANDALONE:
            at += 2
            continue
        if marker in OTHER_JPEG_FRAMES:
            raise CodestreamInvalid(f"JPEG process SOF{marker - 0xC0} is not used in DICOM")
        if marker == SCAN:
            raise CodestreamInvalid("a scan comes before the frame header")
        (length,) = struct.unpack_from(">H", frame, at + 2)
        if marker in JPEG_FRAMES:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            coding = Coding.JPEG_LS if marker == JPEG_LS_FRAME else Coding.JPEG
            if JPEG_END not in frame[-JPEG_TAIL:]:
                raise CodestreamInvalid("it ends early: the end marker is missing")
            lossy = marker in {0xC0, 0xC1}
            return Codestream(coding, rows, columns, samples, precision, lossy=lossy)
        at += 2 + length


def _parse_jpeg_2000(header: bytes) -> Codestream:
    """Read the SIZ marker segment (ISO/IEC 15444-1 A.5.1)."""
    sizes = struct.unpack_from(">8I", header, 8)
    width, height, left, top, tile_width, tile_height, tile_left, tile_top = sizes
    (samples,) = struct.unpack_from(">H", header, 40)
    if not (left < width and top < height and tile_width and tile_height):
        raise CodestreamInvalid("its image or tiles have no size")
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if not 1 <= tiles <= MOST_TILES:
        raise CodestreamInvalid(f"it has {tiles} tiles, not 1 to {MOST_TILES}")
    components = [struct.unpack_from(">3B", header, 42 + 3 * i) for i in range(samples)]
    if not components or any(component != components[0] for component in components):
        raise CodestreamInvalid("its components differ in depth or size")
    depth, step_x, step_y = components[0]
    if (step_x, step_y) != (1, 1):
        raise CodestreamInvalid("its components are subsampled")
    return Codestream(
        Coding.JPEG_2000,
        height - top,
        width - left,
        samples,
        (depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        lossy=_irreversible(header),
    )


def _irreversible(header: bytes) -> bool:
    """Whether the wavelet is the irreversible 9-7 one (ISO/IEC 15444-1 A.6.1)."""
    coding_style = header.find(J2K_CODING_STYLE, len(J2K_START))
    return coding_style >= 0 and header[coding_style + 13] == 0
