"""Pixel Data become samples, in any transfer syntax that a radiograph comes in."""

import struct
from dataclasses import replace
from typing import Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom import uid as uids
from pydicom.pixels.utils import expand_ybr422

from hilum.errors import RadiographRefused
from hilum.files.dicom import DAMAGE
from hilum.language import Message
from hilum.pixels.codestream import (
    ITEM,
    JPEG_END,
    RLE_OFFSET,
    Codestream,
    CodestreamInvalid,
    Coding,
    begins_codestream,
    begins_rle,
    frame_of,
    parse,
)
from hilum.pixels.decisions import DecisionRecord, phrase
from hilum.pixels.image import COLOURED, GREY, ImagePixel
from hilum.pixels.smoothness import other_byte_order, shows, swapped_in_pairs
from hilum.runtime.cores import core_count
from hilum.values.attributes import bytes_of, element_of

MOST_THREADS: Final = 4
"""Threads for one JPEG 2000 image; more bring little (bench/decoders.py)."""

TAIL: Final = b"\xaa" * 1024
"""What is put behind an image that may lack something. libjpeg takes zeros for what is missing,
without a word; where it then takes these bits, which begin with a one, it gives another picture."""

FILLED: Final = 16
"""Samples at the end of an image that are all the same if libjpeg filled it up."""

RLE_TAILS: Final = tuple(byte * 200 + b"\x80" * 1024 for byte in (b"\x00", b"\x01"))
"""What is put behind an RLE segment whose last run lacks up to 128 bytes; 80 says nothing."""

DECODING_FAILED: Final = (*DAMAGE, RuntimeError, MemoryError)
"""What the decoders raise; imagecodecs' own errors are RuntimeErrors."""

UNCOMPRESSED: Final = "1.2.840.10008.1.2.1.98"
"""Encapsulated Uncompressed Explicit VR Little Endian."""

_EXTENDED: Final = frozenset({Coding.BASELINE, Coding.EXTENDED})
_PROGRESSIVE: Final = frozenset({Coding.PROGRESSIVE})

CODINGS: Final = {
    uids.RLELossless: frozenset({Coding.RLE}),
    uids.JPEGBaseline8Bit: frozenset({Coding.BASELINE}),
    uids.JPEGExtended12Bit: _EXTENDED,
    "1.2.840.10008.1.2.4.52": _EXTENDED,  # retired, as are those to .56
    "1.2.840.10008.1.2.4.53": _PROGRESSIVE,
    "1.2.840.10008.1.2.4.54": _PROGRESSIVE,
    "1.2.840.10008.1.2.4.55": _PROGRESSIVE,
    "1.2.840.10008.1.2.4.56": _PROGRESSIVE,
    uids.JPEGLossless: frozenset({Coding.LOSSLESS}),
    uids.JPEGLosslessSV1: frozenset({Coding.LOSSLESS}),
    uids.JPEGLSLossless: frozenset({Coding.JPEG_LS}),
    uids.JPEGLSNearLossless: frozenset({Coding.JPEG_LS}),
    uids.JPEG2000Lossless: frozenset({Coding.JPEG_2000}),
    uids.JPEG2000: frozenset({Coding.JPEG_2000}),
    uids.HTJ2KLossless: frozenset({Coding.JPEG_2000}),
    uids.HTJ2KLosslessRPCL: frozenset({Coding.JPEG_2000}),
    uids.HTJ2K: frozenset({Coding.JPEG_2000}),
    UNCOMPRESSED: frozenset({Coding.NATIVE}),
}
"""Transfer syntax → what its pixels are (PS3.5 A.4, A.5); native ones are in no item."""


def decode(
    dataset: Dataset, image: ImagePixel, record: DecisionRecord
) -> tuple[NDArray[np.integer], ImagePixel]:
    """Return the samples as they are stored, before any meaning is given to them.

    Returns
    -------
    samples
        Shape ``(rows, columns)``, or ``(rows, columns, 3)`` in colour, unsigned; little-endian or
        native byte order, all bits of the container kept. May be read-only. JPEG in colour keeps
        its components as they are stored, luminance and chrominance or red, green and blue.
    image
        The description, with the samples, bits and sign that the codestream itself has.

    Raises
    ------
    RadiographRefused
        The pixels are too few, or cannot be decoded.
    """
    pixels = bytes_of(dataset, "PixelData")
    try:
        if _is_encapsulated(pixels, image):
            return _decode_frame(frame_of(pixels), image, record)
        if image.syntax.is_encapsulated and begins_codestream(pixels):
            return _decode_frame(pixels, image, record)
        if not image.syntax_assumed:
            _note_syntax(image, Coding.NATIVE, record)
        return _native(pixels, image, record, by_words=_by_words(dataset)), image
    except CodestreamInvalid as exc:
        raise _undecodable(image, exc.why, record) from exc
    except DECODING_FAILED as exc:
        failed = phrase("decoder", error=type(exc).__name__)
        raise _undecodable(image, failed, record) from exc


def _undecodable(image: ImagePixel, why: Message, record: DecisionRecord) -> RadiographRefused:
    if image.syntax_assumed:
        return record.refusal("undecodable.no_syntax", "PS3.5 8", why=why)
    return record.refusal("undecodable", "PS3.5 8", syntax=image.syntax.name, why=why)


def _is_encapsulated(pixels: bytes, image: ImagePixel) -> bool:
    """Whether pixels lie in items; under a native transfer syntax they are then fewer than said."""
    if not pixels.startswith(ITEM):
        return False
    return image.syntax.is_encapsulated or image.syntax_assumed or len(pixels) < image.length


def _note_syntax(image: ImagePixel, found: Coding, record: DecisionRecord) -> None:
    """Record that the pixels are not what the transfer syntax says."""
    native = frozenset() if image.syntax.is_encapsulated else frozenset({Coding.NATIVE})
    said = CODINGS.get(image.syntax, native)
    if not image.syntax_assumed and said and found not in said:
        code = "not_compressed" if found is Coding.NATIVE else "syntax_wrong"
        shown = phrase("uncompressed") if found is Coding.NATIVE else found
        record.add(code, said=image.syntax.name, found=shown)


def _by_words(dataset: Dataset) -> bool:
    element = element_of(dataset, "PixelData")
    return element is not None and element.VR == "OW"


def _native(
    pixels: bytes, image: ImagePixel, record: DecisionRecord, *, by_words: bool
) -> NDArray[np.integer]:
    """Return uncompressed samples, without a copy where that is possible."""
    width = image.bits_allocated // 8
    order = "<" if image.little_endian else ">"
    if image.photometric == "YBR_FULL_422" and len(pixels) < image.length:
        pixels = expand_ybr422(pixels, image.bits_allocated)
    if len(pixels) < image.length:
        raise record.refusal("truncated", "PS3.5 8.1.1", found=len(pixels), needed=image.length)
    if len(pixels) > image.length + 1:  # one byte may pad to an even length
        record.add("excess_pixel_data", extra=len(pixels) - image.length)
    if width == 1 and by_words and not image.little_endian:
        # 8-bit samples in words are swapped in pairs (PS3.5 8.1.2); the last may be padded.
        even = len(pixels) - len(pixels) % 2
        pixels = np.frombuffer(pixels[:even], ">u2").astype("<u2").tobytes()
    samples = np.frombuffer(pixels, f"{order}u{width}", count=image.count)
    if not image.little_endian:
        samples = samples.astype(samples.dtype.newbyteorder("="))
    return _in_order(_shaped(samples, image), image, record)


def _in_order(
    samples: NDArray[np.integer], image: ImagePixel, record: DecisionRecord
) -> NDArray[np.integer]:
    """Return grey samples in the byte order in which they are an image."""
    if image.photometric not in GREY or samples.ndim != 2 or not shows(samples):  # noqa: PLR2004
        return samples
    if samples.itemsize > 1 and other_byte_order(samples, image.bits_stored):
        record.add("byte_order_wrong")
        return samples.byteswap()
    if samples.itemsize == 1 and swapped_in_pairs(samples):
        record.add("byte_order_wrong")
        flat = samples.flatten()
        pairs = flat[: flat.size // 2 * 2].reshape(-1, 2)
        pairs[:] = pairs[:, ::-1].copy()
        return flat.reshape(samples.shape)
    return samples


def _shaped(samples: NDArray[np.integer], image: ImagePixel) -> NDArray[np.integer]:
    if image.samples == 1:
        return samples.reshape(image.rows, image.columns)
    if image.by_plane:
        return samples.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0)
    return samples.reshape(image.rows, image.columns, image.samples)


def _decode_frame(
    frame: bytes, image: ImagePixel, record: DecisionRecord
) -> tuple[NDArray[np.integer], ImagePixel]:
    """Return the samples of one frame.

    The codestream itself says which decoder it needs: files that name JPEG Baseline
    and hold lossless JPEG, or the reverse, are common, and their pixels are right.
    """
    if begins_rle(frame):
        _note_syntax(image, Coding.RLE, record)
        return _in_order(_decode_rle(frame, image), image, record), image
    longest = len(frame) if image.syntax == UNCOMPRESSED else image.length + 1
    if not begins_codestream(frame) and image.length <= len(frame) <= longest:
        _note_syntax(image, Coding.NATIVE, record)
        little = replace(image, little_endian=True)
        return _native(frame, little, record, by_words=False), little
    header = parse(frame)
    _note_syntax(image, header.coding, record)
    image = _as_coded(header, image, record)
    if header.lossy:
        method = phrase("codestream_shows", coding=header.coding)
        record.add("lossy_compression", method=method)
    decoded = decode_codestream(header)
    shape = (image.rows, image.columns, image.samples)[: 2 if image.samples == 1 else 3]
    if decoded.shape != shape:
        raise CodestreamInvalid("shape", found=decoded.shape, needed=shape)
    unsigned: NDArray[np.integer] = decoded.view(f"u{decoded.dtype.itemsize}")
    if header.signed and not image.signed:
        unsigned = unsigned & np.array((1 << header.precision) - 1, unsigned.dtype)
    return unsigned.astype(f"u{image.bits_allocated // 8}", copy=False), image


def _as_coded(header: Codestream, image: ImagePixel, record: DecisionRecord) -> ImagePixel:
    """Return the description as the codestream corrects it.

    Raises
    ------
    CodestreamInvalid
        It has another size than the dataset's, more bits than are read, or colours that the
        dataset cannot mean.
    """
    if (header.rows, header.columns) != (image.rows, image.columns):
        found = {"rows": header.rows, "columns": header.columns}
        said = {"said_rows": image.rows, "said_columns": image.columns}
        raise CodestreamInvalid("size", **found, **said)
    if not 2 <= header.precision <= 16:  # noqa: PLR2004  what the decoders and DICOM share
        raise CodestreamInvalid("precision", bits=header.precision)
    if header.samples not in {1, 3}:
        raise CodestreamInvalid("samples", samples=header.samples)
    photometric = image.photometric
    if header.samples == 1 and photometric in COLOURED:
        photometric = "MONOCHROME2"
    elif header.samples != 1 and photometric in GREY:
        photometric = "RGB"
    if (header.samples, photometric) != (image.samples, image.photometric):
        record.add(
            "samples_wrong", said=image.samples, photometric=image.photometric, found=header.samples
        )
    stored, high_bit = image.bits_stored, image.high_bit
    if (image.signed or header.signed) and header.precision < stored:
        record.add("bits_of_codestream", said=stored, found=header.precision)
        stored, high_bit = header.precision, header.precision - 1
    return replace(
        image,
        bits_stored=stored,
        high_bit=high_bit,
        samples=header.samples,
        photometric=photometric,
        bits_allocated=max(image.bits_allocated, 8 * -(-header.precision // 8)),
    )


def decode_codestream(header: Codestream) -> NDArray[np.integer]:
    """Return what the decoder makes of a codestream.

    Parameters
    ----------
    header
        It is believed to be that of an image of a size that is read.

    Returns
    -------
    NDArray[np.integer]
        Shape ``(rows, columns)`` or ``(rows, columns, samples)``, components as they are stored.

    Raises
    ------
    CodestreamInvalid
        It is not all there.
    """
    match header.coding:
        case Coding.JPEG_LS:
            return imagecodecs.jpegls_decode(header.content)  # CharLS notices a missing end
        case Coding.JPEG_2000:
            return imagecodecs.jpeg2k_decode(header.content, numthreads=threads())
    space = "RGB" if header.samples > 1 else None  # said twice, it keeps components as they are

    def decode_jpeg(content: bytes) -> NDArray[np.integer]:
        return imagecodecs.jpeg8_decode(content, colorspace=space, outcolorspace=space)

    decoded = decode_jpeg(header.content)
    progressive = header.coding is Coding.PROGRESSIVE  # what it lacks is missing everywhere
    if header.whole and not progressive and np.ptp(decoded[-1, -FILLED:]):
        return decoded
    data = header.content.removesuffix(JPEG_END)
    if not header.whole:  # zeros in front of where the end should be may be padding,
        data = data.rstrip(b"\0") + b"\0"  # or the image's last byte
    if not np.array_equal(decoded, decode_jpeg(data + TAIL + JPEG_END)):
        raise CodestreamInvalid("ends_early")
    return decoded


def threads() -> int:
    """Return how many threads decode one JPEG 2000 image."""
    return min(MOST_THREADS, core_count())


def _decode_rle(frame: bytes, image: ImagePixel) -> NDArray[np.integer]:
    """Return the samples of an RLE frame: a PackBits segment for each byte (PS3.5 Annex G)."""
    width = image.bits_allocated // 8
    count, *offsets = struct.unpack("<16L", frame[:RLE_OFFSET])
    if count != width * image.samples:
        raise CodestreamInvalid("segments", found=count, needed=width * image.samples)
    size = image.rows * image.columns
    bounds = [*offsets[:count], len(frame)]
    # Most significant bytes come first, sample by sample.
    planes = np.empty((size, image.samples, width), np.uint8)
    for index in range(count):
        plane = _unpacked(frame[bounds[index] : bounds[index + 1]], size)
        if len(plane) < size:
            short = {"number": index + 1, "found": len(plane), "needed": size}
            raise CodestreamInvalid("segment_short", **short)
        sample, byte = divmod(index, width)
        planes[:, sample, width - 1 - byte] = plane
    samples = planes.reshape(-1).view(f"<u{width}").reshape(image.rows, image.columns, -1)
    return samples[..., 0] if image.samples == 1 else samples


def _unpacked(segment: bytes, size: int) -> NDArray[np.integer]:
    """Return the first `size` bytes of an RLE segment, whatever pads it."""

    def unpack(packed: bytes) -> NDArray[np.integer]:
        plane = imagecodecs.packbits_decode(packed, out=size + len(packed))
        return np.frombuffer(plane, np.uint8)[:size]

    try:
        return unpack(segment)
    except RuntimeError:  # a last run without its values: padding, or cut off
        first, second = (unpack(segment + tail) for tail in RLE_TAILS)
        if not np.array_equal(first, second):
            raise CodestreamInvalid("ends_early") from None
        return first
