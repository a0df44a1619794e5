"""Compressed images with nothing but the image in them."""

import struct

import imagecodecs
import numpy as np
import pytest
from pydicom import uid as uids

from hilum.export.codestreams import image_alone
from hilum.export.reasons import WithheldError
from pixel_codings import ENCODERS, jp2_file, progressive, rle_of
from radiographs import thorax

TEXT = b"SILVA^MARIA 19601224"
CHEST = thorax(96, 80)
EIGHT = (CHEST >> 4).astype(np.uint8)

BITS = {
    syntax: (EIGHT, 8) if syntax == uids.JPEGBaseline8Bit else (CHEST, 12) for syntax in ENCODERS
}


def alone(frame: bytes) -> bytes:
    """Return a frame of the chest without anything else."""
    return image_alone(frame, rows=96, columns=80)


def decoded(frame: bytes) -> np.ndarray:
    """Return the samples of a codestream."""
    if frame.startswith(b"\xff\xd8"):
        read = imagecodecs.jpegls_decode if b"\xff\xf7" in frame[:80] else imagecodecs.jpeg8_decode
        return read(frame)
    return imagecodecs.jpeg2k_decode(frame)


@pytest.mark.parametrize("syntax", [each for each in ENCODERS if each != uids.RLELossless])
def test_the_coded_image_stays_as_it_is(syntax: uids.UID):
    """Whatever the encoder wrote beside it."""
    samples, bits = BITS[syntax]
    frame = ENCODERS[syntax](samples, bits)
    made = alone(frame)

    assert np.array_equal(decoded(frame), decoded(made))
    assert made == alone(made)


@pytest.mark.parametrize(
    "frame",
    [progressive(EIGHT), jp2_file(CHEST), imagecodecs.jpeg8_encode(EIGHT, optimize=True)],
    ids=["progressive", "JP2 file", "own tables"],
)
def test_other_ways_to_write_an_image_are_understood(frame: bytes):
    """Several scans; boxes around a codestream; tables of the image's own."""
    assert np.array_equal(decoded(frame), decoded(alone(frame)))


def tile_comment(frame: bytes) -> bytes:
    """Return a JPEG 2000 codestream with a comment in its first tile-part."""
    at = frame.index(b"\xff\x90")
    comment = b"\xff\x64" + (len(TEXT) + 4).to_bytes(2, "big") + b"\0\1" + TEXT
    length = int.from_bytes(frame[at + 6 : at + 10], "big") + len(comment)
    return (
        frame[: at + 6]
        + length.to_bytes(4, "big")
        + frame[at + 10 : at + 12]
        + comment
        + frame[at + 12 :]
    )


def endless_tile(frame: bytes) -> bytes:
    """Return one whose tile-part goes on to the end, and text behind that."""
    at = frame.index(b"\xff\x90")
    return frame[: at + 6] + bytes(4) + frame[at + 10 :] + TEXT


@pytest.mark.parametrize("change", [tile_comment, endless_tile])
def test_comments_in_tile_parts_are_left_out(change):
    """The length of the tile-part is then another one; what is behind the end goes."""
    frame = ENCODERS[uids.JPEG2000Lossless](CHEST, 12)
    made = alone(change(frame))

    assert TEXT not in made
    assert np.array_equal(CHEST, decoded(made))


def test_rle_segments_end_where_the_image_ends():
    """Neither the rest of a segment nor unused offsets hold anything."""
    frame = rle_of(CHEST)
    first = int.from_bytes(frame[8:12], "little")
    shifted = frame[:8] + (first + len(TEXT)).to_bytes(4, "little") + frame[12:48] + TEXT[:16]
    planted = shifted + frame[64:first] + TEXT + frame[first:] + TEXT

    assert frame == alone(frame)
    assert frame == alone(planted)


def of_runs(*runs: bytes) -> bytes:
    """Return RLE of one segment: 59 runs of 128 zeros, and these."""
    body = bytes([129, 0]) * 59 + b"".join(runs)
    return struct.pack("<16I", 1, 64, *[0] * 14) + body + bytes(len(body) % 2)


@pytest.mark.parametrize(
    ("last", "kept"),
    [
        ((b"\x9d\0", b"\x2f" + bytes(28) + TEXT), (b"\x9d\0", b"\x1b" + bytes(28))),
        ((b"\x9d\0", b"\x81\7"), (b"\x9d\0", b"\xe5\7")),
        ((b"\x82\0", b"\x81\7"), (b"\x82\0", b"\0\7")),
    ],
    ids=["bytes", "repeated", "repeated for one"],
)
def test_rle_runs_end_where_the_image_ends(last: tuple[bytes, ...], kept: tuple[bytes, ...]):
    """A run that goes on behind the last row holds what no decoder shows."""
    assert of_runs(*kept) == alone(of_runs(*last))


def long_segment(marker: int, frame: bytes = b"") -> bytes:
    """Return a codestream, a JPEG if none is given, with text behind a segment's content."""
    frame = frame or imagecodecs.jpeg8_encode(EIGHT)
    at = frame.index(bytes([0xFF, marker]))
    length = int.from_bytes(frame[at + 2 : at + 4], "big")
    longer = (length + len(TEXT)).to_bytes(2, "big")
    return (
        frame[: at + 2] + longer + frame[at + 4 : at + 2 + length] + TEXT + frame[at + 2 + length :]
    )


JPEG = imagecodecs.jpeg8_encode(EIGHT)
J2K = ENCODERS[uids.JPEG2000Lossless](CHEST, 12)
HTJ2K = ENCODERS[uids.HTJ2KLossless](CHEST, 12)


@pytest.mark.parametrize(
    "frame",
    [
        *(long_segment(marker) for marker in (0xDB, 0xC4, 0xC0, 0xDA)),
        *(JPEG[:2], JPEG[:30], JPEG[:-20], b"\xff\xd8", b"", TEXT),
        JPEG[:2] + b"\xff\xf0\x00\x10" + bytes(14) + JPEG[2:],
        JPEG[:2] + b"\xff\xcc\x00\x16" + TEXT + JPEG[2:],
        *(long_segment(marker, J2K) for marker in (0x51, 0x52, 0x5C)),
        long_segment(0x50, HTJ2K),
        J2K.replace(b"\xff\x52", b"\xff\x60\x00\x16" + TEXT + b"\xff\x52", 1),
        *(J2K[:4], J2K[:60], J2K[:-60]),
        J2K[:2] + b"\xff\x74\x00\x10" + bytes(14) + J2K[2:],
        rle_of(CHEST)[:100],
    ],
)
def test_what_is_not_understood_does_not_leave(frame: bytes):
    """A segment that is too long, an unknown marker, a stream that ends early."""
    with pytest.raises(WithheldError):
        alone(frame)
