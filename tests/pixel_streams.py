"""Compressed images as other programs have written them: every coding, wrapped in every way.

Each is made here, so that what must come out is known; which of the three other readers gets it
out is asked in tests/pixels/test_other_readers.py.
"""

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid as uids

from pixel_codings import jp2_file, progressive, rle_of, without_markers
from radiographs import dicom_file, make_radiograph, thorax

ITEM = b"\xfe\xff\x00\xe0"
DELIMITER = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"

PIXEL_HEADER = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
"""Tag, VR and undefined length of compressed Pixel Data."""

ROWS, COLUMNS = 72, 65
"""Odd, so that padding happens."""

PLAIN: dict[str, Any] = dict.fromkeys(
    ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape")
)

_noise = np.random.default_rng(11).integers(-12, 13, (ROWS, COLUMNS))
CHEST: NDArray[np.uint16] = np.clip(thorax(ROWS, COLUMNS) + _noise, 0, 4095).astype(np.uint16)
"""Twelve bits, with a detector's noise."""

CHEST8: NDArray[np.uint8] = (CHEST >> 4).astype(np.uint8)


@dataclass(frozen=True)
class Coded:
    """An image in one coding.

    Attributes
    ----------
    syntax
        Transfer Syntax UID that the file names.
    frame
        The codestream.
    truth
        What must come out, shape ``(rows, columns)``.
    attributes
        What the header says otherwise than twelve unsigned bits in sixteen.
    tolerance
        What the coding may lose, in stored values.
    """

    syntax: str
    frame: bytes
    truth: NDArray[Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    tolerance: int = 0


def is_right(values: NDArray[Any], coded: Coded) -> bool:
    """Whether decoded values are those of the image; of a grey picture in colour, the first."""
    grey = values[..., 0] if values.ndim == coded.truth.ndim + 1 else values
    if grey.shape != coded.truth.shape:
        return False
    apart = np.abs(grey.astype(np.int64) - coded.truth.astype(np.int64))
    return bool(apart.max() <= coded.tolerance)


EIGHT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
SIXTEEN = {"BitsStored": 16, "HighBit": 15}
RGB = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
YBR = {**RGB, "PhotometricInterpretation": "YBR_FULL_422"}


def jpeg(values: NDArray[Any], **options: Any) -> bytes:
    return imagecodecs.jpeg8_encode(values, **{"level": 97, **options})


def j2k(values: NDArray[Any], bits: int = 12, **options: Any) -> bytes:
    lossless = {"reversible": True, "level": 0}
    return imagecodecs.jpeg2k_encode(
        values, bitspersample=bits, **{"codecformat": "j2k", **lossless, **options}
    )


def codings() -> dict[str, Coded]:
    """Return the same chest in every coding that other programs write."""
    grey_rgb = np.repeat(CHEST8[:, :, None], 3, axis=2)
    signed = CHEST.astype(np.int16) - 2048
    lossless = {
        f"lossless_{predictor}": Coded(
            uids.JPEGLosslessSV1 if predictor == 1 else uids.JPEGLossless,
            jpeg(CHEST, lossless=True, bitspersample=12, predictor=predictor),
            CHEST,
        )
        for predictor in range(1, 8)
    }
    return lossless | {
        "baseline": Coded(uids.JPEGBaseline8Bit, jpeg(CHEST8), CHEST8, EIGHT, 8),
        "extended_8": Coded(uids.JPEGExtended12Bit, jpeg(CHEST8), CHEST8, EIGHT, 8),
        "extended_12": Coded(
            uids.JPEGExtended12Bit, jpeg(CHEST, bitspersample=12), CHEST, tolerance=100
        ),
        "spectral_selection": Coded(
            "1.2.840.10008.1.2.4.53", progressive(CHEST8), CHEST8, EIGHT, 8
        ),
        "full_progression": Coded("1.2.840.10008.1.2.4.55", progressive(CHEST8), CHEST8, EIGHT, 8),
        "lossless_8_in_16": Coded(
            uids.JPEGLosslessSV1,
            jpeg(CHEST8, lossless=True, bitspersample=8, predictor=1),
            CHEST8,
            {"BitsStored": 8, "HighBit": 7},
        ),
        "rgb_jpeg_with_adobe": Coded(
            uids.JPEGBaseline8Bit,
            jpeg(grey_rgb, colorspace="RGB", outcolorspace="RGB"),
            CHEST8,
            {**EIGHT, **RGB},
            8,
        ),
        "rgb_jpeg_without_adobe": Coded(
            uids.JPEGBaseline8Bit,
            without_markers(jpeg(grey_rgb, colorspace="RGB", outcolorspace="RGB"), 0xEE),
            CHEST8,
            {**EIGHT, **RGB},
            8,
        ),
        "ybr_jpeg": Coded(uids.JPEGBaseline8Bit, jpeg(grey_rgb), CHEST8, {**EIGHT, **YBR}, 8),
        "ybr_jpeg_that_says_partial": Coded(
            uids.JPEGBaseline8Bit,
            jpeg(grey_rgb),
            CHEST8,
            {**EIGHT, **YBR, "PhotometricInterpretation": "YBR_PARTIAL_420"},
            8,
        ),
        "ybr_jpeg_that_says_rgb": Coded(
            uids.JPEGBaseline8Bit,
            without_markers(jpeg(grey_rgb), 0xE0),
            CHEST8,
            {**EIGHT, **RGB},
            8,
        ),
        "grey_jpeg_that_says_ybr": Coded(
            uids.JPEGBaseline8Bit, jpeg(CHEST8), CHEST8, {**EIGHT, **YBR}, 8
        ),
        "jpeg_ls": Coded(uids.JPEGLSLossless, imagecodecs.jpegls_encode(CHEST), CHEST),
        "jpeg_ls_8": Coded(uids.JPEGLSLossless, imagecodecs.jpegls_encode(CHEST8), CHEST8, EIGHT),
        "jpeg_ls_8_in_16": Coded(
            uids.JPEGLSLossless,
            imagecodecs.jpegls_encode(CHEST8),
            CHEST8,
            {"BitsStored": 8, "HighBit": 7},
        ),
        "jpeg_ls_signed": Coded(
            uids.JPEGLSLossless,
            imagecodecs.jpegls_encode((signed & 0xFFF).astype(np.uint16)),
            signed,
            {"PixelRepresentation": 1},
        ),
        "jpeg_ls_of_more_bits": Coded(
            uids.JPEGLSLossless, imagecodecs.jpegls_encode(CHEST), CHEST, SIXTEEN
        ),
        "jpeg_ls_near_lossless": Coded(
            uids.JPEGLSNearLossless, imagecodecs.jpegls_encode(CHEST, level=2), CHEST, tolerance=2
        ),
        "j2k": Coded(uids.JPEG2000Lossless, j2k(CHEST), CHEST),
        "j2k_8_in_16": Coded(
            uids.JPEG2000Lossless, j2k(CHEST8, 8), CHEST8, {"BitsStored": 8, "HighBit": 7}
        ),
        "j2k_signed": Coded(uids.JPEG2000Lossless, j2k(signed), signed, {"PixelRepresentation": 1}),
        "j2k_unsigned_of_signed": Coded(
            uids.JPEG2000Lossless,
            j2k((signed & 0xFFF).astype(np.uint16)),
            signed,
            {"PixelRepresentation": 1},
        ),
        "j2k_as_jp2_file": Coded(uids.JPEG2000Lossless, jp2_file(CHEST), CHEST),
        "j2k_lossy": Coded(
            uids.JPEG2000, j2k(CHEST, reversible=False, level=60), CHEST, tolerance=100
        ),
        "htj2k": Coded(uids.HTJ2KLossless, imagecodecs.htj2k_encode(CHEST), CHEST),
        "rle": Coded(uids.RLELossless, rle_of(CHEST), CHEST),
        "rle_8": Coded(uids.RLELossless, rle_of(CHEST8), CHEST8, EIGHT),
        "rle_signed": Coded(
            uids.RLELossless,
            rle_of(signed.view(np.uint16)),
            signed,
            {"PixelRepresentation": 1},
        ),
        "uncompressed_in_items": Coded("1.2.840.10008.1.2.1.98", CHEST.tobytes(), CHEST),
    }


def item(content: bytes, length: int | None = None) -> bytes:
    return ITEM + struct.pack("<I", len(content) if length is None else length) + content


def even(content: bytes, by: int = 2) -> bytes:
    return content + bytes(-len(content) % by)


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def whole(frame: bytes) -> bytes:
    """Return Pixel Data as the standard has them: no offset table, one even fragment."""
    return item(b"") + item(even(frame)) + DELIMITER


Wrapping = Callable[[bytes], bytes]
"""One frame → the value of Pixel Data, with its delimiter."""

WRAPPINGS: dict[str, Wrapping] = {
    "plain": whole,
    "padded_by_1": lambda frame: item(b"") + item(even(frame + b"\0")) + DELIMITER,
    "padded_by_62": lambda frame: item(b"") + item(even(frame) + bytes(62)) + DELIMITER,
    "padded_by_5000": lambda frame: item(b"") + item(even(frame) + bytes(5000)) + DELIMITER,
    "padded_to_4096": lambda frame: item(b"") + item(even(frame, 4096)) + DELIMITER,
    "padded_with_ff": lambda frame: item(b"") + item(even(frame) + b"\xff" * 64) + DELIMITER,
    "padded_with_blanks": lambda frame: item(b"") + item(even(frame) + b" " * 64) + DELIMITER,
    "pad_in_own_fragment": lambda frame: (
        item(b"") + item(even(frame)) + item(bytes(128)) + DELIMITER
    ),
    "blocks_of_512": lambda frame: (
        item(b"") + b"".join(item(each) for each in pieces(even(frame, 512), 512)) + DELIMITER
    ),
    "pieces_of_700": lambda frame: (
        item(b"") + b"".join(item(each) for each in pieces(even(frame), 700)) + DELIMITER
    ),
    "odd_pieces": lambda frame: (
        item(b"") + b"".join(item(each) for each in pieces(frame, 333)) + DELIMITER
    ),
    "odd_length_and_padding": lambda frame: (
        item(b"")
        + item(frame + bytes(1), len(frame) if len(frame) % 2 else len(frame) + 1)
        + DELIMITER
    ),
    "table": lambda frame: item(bytes(4)) + item(even(frame)) + DELIMITER,
    "table_of_2_bytes": lambda frame: item(bytes(2)) + item(even(frame)) + DELIMITER,
    "table_of_8_bytes": lambda frame: (
        item(struct.pack("<2I", 0, 4096)) + item(even(frame)) + DELIMITER
    ),
    "table_points_nowhere": lambda frame: (
        item(struct.pack("<I", 999_999)) + item(even(frame)) + DELIMITER
    ),
    "table_counts_from_itself": lambda frame: (
        item(struct.pack("<I", 12)) + item(even(frame)) + DELIMITER
    ),
    "no_table": lambda frame: item(even(frame)) + DELIMITER,
    "no_delimiter": lambda frame: item(b"") + item(even(frame)),
    "delimiter_without_length": lambda frame: item(b"") + item(even(frame)) + DELIMITER[:4],
    "empty_last_fragment": lambda frame: item(b"") + item(even(frame)) + item(b"") + DELIMITER,
    "empty_first_fragment": lambda frame: item(b"") + item(b"") + item(even(frame)) + DELIMITER,
    "length_short_by_8": lambda frame: (
        item(b"") + item(even(frame), len(even(frame)) - 8) + DELIMITER
    ),
    "no_end_marker": lambda frame: whole(frame.removesuffix(b"\xff\xd9")),
    "second_image_behind": lambda frame: whole(frame + frame),
}
"""How one frame lies in Pixel Data."""

NAMED_WRONGLY = (
    uids.JPEGBaseline8Bit,
    uids.JPEGLosslessSV1,
    uids.JPEG2000Lossless,
    uids.JPEGLSLossless,
    uids.RLELossless,
    "1.2.840.10008.1.2.4.55",
)
"""Transfer syntaxes that another coding's frame goes under."""


def stream_file(coded: Coded, value: bytes, syntax: str | None = None, **more: Any) -> bytes:
    """Return a DICOM file whose Pixel Data are `value`, byte for byte."""
    made = make_radiograph(CHEST, **{**PLAIN, **coded.attributes, **more})
    del made.PixelData
    made.file_meta.TransferSyntaxUID = syntax or coded.syntax
    return dicom_file(made) + PIXEL_HEADER + value


def _element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return an explicit little-endian element, with the length of its value or another one."""
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    long = vr in {b"SQ", b"OB"}
    return head + struct.pack("<xxI" if long else "<H", size) + value


UNDEFINED = 0xFFFFFFFF
ITEM_END = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"


def icons() -> dict[str, bytes]:
    """Return Icon Image Sequences whose lengths are right, wrong or missing."""

    def icon(pixels: bytes) -> bytes:
        numbers = {0x10: 8, 0x11: 8, 0x100: 8, 0x101: 8, 0x102: 7, 0x103: 0}
        head = _element(0x00280002, b"US", b"\1\0") + _element(0x00280004, b"CS", b"MONOCHROME2 ")
        for element, value in numbers.items():
            head += _element(0x00280000 + element, b"US", struct.pack("<H", value))
        return head + pixels

    def sequence(items: bytes, length: int | None = None) -> bytes:
        return _element(0x00880200, b"SQ", items, length)

    plain = icon(_element(0x7FE00010, b"OB", bytes(range(64))))
    frame = imagecodecs.jpeg8_encode(CHEST8[:8, :8].copy())
    coded = icon(_element(0x7FE00010, b"OB", whole(frame), UNDEFINED))
    one = item(plain)
    sizes = {f"icon of {by:+} bytes": sequence(one, len(one) + by) for by in (-8, -2, 2, 8)}
    for by in (-10, -2, 2, 8):
        sizes[f"icon's item of {by:+} bytes"] = sequence(item(plain, len(plain) + by))
    odd = _element(0x7FE00010, b"OB", bytes(64), 63)
    return sizes | {
        "icon": sequence(one),
        "icon's item of no length": sequence(item(plain, 0)),
        "icon without lengths": sequence(item(plain + ITEM_END, UNDEFINED) + DELIMITER, UNDEFINED),
        "icon without an end": sequence(item(plain + ITEM_END, UNDEFINED), UNDEFINED),
        "icon's item without an end": sequence(item(plain, UNDEFINED) + DELIMITER, UNDEFINED),
        "icon with an end too many": sequence(one + DELIMITER),
        "icon of 63 bytes": sequence(item(icon(odd[:-1]))),
        "icon of 63 bytes and padding": sequence(item(icon(odd))),
        "icon in items": sequence(item(coded)),
        "icon in items without their end": sequence(
            item(coded.removesuffix(DELIMITER) + ITEM_END, UNDEFINED) + DELIMITER, UNDEFINED
        ),
        "compressed icon of a length": sequence(
            item(icon(_element(0x7FE00010, b"OB", even(frame))))
        ),
        "no icon": sequence(b""),
        "no icon, without a length": sequence(DELIMITER, UNDEFINED),
    }


def files(count: int, seed: int) -> Iterator[tuple[str, Coded, bytes]]:
    """Yield named files: coding × wrapping, wrong names, icons, and `count` that are mixed."""
    known = codings()
    for name, coded in known.items():
        for wrapping, wrap in WRAPPINGS.items():
            yield f"{name}-{wrapping}", coded, stream_file(coded, wrap(coded.frame))
    for name, coded in known.items():
        for syntax in NAMED_WRONGLY:
            value = whole(coded.frame)
            yield f"{name}-named-{syntax}", coded, stream_file(coded, value, syntax)
    for icon, element in icons().items():
        for name in ("j2k", "baseline", "rle"):
            content = stream_file(known[name], whole(known[name].frame))
            at = content.index(PIXEL_HEADER)
            yield f"{name}-{icon}", known[name], content[:at] + element + content[at:]
    rng = random.Random(seed)
    for number in range(count):
        name, coded = rng.choice(sorted(known.items()))
        frame = coded.frame + rng.choice((b"", bytes(rng.randrange(200)), b"\xff" * 9))
        table = rng.randbytes(rng.choice((0, 0, 2, 4, 8, 12)))
        size = rng.choice((len(frame), rng.randrange(100, 2000)))
        value = item(table) + b"".join(item(each) for each in pieces(even(frame), size))
        yield f"mixed-{number}-{name}", coded, stream_file(coded, value + DELIMITER)
