"""The table of pixel cases: a generated image each, and what both pipelines make of it.

`docs/pixels.md` has one row a case; test_pixel_docs.py holds the two together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom import uid as uids

from pixel_codings import ENCODERS, jp2_file, progressive, recode, without_markers
from radiographs import make_radiograph, thorax, write_raw

Brightness = NDArray[np.float64]
"""Shape ``(rows, columns)``, 0 for black to 1 for white."""

ROWS, COLUMNS = 40, 32

V = (np.arange(ROWS * COLUMNS) * 4095 // (ROWS * COLUMNS - 1)).reshape(ROWS, COLUMNS)
"""Every generated image starts from these 12-bit values, 0 to 4095."""

V8 = V >> 4
"""The same in 8 bits."""

NEUTRAL: dict[str, Any] = dict.fromkeys(
    ("WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape")
)
"""Nothing that changes how stored values are shown."""


def image(values: NDArray[Any] = V, **attributes: Any) -> Dataset:
    """Return an image of `values` with 12 bits stored, and nothing but `attributes` to it."""
    return make_radiograph(values.astype(np.uint16), **{**NEUTRAL, **attributes})


def image8(values: NDArray[Any] = V8, **attributes: Any) -> Dataset:
    """Return an image of 8-bit `values`, of one sample or three."""
    shape = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    data = values.astype(np.uint8)
    made = image(values[:, :, 0] if values.ndim == 3 else values, **{**shape, **attributes})
    made.PixelData = data.tobytes()
    made["PixelData"].VR = "OB"
    return made


def written(**texts: str) -> Dataset:
    """Return an image with values as they come in files, whatever their VR allows."""
    made = image()
    for keyword, text in texts.items():
        write_raw(made, keyword, text)
    return made


def coded(syntax: uids.UID, make: Callable[[], Dataset] = image) -> Callable[[], Dataset]:
    """Return a maker of the same image in another transfer syntax."""
    return lambda: recode(make(), syntax)


def signed(values: NDArray[Any], bits: int = 12, **attributes: Any) -> Dataset:
    """Return a signed image of `values`, sign-extended to 16 bits."""
    made = image(V, PixelRepresentation=1, BitsStored=bits, HighBit=bits - 1, **attributes)
    made.PixelData = values.astype("<i2").tobytes()
    return made


def colour(values: NDArray[Any], photometric: str = "RGB", **attributes: Any) -> Dataset:
    """Return an 8-bit image of three samples; `values` of shape ``(rows, columns, 3)``."""
    return image8(
        values,
        **{
            "SamplesPerPixel": 3,
            "PhotometricInterpretation": photometric,
            "PlanarConfiguration": 0,
            **attributes,
        },
    )


GREY_RGB = np.repeat(V8[:, :, None], 3, axis=2)
GREY_YBR = np.stack([V8, np.full_like(V8, 128), np.full_like(V8, 128)], axis=2)
TRUE_COLOUR = np.stack([V8, 255 - V8, V8], axis=2)


def with_table(keyword: str, descriptor: list[int], data: Any, **attributes: Any) -> Dataset:
    """Return an image with one lookup table in a Modality or VOI LUT Sequence."""
    made = image(**attributes)
    setattr(made, keyword, [table(descriptor, data)])
    return made


def table(descriptor: list[int], data: Any) -> Dataset:
    """Return one item of a Modality or VOI LUT Sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "OW", np.asarray(data).astype("<u2").tobytes())
    return item


SQUARED = (np.arange(4096) / 4095) ** 2
"""A curve that no window gives; brightness of each 12-bit value."""


def palette(
    red: NDArray[Any], green: NDArray[Any], descriptor: tuple[int, int, int] = (256, 0, 16)
) -> Dataset:
    """Return an 8-bit palette image; blue is as green. Bytes are packed, two to a word."""
    made = image8(PhotometricInterpretation="PALETTE COLOR")
    for name, values in (("Red", red), ("Green", green), ("Blue", green)):
        setattr(made, f"{name}PaletteColorLookupTableDescriptor", list(descriptor))
        made[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
        entries = values if values.dtype == np.uint8 else values.astype("<u2")
        setattr(made, f"{name}PaletteColorLookupTableData", entries.tobytes())
    return made


def segmented_palette() -> Dataset:
    """Return an 8-bit palette image whose tables are one entry and one line to the last."""
    made = palette(np.arange(256), np.arange(256))
    for name in ("Red", "Green", "Blue"):
        delattr(made, f"{name}PaletteColorLookupTableData")
        segments = np.array([0, 1, 0, 1, 255, 65535], "<u2")
        setattr(made, f"Segmented{name}PaletteColorLookupTableData", segments.tobytes())
    return made


def signed_palette() -> Dataset:
    """Return a palette image whose samples are signed and whose tables begin at -128."""
    made = palette(np.arange(256) * 257, np.arange(256) * 257, (256, (1 << 16) - 128, 16))
    made.PixelRepresentation = 1
    made.PixelData = (V8 - 128).astype(np.int8).tobytes()
    return made


def largest_palette() -> Dataset:
    """Return a palette image of 16 bits; 65,536 entries are written as 0."""
    entries = np.minimum(np.arange(1 << 16) * 16, 65535)
    made = palette(entries, entries, (0, 0, 16))
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelData = V.astype("<u2").tobytes()
    return made


def with_overlay(values: NDArray[Any], **attributes: Any) -> Dataset:
    """Return an image with an Overlay Plane module; `attributes` of element numbers."""
    made = image(values)
    for element, (vr, value) in {
        0x0010: ("US", ROWS),
        0x0011: ("US", COLUMNS),
        0x0040: ("CS", "G"),
        0x0050: ("SS", [1, 1]),
        0x0100: ("US", attributes["allocated"]),
        0x0102: ("US", attributes["position"]),
    }.items():
        made.add_new((0x6000, element), vr, value)
    if "data" in attributes:
        made.add_new((0x6000, 0x3000), "OW", attributes["data"])
    return made


def squeeze(low: float, high: float, values: NDArray[Any] = V) -> Brightness:
    """Return brightness that rises from 0 at `low` to 1 at `high`."""
    return np.clip((values - low) / (high - low), 0, 1)


def blackened(brightness: Brightness, where: NDArray[np.bool_]) -> Brightness:
    """Return `brightness` with 0 `where` there is no image."""
    return np.where(where, 0.0, brightness)


FULL = V / 4095
"""Every stored value in its place."""

LONG = V[:, :25]
"""A part of them, higher than it is wide."""

MARKED = V.copy()
MARKED[:4] = 4095
"""Values with a white band above that some cases declare to be padding."""

STRAY = V.copy()
STRAY[0, 0] = 65535
"""Values with one defect pixel."""

BAND = np.zeros(V.shape, bool)
BAND[:4] = True

ROW, COLUMN = np.mgrid[1 : ROWS + 1, 1 : COLUMNS + 1]


def codestream(values: NDArray[Any] = V, syntax: uids.UID = uids.JPEG2000Lossless) -> bytes:
    """Return the codestream of `values`."""
    return ENCODERS[syntax](values.astype(np.uint16), 12)


CHEST = thorax(ROWS * 2, COLUMNS * 2) + np.random.default_rng(3).integers(
    -12, 13, (ROWS * 2, COLUMNS * 2)
)
"""A small chest with a detector's noise: what only a picture shows needs one."""

TEXT = np.zeros(CHEST.shape, bool)
TEXT[10:30, 8:30] = True
"""What is burnt into a bit above those of the image."""

JPEG8 = ENCODERS[uids.JPEGBaseline8Bit](V8.astype(np.uint8), 8)
RGB_JPEG = imagecodecs.jpeg8_encode(
    GREY_RGB.astype(np.uint8), level=100, colorspace="RGB", outcolorspace="RGB"
)
YBR_JPEG = imagecodecs.jpeg8_encode(GREY_RGB.astype(np.uint8), level=100)


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    make
        Returns the image.
    display
        What the display pipeline must show.
    codes
        Decisions that the display pipeline must record, all of them and in order.
    reference
        What TorchXRayVision makes of it: "same" as our torchxrayvision pipeline,
        "differs", "raises", or "decoder": the same where an optional decoder is
        installed beside it, else it raises.
    torchxrayvision
        What the torchxrayvision pipeline must show; as `display` when None.
    tolerance
        Difference in brightness that lossy coding may make.
    """

    make: Callable[[], Dataset]
    display: Brightness
    codes: tuple[str, ...] = ()
    reference: str = "same"
    torchxrayvision: Brightness | None = None
    tolerance: float = 1e-6


@dataclass(frozen=True)
class Refusal:
    """One row of the table for an image that is not read.

    Attributes
    ----------
    make
        Returns the image.
    codes
        The reasons, all of them and in order.
    reference
        What TorchXRayVision makes of it: "raises" or "reads".
    """

    make: Callable[[], Dataset]
    codes: tuple[str, ...]
    reference: str = "raises"


def excess() -> Dataset:
    made = image()
    made.PixelData += b"\1" * 64
    return made


def big_endian_8() -> Dataset:
    made = image8()
    made.file_meta.TransferSyntaxUID = uids.ExplicitVRBigEndian
    made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()
    made["PixelData"].VR = "OW"
    return made


def misnamed() -> Dataset:
    made = recode(image(), uids.JPEGLosslessSV1)
    made.file_meta.TransferSyntaxUID = uids.JPEGBaseline8Bit
    return made


def shifted() -> Dataset:
    return image(V << 4, HighBit=15)


def thirty_two() -> Dataset:
    made = image(BitsAllocated=32)
    made.PixelData = V.astype("<u4").tobytes()
    return made


def not_extended() -> Dataset:
    made = image(PixelRepresentation=1)
    made.PixelData = ((V - 2048) & 0xFFF).astype("<u2").tobytes()
    return made


def extended_in_some_rows() -> Dataset:
    made = not_extended()
    values = (V - 2048).astype("<i2")
    values[2:] &= 0xFFF
    made.PixelData = values.tobytes()
    return made


def other_order(syntax: uids.UID) -> Dataset:
    """Return an image in a native transfer syntax, with its pixels in the other byte order."""
    made = recode(image(CHEST), syntax)
    made.PixelData = np.frombuffer(made.PixelData, "<u2").byteswap().tobytes()
    return made


def pairs_exchanged() -> Dataset:
    made = image8(CHEST >> 4)
    made.PixelData = np.frombuffer(made.PixelData, "<u2").byteswap().tobytes()
    made["PixelData"].VR = "OW"
    return made


def in_items(
    syntax: str,
    frame: bytes,
    table: bytes | None = b"",
    block: int | None = None,
    make: Callable[[], Dataset] = image,
) -> Callable[[], Dataset]:
    """Return a maker of an image whose frame lies in fragments of `block` bytes, padded."""

    def made() -> Dataset:
        dataset = recode(make(), uids.UID(syntax), frame)
        size = block or len(frame) + len(frame) % 2
        padded = frame + bytes(-len(frame) % size)
        parts = [] if table is None else [table]
        parts += [padded[at : at + size] for at in range(0, len(padded), size)]
        dataset.PixelData = b"".join(
            b"\xfe\xff\x00\xe0" + len(part).to_bytes(4, "little") + part for part in parts
        )
        return dataset

    return made


def several_tables() -> Dataset:
    made = image(WindowCenter=1000, WindowWidth=500)
    made.VOILUTSequence = [
        table([4096, 0, 16], SQUARED * 65535),
        table([4096, 0, 16], np.zeros(4096)),
    ]
    return made


def packed_table() -> Dataset:
    made = image8()
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [256, 0, 8])
    item.add_new("LUTData", "OW", (255 - np.arange(256)).astype(np.uint8).tobytes())
    made.VOILUTSequence = [item]
    return made


CODINGS: dict[str, Case] = {
    "implicit_little_endian": Case(coded(uids.ImplicitVRLittleEndian), FULL),
    "explicit_little_endian": Case(coded(uids.ExplicitVRLittleEndian), FULL),
    "big_endian": Case(coded(uids.ExplicitVRBigEndian), FULL),
    "big_endian_8_bits_in_words": Case(big_endian_8, V8 / 255),
    "deflated": Case(coded(uids.DeflatedExplicitVRLittleEndian), FULL),
    "rle": Case(coded(uids.RLELossless), FULL),
    "jpeg_baseline": Case(
        coded(uids.JPEGBaseline8Bit, image8), V8 / 255, ("lossy_compression",), tolerance=0.02
    ),
    "jpeg_extended_12_bits": Case(
        coded(uids.JPEGExtended12Bit), FULL, ("lossy_compression",), "decoder", tolerance=0.02
    ),
    "jpeg_lossless": Case(coded(uids.JPEGLossless), FULL, (), "decoder"),
    "jpeg_lossless_first_order": Case(coded(uids.JPEGLosslessSV1), FULL, (), "decoder"),
    "jpeg_ls": Case(coded(uids.JPEGLSLossless), FULL, (), "decoder"),
    "jpeg_ls_near_lossless": Case(
        coded(uids.JPEGLSNearLossless),
        FULL,
        ("values_above_bits_stored", "stray_values_clipped", "lossy_compression"),
        "raises",
        tolerance=1e-3,
    ),
    "jpeg_2000_lossless": Case(coded(uids.JPEG2000Lossless), FULL),
    "jpeg_2000_lossy": Case(coded(uids.JPEG2000), FULL, ("lossy_compression",), tolerance=0.02),
    "htj2k": Case(coded(uids.HTJ2KLossless), FULL, (), "decoder"),
    "transfer_syntax_wrong": Case(misnamed, FULL, ("syntax_wrong",), "decoder"),
    "transfer_syntax_of_another_family": Case(
        in_items(uids.JPEG2000Lossless, codestream(syntax=uids.JPEGLSLossless)),
        FULL,
        ("syntax_wrong",),
        "raises",
    ),
    "uncompressed_in_items": Case(
        in_items("1.2.840.10008.1.2.1.98", V.astype("<u2").tobytes()), FULL, (), "raises"
    ),
    "uncompressed_under_a_compressed_syntax": Case(
        in_items(uids.JPEGLosslessSV1, V.astype("<u2").tobytes()),
        FULL,
        ("not_compressed",),
        "raises",
    ),
    "jpeg_padded_to_4096": Case(
        in_items(uids.JPEGBaseline8Bit, JPEG8, block=4096, make=image8),
        V8 / 255,
        ("lossy_compression",),
        tolerance=0.02,
    ),
    "jpeg_in_blocks_of_512": Case(
        in_items(uids.JPEGBaseline8Bit, JPEG8, block=512, make=image8),
        V8 / 255,
        ("lossy_compression",),
        tolerance=0.02,
    ),
    "jpeg_ls_padded": Case(
        in_items(uids.JPEGLSLossless, codestream(syntax=uids.JPEGLSLossless) + bytes(301)),
        FULL,
        (),
        "decoder",
    ),
    "jpeg_ls_zero_before_end": Case(
        in_items(uids.JPEGLSLossless, codestream(syntax=uids.JPEGLSLossless)[:-2] + b"\0\xff\xd9"),
        FULL,
        (),
        "decoder",
    ),
    "jpeg_2000_padded": Case(in_items(uids.JPEG2000Lossless, codestream() + bytes(301)), FULL),
    "rle_padded": Case(
        in_items(uids.RLELossless, codestream(syntax=uids.RLELossless) + bytes(301)), FULL
    ),
    "table_of_2_bytes": Case(
        in_items(uids.JPEG2000Lossless, codestream(), table=bytes(2)), FULL, (), "raises"
    ),
    "table_points_nowhere": Case(
        in_items(uids.JPEG2000Lossless, codestream(), table=b"\xff\xff\xff\x0f"), FULL
    ),
    "no_table": Case(in_items(uids.JPEG2000Lossless, codestream(), table=None), FULL, (), "raises"),
    "jpeg_without_end": Case(
        in_items(uids.JPEGBaseline8Bit, JPEG8[:-2], make=image8),
        V8 / 255,
        ("lossy_compression",),
        "raises",
        tolerance=0.02,
    ),
    "jpeg_2000_without_end": Case(
        in_items(uids.JPEG2000Lossless, codestream()[:-2]), FULL, (), "raises"
    ),
    "jpeg_2000_as_a_file": Case(
        in_items(uids.JPEG2000Lossless, jp2_file(V.astype(np.uint16))), FULL
    ),
    "jpeg_progressive": Case(
        in_items("1.2.840.10008.1.2.4.55", progressive(V8.astype(np.uint8)), make=image8),
        V8 / 255,
        ("lossy_compression",),
        "raises",
        tolerance=0.02,
    ),
    "jpeg_2000_of_fewer_bits_than_said": Case(
        in_items(
            uids.JPEG2000Lossless,
            codestream((V - 2048) & 0xFFF),
            make=lambda: signed(V - 2048, bits=16),
        ),
        FULL,
        ("bits_of_codestream", "sign_extended", "signed_pixels"),
        "differs",
    ),
    "excess_pixel_data": Case(excess, FULL, ("excess_pixel_data",)),
}
"""How the pixels are coded."""

VALUES: dict[str, Case] = {
    "monochrome2": Case(image, FULL),
    "monochrome1": Case(
        lambda: image(PhotometricInterpretation="MONOCHROME1"),
        1 - FULL,
        ("monochrome1_inverted",),
    ),
    "eight_bits": Case(image8, V8 / 255),
    "sixteen_bits": Case(lambda: image(V * 16, BitsStored=16, HighBit=15), V * 16 / 65535),
    "thirty_two_bits": Case(thirty_two, FULL),
    "bits_stored_too_large": Case(
        lambda: image(BitsStored=16, HighBit=15), FULL, ("fewer_bits_used",), "differs"
    ),
    "bits_stored_too_large_with_window": Case(
        lambda: image(BitsStored=16, HighBit=15, WindowCenter=2048, WindowWidth=4096),
        FULL,
        ("window_applied",),
        "differs",
    ),
    "bits_stored_too_small": Case(
        lambda: image(V * 2),
        V * 2 / 8191,
        ("values_above_bits_stored", "more_bits_used"),
        "differs",
    ),
    "stray_values": Case(
        lambda: image(STRAY),
        np.minimum(STRAY, 4095) / 4095,
        ("values_above_bits_stored", "stray_values_clipped"),
        # pydicom masks the stray value too; here that gives the same 4095.
    ),
    "overlay_in_high_bits": Case(
        lambda: with_overlay(V | (BAND.astype(int) << 12), allocated=16, position=12),
        FULL,
        ("overlay_bits_removed",),
    ),
    "high_bit_above": Case(shifted, FULL, ("high_bit_shifted",), "differs"),
    "high_bit_above_without_shift": Case(
        lambda: image(HighBit=15), FULL, ("high_bit_ignored",), "same"
    ),
    "upper_bits_without_overlay": Case(
        lambda: image(CHEST | (TEXT.astype(int) << 12)),
        CHEST / 4095,
        ("upper_bits_removed",),
        "same",
    ),
    "sign_in_some_rows": Case(
        extended_in_some_rows, FULL, ("sign_extended", "signed_pixels"), "differs"
    ),
    "signed_that_says_unsigned": Case(
        lambda: image((CHEST - 2048) & 0xFFF),
        CHEST / 4095,
        ("sign_found", "signed_pixels"),
        "differs",
    ),
    "signed_16_bits_that_says_unsigned": Case(
        lambda: image((CHEST - 2048) & 0xFFFF, BitsStored=16, HighBit=15),
        CHEST / 4095,
        ("sign_found", "fewer_bits_used", "signed_pixels"),
        "differs",
    ),
    "unsigned_that_says_signed": Case(
        lambda: image(CHEST, PixelRepresentation=1), CHEST / 4095, ("sign_ignored",), "differs"
    ),
    "little_endian_that_says_big": Case(
        lambda: other_order(uids.ExplicitVRBigEndian),
        CHEST / 4095,
        ("byte_order_wrong",),
        "differs",
    ),
    "big_endian_that_says_little": Case(
        lambda: other_order(uids.ExplicitVRLittleEndian),
        CHEST / 4095,
        ("byte_order_wrong",),
        "differs",
    ),
    "eight_bits_exchanged_in_words": Case(
        pairs_exchanged, (CHEST >> 4) / 255, ("byte_order_wrong",), "differs"
    ),
    "signed_pixels": Case(lambda: signed(V - 2048), FULL, ("signed_pixels",), "differs"),
    "signed_without_sign_extension": Case(
        not_extended, FULL, ("sign_extended", "signed_pixels"), "differs"
    ),
    "signed_without_negative_values": Case(
        lambda: signed(V // 2, bits=16), V // 2 / 4095, ("signed_pixels",), "differs"
    ),
    "signed_beyond_bits_stored": Case(
        lambda: signed((V - 2048) * 4),
        ((V - 2048) * 4 + 8192) / 16383,
        ("values_above_bits_stored", "more_bits_used", "signed_pixels"),
        "differs",
    ),
    "signed_bits_stored_too_large": Case(
        lambda: signed(V - 2048, bits=16), FULL, ("fewer_bits_used", "signed_pixels"), "differs"
    ),
}
"""What the stored values really are."""

PADDING: dict[str, Case] = {
    "padding": Case(
        lambda: image(MARKED, PixelPaddingValue=4095),
        blackened(MARKED / 4095, MARKED == 4095),
        ("padding_blackened",),
        "differs",
    ),
    "padding_range": Case(
        lambda: image(PixelPaddingValue=4000, PixelPaddingRangeLimit=4095),
        blackened(FULL, V >= 4000),
        ("padding_blackened",),
        "differs",
    ),
    "padding_of_monochrome1": Case(
        lambda: image(
            np.where(BAND, 0, V),
            PhotometricInterpretation="MONOCHROME1",
            PixelPaddingValue=0,
        ),
        blackened(1 - FULL, BAND),
        ("padding_blackened", "monochrome1_inverted"),
        "differs",
    ),
    "padding_implausible": Case(
        lambda: image(PixelPaddingValue=0, PixelPaddingRangeLimit=4094),
        FULL,
        ("padding_ignored",),
    ),
}
"""Pixels that are no image."""

MODALITY: dict[str, Case] = {
    "rescale": Case(
        lambda: image(RescaleSlope=2, RescaleIntercept=-1000), FULL, ("rescale_applied",)
    ),
    "rescale_with_negative_slope": Case(
        lambda: image(RescaleSlope=-1, RescaleIntercept=4095),
        1 - FULL,
        ("rescale_applied",),
        "differs",
    ),
    "rescale_slope_zero": Case(
        lambda: image(RescaleSlope=0, RescaleIntercept=7), FULL, ("rescale_invalid",)
    ),
    "modality_lut": Case(
        lambda: with_table("ModalityLUTSequence", [4096, 0, 16], SQUARED * 65535),
        np.floor(SQUARED * 65535)[V] / 65535,
        ("modality_lut_applied",),
        "differs",
    ),
    "modality_lut_invalid": Case(
        lambda: with_table("ModalityLUTSequence", [4096, 0, 16], [1, 2, 3]),
        FULL,
        ("modality_lut_invalid",),
    ),
    "modality_lut_and_window": Case(
        lambda: with_table(
            "ModalityLUTSequence",
            [4096, 0, 16],
            np.arange(4096) * 16,
            WindowCenter=32768,
            WindowWidth=32769,
        ),
        squeeze(32768 - 0.5 - 16384, 32768 - 0.5 + 16384, V * 16),
        ("modality_lut_applied", "window_applied"),
        "differs",
        V * 16 / 65535,
    ),
}
"""Modality LUT and rescale."""

VOI: dict[str, Case] = {
    "window": Case(
        lambda: image(WindowCenter=2000, WindowWidth=1001),
        squeeze(1499.5, 2499.5),
        ("window_applied",),
        torchxrayvision=FULL,
    ),
    "window_linear_exact": Case(
        lambda: image(WindowCenter=2000, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT"),
        squeeze(1500, 2500),
        ("window_applied",),
        torchxrayvision=FULL,
    ),
    "window_sigmoid": Case(
        lambda: image(WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID"),
        1 / (1 + np.exp(-4 * (V - 2000) / 1000)),
        ("window_applied",),
        torchxrayvision=FULL,
    ),
    "window_of_width_1": Case(
        lambda: image(WindowCenter=2000, WindowWidth=1),
        FULL,
        ("window_destroys", "pixel_range_used"),
    ),
    "window_of_another_scale": Case(
        lambda: image(WindowCenter=40, WindowWidth=400),
        FULL,
        ("window_destroys", "pixel_range_used"),
    ),
    "window_after_a_useless_one": Case(
        lambda: image(WindowCenter=[40, 2000], WindowWidth=[400, 1001]),
        squeeze(1499.5, 2499.5),
        ("window_destroys", "window_applied"),
        torchxrayvision=FULL,
    ),
    "voi_lut_of_zeros": Case(
        lambda: with_table("VOILUTSequence", [4096, 0, 16], np.zeros(4096)),
        FULL,
        ("voi_lut_destroys", "pixel_range_used"),
    ),
    "modality_lut_of_two_values": Case(
        lambda: with_table("ModalityLUTSequence", [4096, 0, 16], (np.arange(4096) > 99) * 65535),
        FULL,
        ("modality_lut_applied", "modality_lut_destroys", "pixel_range_used"),
    ),
    "window_and_rescale": Case(
        lambda: image(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=3000, WindowWidth=2001),
        squeeze(1999.5, 3999.5, V * 2 - 1000),
        ("rescale_applied", "window_applied"),
        torchxrayvision=FULL,
    ),
    "several_windows": Case(
        lambda: image(WindowCenter=[2000, 100], WindowWidth=[1001, 50]),
        squeeze(1499.5, 2499.5),
        ("window_applied",),
        torchxrayvision=FULL,
    ),
    "window_of_width_0": Case(
        lambda: image(WindowCenter=[2000, 2000], WindowWidth=[0, 1001]),
        squeeze(1499.5, 2499.5),
        ("window_invalid", "window_applied"),
        torchxrayvision=FULL,
    ),
    "window_with_decimal_comma": Case(
        lambda: written(WindowCenter="2000,0\\512", WindowWidth="1001,0\\1024"),
        squeeze(1499.5, 2499.5),
        ("decimal_comma", "decimal_comma", "window_applied"),
        torchxrayvision=FULL,
    ),
    "window_with_unit": Case(
        lambda: written(WindowCenter="2000 HU", WindowWidth="1,001.0"),
        squeeze(1499.5, 2499.5),
        ("number_repaired", "number_repaired", "window_applied"),
        torchxrayvision=FULL,
    ),
    "window_unreadable": Case(
        lambda: written(WindowCenter="wide\\2000", WindowWidth="7\\1001"),
        squeeze(1499.5, 2499.5),
        ("number_unreadable", "window_applied"),
        torchxrayvision=FULL,
    ),
    "window_misses_image": Case(
        lambda: image(WindowCenter=40000, WindowWidth=100),
        FULL,
        ("window_destroys", "pixel_range_used"),
    ),
    "voi_lut_16_bits": Case(
        lambda: with_table("VOILUTSequence", [4096, 0, 16], SQUARED * 65535),
        np.floor(SQUARED * 65535)[V] / 65535,
        ("voi_lut_applied",),
        torchxrayvision=FULL,
    ),
    "voi_lut_8_bits": Case(
        lambda: with_table("VOILUTSequence", [4096, 0, 8], SQUARED * 255),
        np.floor(SQUARED * 255)[V] / 255,
        ("voi_lut_applied",),
        torchxrayvision=FULL,
    ),
    "voi_lut_8_bits_packed": Case(
        packed_table, 1 - V8 / 255, ("voi_lut_applied",), torchxrayvision=V8 / 255
    ),
    "voi_lut_first_value": Case(
        lambda: with_table("VOILUTSequence", [1001, 1000, 12], np.arange(1001) * 4.095),
        np.floor(np.clip(V - 1000, 0, 1000) * 4.095) / 4095,
        ("voi_lut_applied",),
        torchxrayvision=FULL,
    ),
    "voi_lut_bits_too_large": Case(
        lambda: with_table("VOILUTSequence", [4096, 0, 16], SQUARED * 4095),
        np.floor(SQUARED * 4095)[V] / 4095,
        ("lut_fewer_bits_used", "voi_lut_applied"),
        torchxrayvision=FULL,
    ),
    "voi_lut_bits_too_small": Case(
        lambda: with_table("VOILUTSequence", [4096, 0, 8], SQUARED * 4095),
        np.floor(SQUARED * 4095)[V] / 4095,
        ("lut_values_above_bits", "voi_lut_applied"),
        torchxrayvision=FULL,
    ),
    "voi_lut_invalid": Case(
        lambda: with_table("VOILUTSequence", [4096, 0, 16], [1, 2, 3]),
        FULL,
        ("voi_lut_invalid",),
    ),
    "voi_lut_before_window": Case(
        several_tables,
        np.floor(SQUARED * 65535)[V] / 65535,
        ("voi_lut_applied",),
        torchxrayvision=FULL,
    ),
}
"""What the radiologist is shown of the range."""

PRESENTATION: dict[str, Case] = {
    "monochrome1_and_inverse": Case(
        lambda: image(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),
        1 - FULL,
        ("monochrome1_inverted",),
    ),
    "monochrome2_and_inverse": Case(
        lambda: image(PresentationLUTShape="INVERSE"),
        1 - FULL,
        ("presentation_inverse",),
        "differs",
    ),
    "monochrome1_and_identity": Case(
        lambda: image(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY"),
        1 - FULL,
        ("monochrome1_inverted", "presentation_contradicts"),
    ),
    "monochrome1_with_window": Case(
        lambda: image(PhotometricInterpretation="MONOCHROME1", WindowCenter=2000, WindowWidth=1001),
        1 - squeeze(1499.5, 2499.5),
        ("window_applied", "monochrome1_inverted"),
        torchxrayvision=1 - FULL,
    ),
}
"""Which end is bright."""

SURROUNDINGS: dict[str, Case] = {
    "shutter_rectangular": Case(
        lambda: image(
            ShutterShape="RECTANGULAR",
            ShutterUpperHorizontalEdge=5,
            ShutterLowerHorizontalEdge=36,
            ShutterLeftVerticalEdge=3,
            ShutterRightVerticalEdge=30,
        ),
        blackened(FULL, (ROW <= 5) | (ROW >= 36) | (COLUMN <= 3) | (COLUMN >= 30)),
        ("shutter_applied",),
        torchxrayvision=FULL,
    ),
    "shutter_circular": Case(
        lambda: image(
            ShutterShape="CIRCULAR", CenterOfCircularShutter=[20, 16], RadiusOfCircularShutter=12
        ),
        blackened(FULL, (ROW - 20) ** 2 + (COLUMN - 16) ** 2 > 144),
        ("shutter_applied",),
        torchxrayvision=FULL,
    ),
    "shutter_polygonal": Case(
        lambda: image(
            ShutterShape="POLYGONAL",
            VerticesOfThePolygonalShutter=[5, 3, 5, 30, 36, 30, 36, 3],
        ),
        blackened(FULL, (ROW < 5) | (ROW >= 36) | (COLUMN < 3) | (COLUMN >= 30)),
        ("shutter_applied",),
        torchxrayvision=FULL,
    ),
    "shutter_of_bitmap": Case(lambda: image(ShutterShape="BITMAP"), FULL, ("shutter_noted",)),
    "collimator": Case(lambda: image(CollimatorShape="RECTANGULAR"), FULL, ("collimator_noted",)),
    "spacing_of_zero": Case(
        lambda: written(ImagerPixelSpacing="0.000\\0.000"), FULL, ("spacing_ignored",)
    ),
    "overlay_beside": Case(
        lambda: with_overlay(V, allocated=1, position=0, data=b"\xff" * 160),
        FULL,
        ("overlay_not_shown",),
    ),
    "lossy_compression_before": Case(
        lambda: image(LossyImageCompression="01", LossyImageCompressionRatio=12),
        FULL,
        ("lossy_compression",),
    ),
}
"""What lies around and over the image."""

WAY_UP: dict[str, Case] = {
    "orientation_turned": Case(
        lambda: image(PatientOrientation=["R", "H"]), FULL, ("turned_upright",)
    ),
    "orientation_mirrored": Case(
        lambda: image(PatientOrientation=["R", "F"]), FULL, ("mirrored_upright",)
    ),
    "orientation_unusable": Case(
        lambda: image(PatientOrientation=["L", "L"]), FULL, ("orientation_unusable",)
    ),
    "image_rotation": Case(lambda: image(ImageRotation=90), FULL, ("display_turn_noted",)),
}
"""Which way up the image is stored: its pixels stay so, `tests/test_way_up.py` has the rest."""

CROP: dict[str, Case] = {
    "crop_of_a_third": Case(lambda: image(LONG), LONG / 4095, ("crop_leaves_out",)),
}
"""What lies outside the centre square."""

COLOUR: dict[str, Case] = {
    "grey_rgb": Case(lambda: colour(GREY_RGB), V8 / 255, ("rgb_grey",), "raises"),
    "grey_rgb_by_plane": Case(
        lambda: colour(
            np.moveaxis(GREY_RGB, 2, 0).reshape(ROWS, COLUMNS, 3), PlanarConfiguration=1
        ),
        V8 / 255,
        ("rgb_grey",),
        "raises",
    ),
    "grey_rgb_jpeg": Case(
        coded(uids.JPEGBaseline8Bit, lambda: colour(GREY_RGB, "YBR_FULL_422")),
        V8 / 255,
        ("lossy_compression", "rgb_grey"),
        "raises",
        tolerance=0.03,
    ),
    "grey_ybr_full": Case(lambda: colour(GREY_YBR, "YBR_FULL"), V8 / 255, ("rgb_grey",), "raises"),
    "grey_palette": Case(
        lambda: palette(np.arange(256) * 257, np.arange(256) * 257),
        V8 / 255,
        ("palette_grey",),
        "raises",
    ),
    "grey_palette_of_8_bits_in_16": Case(
        lambda: palette(np.arange(256), np.arange(256)),
        V8 / 255,
        ("lut_fewer_bits_used", "palette_grey"),
        "raises",
    ),
    "grey_palette_packed": Case(
        lambda: palette(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8)),
        V8 / 255,
        ("lut_fewer_bits_used", "palette_grey"),
        "raises",
    ),
    "grey_palette_of_segments": Case(segmented_palette, V8 / 255, ("palette_grey",), "raises"),
    "grey_palette_of_signed_samples": Case(signed_palette, V8 / 255, ("palette_grey",), "raises"),
    "grey_palette_of_65536": Case(largest_palette, V * 16 / 65535, ("palette_grey",), "raises"),
    "rgb_jpeg_without_marker": Case(
        in_items(
            uids.JPEGBaseline8Bit, without_markers(RGB_JPEG, 0xEE), make=lambda: colour(GREY_RGB)
        ),
        V8 / 255,
        ("lossy_compression", "rgb_grey"),
        "raises",
        tolerance=0.03,
    ),
    "ybr_jpeg_that_says_rgb": Case(
        in_items(
            uids.JPEGBaseline8Bit, without_markers(YBR_JPEG, 0xE0), make=lambda: colour(GREY_RGB)
        ),
        V8 / 255,
        ("lossy_compression", "colour_space_wrong", "rgb_grey"),
        "raises",
        tolerance=0.03,
    ),
    "grey_jpeg_that_says_ybr": Case(
        in_items(uids.JPEGBaseline8Bit, JPEG8, make=lambda: colour(GREY_RGB, "YBR_FULL_422")),
        V8 / 255,
        ("samples_wrong", "lossy_compression"),
        "raises",
        tolerance=0.02,
    ),
}
"""Grey images in colour spaces."""

SINGLE: dict[str, Case] = {
    "single_frame": Case(lambda: image(NumberOfFrames=1), FULL),
}
"""One image that could have been many."""

CASES: dict[str, Case] = {
    **CODINGS,
    **VALUES,
    **PADDING,
    **MODALITY,
    **VOI,
    **PRESENTATION,
    **SURROUNDINGS,
    **WAY_UP,
    **CROP,
    **COLOUR,
    **SINGLE,
}
"""Every image that is read: name → what must come out."""


def without(*keywords: str) -> Dataset:
    """Return an image without some attributes."""
    return image(**dict.fromkeys(keywords))


def float_pixels() -> Dataset:
    made = without("PixelData")
    made.FloatPixelData = V.astype("<f4").tobytes()
    return made


def frame_of(frame: bytes, syntax: uids.UID = uids.JPEG2000Lossless) -> Callable[[], Dataset]:
    """Return a maker of an image whose codestream is `frame`."""
    return lambda: recode(image(), syntax, frame)


def claiming(side: int) -> bytes:
    """Return a JPEG 2000 codestream that claims `side` × `side` pixels."""
    size = side.to_bytes(4, "big")
    made = bytearray(codestream())
    made[8:16] = size + size  # the image
    made[24:32] = size + size  # its one tile
    return bytes(made)


def two_frames() -> Dataset:
    made = image(NumberOfFrames=2)
    made.PixelData *= 2
    return made


REFUSALS: dict[str, Refusal] = {
    "no_pixel_data": Refusal(lambda: without("PixelData"), ("no_pixels",)),
    "float_pixels": Refusal(float_pixels, ("unsupported_pixels",), "raises"),
    "multi_frame": Refusal(two_frames, ("multi_frame",), "reads"),
    "true_colour": Refusal(lambda: colour(TRUE_COLOUR), ("colour",)),
    "coloured_palette": Refusal(
        lambda: palette(np.arange(256) * 257, np.arange(256) * 100), ("colour",)
    ),
    "coloured_palette_of_8_bits_in_16": Refusal(
        lambda: palette(np.arange(256), np.arange(256)[::-1]), ("colour",)
    ),
    "noise": Refusal(
        lambda: image(np.random.default_rng(5).integers(0, 4096, (72, 70))), ("noise",), "reads"
    ),
    "palette_of_two_values": Refusal(
        lambda: palette(*[(np.arange(256) > 99) * 65535] * 2), ("palette_destroys",)
    ),
    "bitmap": Refusal(
        lambda: image(BitsAllocated=1, BitsStored=1, HighBit=0), ("unsupported_pixels",), "reads"
    ),
    "bits_stored_beyond_allocated": Refusal(
        lambda: image(BitsStored=20, HighBit=19), ("unsupported_pixels",)
    ),
    "pixel_data_too_short": Refusal(lambda: image(PixelData=b"\1" * 100), ("truncated",)),
    "codestream_garbage": Refusal(frame_of(b"\1" * 64), ("undecodable",)),
    "codestream_of_other_size": Refusal(frame_of(codestream(V[:20])), ("undecodable",)),
    "codestream_claims_too_much": Refusal(frame_of(claiming(60_000)), ("undecodable",)),
    "jpeg_2000_cut_off": Refusal(frame_of(codestream()[:200]), ("undecodable",), "raises"),
    "jpeg_cut_off": Refusal(
        frame_of(codestream(syntax=uids.JPEGLosslessSV1)[:500], uids.JPEGLosslessSV1),
        ("undecodable",),
    ),
    "jpeg_ls_without_end": Refusal(
        frame_of(codestream(syntax=uids.JPEGLSLossless)[:-2] + b"\0\0", uids.JPEGLSLossless),
        ("undecodable",),
    ),
    "rle_cut_off": Refusal(
        frame_of(codestream(syntax=uids.RLELossless)[:500], uids.RLELossless), ("undecodable",)
    ),
    "blank": Refusal(lambda: image(np.full_like(V, 7)), ("blank",), "reads"),
    "photometric_unknown": Refusal(
        lambda: image(PhotometricInterpretation="HSV"), ("unknown_photometric",)
    ),
    "photometric_missing": Refusal(
        lambda: without("PhotometricInterpretation"), ("unknown_photometric",)
    ),
    "rows_missing": Refusal(lambda: without("Rows"), ("incomplete",)),
    "several_reasons": Refusal(
        lambda: image(NumberOfFrames=3, PixelData=None, PhotometricInterpretation="HSV"),
        ("no_pixels", "multi_frame", "unknown_photometric"),
    ),
}
"""Every image that is refused: name → why."""
