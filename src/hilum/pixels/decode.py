"""Pixel Data become samples, in any transfer syntax that a radiograph comes in."""

import os
import struct
from typing import Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import expand_ybr422
from pydicom.uid import RLELossless

from hilum.dicomfile import DAMAGE
from hilum.errors import RadiographRefused
from hilum.pixels.attributes import bytes_of, element_of
from hilum.pixels.codestream import Codestream, CodestreamInvalid, Coding, parse
from hilum.pixels.decisions import Record
from hilum.pixels.image import ImagePixel
from hilum.verdict import Reason

MOST_THREADS: Final = 4
"""Threads for one JPEG 2000 image; more bring little (bench/decoders.py)."""

ITEM: Final = b"\xfe\xff\x00\xe0"
"""First bytes of encapsulated pixels (PS3.5 A.4); as native pixels they are implausible."""

MOST_FRAGMENTS: Final = 10_000
"""Pieces of one compressed image; senders make one, or a few hundred."""

RLE_HEADER: Final = 64
"""Bytes of the RLE header: the number of segments and 15 offsets (PS3.5 G.5)."""

DECODING_FAILED: Final = (*DAMAGE, RuntimeError, MemoryError)
"""What the decoders raise; imagecodecs' own errors are RuntimeErrors."""


def decode(dataset: Dataset, image: ImagePixel, record: Record) -> NDArray[np.integer]:
    """Return the samples as they are stored, before any meaning is given to them.

    Parameters
    ----------
    dataset
        Holds the Pixel Data.
    image
        Its description.
    record
        Takes the decision when there are more bytes than the image needs.

    Returns
    -------
    NDArray[np.integer]
        Shape ``(rows, columns)``, or ``(rows, columns, 3)`` in colour; little-endian or
        native byte order, all bits of the container kept. May be read-only.

    Raises
    ------
    RadiographRefused
        The pixels are too few, or cannot be decoded.
    """
    pixels = bytes_of(dataset, "PixelData")
    try:
        if image.syntax.is_encapsulated or (image.syntax_assumed and pixels.startswith(ITEM)):
            _refuse_crumbs(pixels, image)
            frame = next(generate_frames(pixels, number_of_frames=1))
            return _decode_frame(frame, image, record)
        return _native(pixels, image, record, by_words=_by_words(dataset))
    except CodestreamInvalid as exc:
        raise _undecodable(image, str(exc)) from exc
    except StopIteration as exc:
        raise _undecodable(image, "it has no frame") from exc
    except DECODING_FAILED as exc:
        raise _undecodable(image, f"the decoder says {type(exc).__name__}") from exc


def _undecodable(image: ImagePixel, why: str) -> RadiographRefused:
    name = "without a transfer syntax" if image.syntax_assumed else f"in {image.syntax.name}"
    text = f"the pixels, {name}, cannot be decoded: {why}"
    return RadiographRefused([Reason("undecodable", text, "PS3.5 8")])


def _refuse_crumbs(pixels: bytes, image: ImagePixel) -> None:
    """Refuse an image in more pieces than can be put together in reasonable time."""
    pieces = pixels.count(ITEM)
    if pieces > MOST_FRAGMENTS:
        raise _undecodable(image, f"they are in {pieces:,} fragments, more than {MOST_FRAGMENTS:,}")


def _by_words(dataset: Dataset) -> bool:
    element = element_of(dataset, "PixelData")
    return element is not None and element.VR == "OW"


def _native(
    pixels: bytes, image: ImagePixel, record: Record, *, by_words: bool
) -> NDArray[np.integer]:
    """Return uncompressed samples, without a copy where that is possible."""
    width = image.bits_allocated // 8
    order = "<" if image.little_endian else ">"
    if image.photometric == "YBR_FULL_422" and len(pixels) < image.count * width:
        pixels = expand_ybr422(pixels, image.bits_allocated)
    if len(pixels) < image.count * width:
        text = f"Pixel Data has {len(pixels):,} bytes, the image needs {image.count * width:,}"
        raise RadiographRefused([Reason("truncated", text, "PS3.5 8.1.1")])
    if len(pixels) > image.count * width + 1:  # one byte may pad to an even length
        record.add("excess_pixel_data", extra=len(pixels) - image.count * width)
    if width == 1 and by_words and not image.little_endian:
        # 8-bit samples in words are swapped in pairs (PS3.5 8.1.2); the last may be padded.
        even = len(pixels) - len(pixels) % 2
        pixels = np.frombuffer(pixels[:even], ">u2").astype("<u2").tobytes()
    samples = np.frombuffer(pixels, f"{order}u{width}", count=image.count)
    if not image.little_endian:
        samples = samples.astype(samples.dtype.newbyteorder("="))
    return _shaped(samples, image)


def _shaped(samples: NDArray[np.integer], image: ImagePixel) -> NDArray[np.integer]:
    if image.samples == 1:
        return samples.reshape(image.rows, image.columns)
    if image.by_plane:
        return samples.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0)
    return samples.reshape(image.rows, image.columns, image.samples)


def _decode_frame(frame: bytes, image: ImagePixel, record: Record) -> NDArray[np.integer]:
    """Return the samples of one compressed frame.

    The codestream itself says which decoder it needs: files that name JPEG Baseline
    and hold lossless JPEG, or the reverse, are common, and their pixels are right.
    """
    if image.syntax == RLELossless:
        return _decode_rle(frame, image)
    header = parse(frame)
    _compare(header, image)
    if header.lossy:
        record.add("lossy_compression", method=f"{header.coding}, the codestream shows it")
    match header.coding:
        case Coding.JPEG:
            decoded = imagecodecs.jpeg8_decode(frame)
        case Coding.JPEG_LS:
            decoded = imagecodecs.jpegls_decode(frame)
        case Coding.JPEG_2000:
            decoded = imagecodecs.jpeg2k_decode(frame, numthreads=threads())
    shape = (image.rows, image.columns, image.samples)[: 2 if image.samples == 1 else 3]
    if decoded.shape != shape:
        raise CodestreamInvalid(f"its shape is {decoded.shape}, not {shape}")
    unsigned: NDArray[np.integer] = decoded.view(f"u{decoded.dtype.itemsize}")
    if header.signed and not image.signed:
        return unsigned & np.array((1 << header.precision) - 1, unsigned.dtype)
    return unsigned


def _compare(header: Codestream, image: ImagePixel) -> None:
    """Refuse a codestream of another size than the dataset's.

    Raises
    ------
    CodestreamInvalid
        It has another size, or more bits than are read.
    """
    said = (header.rows, header.columns, header.samples)
    expected = (image.rows, image.columns, image.samples)
    if said != expected:
        raise CodestreamInvalid(
            f"it holds {said[0]} × {said[1]} pixels of {said[2]} samples, "
            f"the header says {expected[0]} × {expected[1]} of {expected[2]}"
        )
    if not 2 <= header.precision <= 16:  # noqa: PLR2004  what the decoders and DICOM share
        raise CodestreamInvalid(f"its samples have {header.precision} bits")


def threads() -> int:
    """Return how many threads decode one JPEG 2000 image."""
    if hasattr(os, "sched_getaffinity"):  # Linux: the cores that this process may use
        return min(MOST_THREADS, len(os.sched_getaffinity(0)))
    return min(MOST_THREADS, os.cpu_count() or 1)


def _decode_rle(frame: bytes, image: ImagePixel) -> NDArray[np.integer]:
    """Return the samples of an RLE frame: a PackBits segment for each byte (PS3.5 Annex G)."""
    width = image.bits_allocated // 8
    count, *offsets = struct.unpack("<16L", frame[:RLE_HEADER])
    if count != width * image.samples:
        raise CodestreamInvalid(f"it has {count} segments, not {width * image.samples}")
    size = image.rows * image.columns
    bounds = [*offsets[:count], len(frame)]
    # Most significant bytes come first, sample by sample.
    planes = np.empty((size, image.samples, width), np.uint8)
    for index in range(count):
        segment = frame[bounds[index] : bounds[index + 1]]
        plane = imagecodecs.packbits_decode(segment, out=size + 2)
        if len(plane) < size:
            raise CodestreamInvalid(f"segment {index + 1} has {len(plane)} bytes, not {size}")
        sample, byte = divmod(index, width)
        planes[:, sample, width - 1 - byte] = np.frombuffer(plane, np.uint8, count=size)
    samples = planes.reshape(-1).view(f"<u{width}").reshape(image.rows, image.columns, -1)
    return samples[..., 0] if image.samples == 1 else samples
