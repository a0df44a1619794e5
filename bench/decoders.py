"""Which decoder is fastest for each transfer syntax: why hilum uses the one that it uses.

Usage: python -m bench.decoders [--json FILE]

The real radiograph RG1 (1955 × 1841, 15 bits) is written in each coding and decoded by every
decoder that is installed: imagecodecs, which hilum uses, and those that pydicom can use.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import data_store
import imagecodecs
import numpy as np
import pydicom
from pydicom import uid as uids
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder

REAL: Final = Path(data_store.__file__).parent / "data"
REPEATS: Final = 3
THREADS: Final = 2
PLUGINS: Final = ("gdcm", "pylibjpeg", "pillow", "pyjpegls", "pydicom")
"""Decoders of pydicom; the last is pure Python, for RLE."""

OURS: Final[dict[uids.UID, Callable[[bytes], Any]]] = {
    uids.JPEGBaseline8Bit: imagecodecs.jpeg8_decode,
    uids.JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    uids.JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    uids.JPEGLSLossless: imagecodecs.jpegls_decode,
    uids.JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    uids.JPEG2000: imagecodecs.jpeg2k_decode,
    uids.HTJ2KLossless: imagecodecs.jpeg2k_decode,
}
"""Transfer syntax → hilum's decoder."""


def datasets() -> Iterator[pydicom.Dataset]:
    """Return RG1 in every compressed transfer syntax."""
    plain = pydicom.dcmread(REAL / "RG1_UNCR.dcm")
    stored = plain.pixel_array
    bits8, bits12 = (stored >> 7).astype(np.uint8), stored >> 3
    coded = {
        uids.JPEGBaseline8Bit: (imagecodecs.jpeg8_encode(bits8, level=95), 8),
        uids.JPEGExtended12Bit: (imagecodecs.jpeg8_encode(bits12, level=95, bitspersample=12), 12),
        uids.JPEGLosslessSV1: (
            imagecodecs.jpeg8_encode(stored, lossless=True, bitspersample=15, predictor=1),
            15,
        ),
        uids.JPEGLSLossless: (imagecodecs.jpegls_encode(stored), 15),
        uids.HTJ2KLossless: (imagecodecs.htj2k_encode(stored), 15),
    }
    for syntax, (frame, bits) in coded.items():
        made = pydicom.dcmread(REAL / "RG1_UNCR.dcm")
        made.PixelData = encapsulate([frame])
        made.BitsAllocated, made.BitsStored = 8 if bits == 8 else 16, bits
        made.HighBit = bits - 1
        made.file_meta.TransferSyntaxUID = syntax
        yield made
    yield pydicom.dcmread(REAL / "RG1_J2KR.dcm")
    yield pydicom.dcmread(REAL / "RG1_J2KI.dcm")


def milliseconds(decode: Callable[[], object]) -> float | None:
    """Return the least processor time of a decoder, None when it cannot do it.

    Processor time, since the machine may be busy; with two threads it is the sum of both,
    and the image is there after about half of it.
    """
    try:
        decode()
    except (RuntimeError, ValueError, NotImplementedError):
        return None
    times = []
    for _ in range(REPEATS):
        begun = time.process_time()
        decode()
        times.append(time.process_time() - begun)
    return round(min(times) * 1000, 1)


def by_pydicom(dataset: pydicom.Dataset, plugin: str) -> Callable[[], object]:
    """Return a call that decodes with one plugin of pydicom."""
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    return lambda: decoder.as_array(dataset, decoding_plugin=plugin, raw=True)


def measured() -> Iterator[dict[str, Any]]:
    """Return the times for each transfer syntax, in milliseconds."""
    for dataset in datasets():
        syntax = dataset.file_meta.TransferSyntaxUID
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        times = {"imagecodecs": milliseconds(partial(OURS[syntax], frame))}
        if OURS[syntax] is imagecodecs.jpeg2k_decode:
            threaded = partial(imagecodecs.jpeg2k_decode, frame, numthreads=THREADS)
            times[f"imagecodecs, {THREADS} threads"] = milliseconds(threaded)
        for plugin in PLUGINS:
            times[plugin] = milliseconds(by_pydicom(dataset, plugin))
        yield {"syntax": syntax.keyword, "bytes": len(frame), "milliseconds": times}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results = []
    for result in measured():
        results.append(result)
        known = {k: v for k, v in result["milliseconds"].items() if v is not None}
        print(f"{result['syntax']:20}", ", ".join(f"{k} {v}" for k, v in known.items()), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
