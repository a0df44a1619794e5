"""Write the pixels of a generated image in another transfer syntax."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom import uid as uids
from pydicom.encaps import encapsulate
from pydicom.uid import UID


def samples_of(dataset: Dataset) -> NDArray[Any]:
    """Return the native samples of a generated little-endian image."""
    dtype = f"<u{dataset.BitsAllocated // 8}"
    shape = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)
    samples = np.frombuffer(dataset.PixelData, dtype).reshape(shape)
    return samples[..., 0] if dataset.SamplesPerPixel == 1 else samples


def rle_of(samples: NDArray[Any]) -> bytes:
    """Return an RLE frame: a PackBits segment for each byte of a sample (PS3.5 Annex G)."""
    width = samples.dtype.itemsize
    planes = samples.reshape(-1, 1 if samples.ndim == 2 else 3)
    parts = np.ascontiguousarray(planes).view(np.uint8).reshape(len(planes), -1, width)
    segments = []
    for sample in range(parts.shape[1]):
        for byte in reversed(range(width)):
            packed = imagecodecs.packbits_encode(parts[:, sample, byte].tobytes())
            segments.append(packed + b"\0" * (len(packed) % 2))
    offsets, at = [], 64
    for segment in segments:
        offsets.append(at)
        at += len(segment)
    header = np.array([len(segments), *offsets, *[0] * (15 - len(offsets))], "<u4")
    return header.tobytes() + b"".join(segments)


def _j2k(samples: NDArray[Any], bits: int, **options: Any) -> bytes:
    return imagecodecs.jpeg2k_encode(samples, bitspersample=bits, codecformat="j2k", **options)


def _lossless_jpeg(samples: NDArray[Any], bits: int, predictor: int) -> bytes:
    narrow = samples.astype(np.uint8) if bits <= 8 else samples
    return imagecodecs.jpeg8_encode(narrow, lossless=True, bitspersample=bits, predictor=predictor)


ENCODERS: dict[UID, Callable[[NDArray[Any], int], bytes]] = {
    uids.RLELossless: lambda samples, _: rle_of(samples),
    uids.JPEGBaseline8Bit: lambda samples, _: imagecodecs.jpeg8_encode(samples, level=100),
    uids.JPEGExtended12Bit: lambda samples, bits: imagecodecs.jpeg8_encode(
        samples, level=100, bitspersample=bits
    ),
    uids.JPEGLossless: lambda samples, bits: _lossless_jpeg(samples, bits, predictor=6),
    uids.JPEGLosslessSV1: lambda samples, bits: _lossless_jpeg(samples, bits, predictor=1),
    uids.JPEGLSLossless: lambda samples, _: imagecodecs.jpegls_encode(samples),
    uids.JPEGLSNearLossless: lambda samples, _: imagecodecs.jpegls_encode(samples, level=2),
    uids.JPEG2000Lossless: lambda samples, bits: _j2k(samples, bits, reversible=True, level=0),
    uids.JPEG2000: lambda samples, bits: _j2k(samples, bits, level=60),
    uids.HTJ2KLossless: lambda samples, _: imagecodecs.htj2k_encode(samples),
}
"""Transfer syntax → samples and bits stored → one frame."""


def jp2_file(samples: NDArray[Any], bits: int = 12) -> bytes:
    """Return a whole JP2 file, boxes and all, where only its codestream belongs."""
    return imagecodecs.jpeg2k_encode(
        samples, bitspersample=bits, codecformat="jp2", reversible=True, level=0
    )


def progressive(samples: NDArray[np.uint8]) -> bytes:
    """Return a progressive JPEG."""
    buffer = BytesIO()
    Image.fromarray(samples).save(buffer, "JPEG", quality=100, progressive=True)
    return buffer.getvalue()


def without_markers(stream: bytes, *markers: int) -> bytes:
    """Return a JPEG without the segments of some markers, e.g. Adobe's (EE) or JFIF's (E0)."""
    at, kept = 2, [stream[:2]]
    while stream[at + 1] != 0xDA:
        length = 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        if stream[at + 1] not in markers:
            kept.append(stream[at : at + length])
        at += length
    return b"".join(kept) + stream[at:]


LOSSLESS = (
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRLittleEndian,
    uids.ExplicitVRBigEndian,
    uids.DeflatedExplicitVRLittleEndian,
    uids.RLELossless,
    uids.JPEGLossless,
    uids.JPEGLosslessSV1,
    uids.JPEGLSLossless,
    uids.JPEG2000Lossless,
    uids.HTJ2KLossless,
)
"""Transfer syntaxes that keep every bit."""


def recode(dataset: Dataset, syntax: UID, frame: bytes | None = None) -> Dataset:
    """Give a generated image another transfer syntax, in place, and return it.

    `frame` replaces the codestream that would be written.
    """
    samples = samples_of(dataset)
    vr = "OB" if dataset.BitsAllocated == 8 else "OW"
    if syntax.is_encapsulated:
        encoded = ENCODERS[syntax](samples, dataset.BitsStored) if frame is None else frame
        dataset.PixelData = encapsulate([encoded])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        order = "<" if syntax.is_little_endian else ">"
        dataset.PixelData = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
        dataset["PixelData"].VR = vr
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset
