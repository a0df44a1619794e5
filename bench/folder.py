"""A folder of many files: throughput with decoding beside the network, and flat memory."""

import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import perf_counter

from pydicom import dcmread

from bench.densenet import densenet_pipeline
from bench.reading import image
from bench.row import Row
from hilum.dataset.batch import read_many, read_one
from hilum.files.find import file_candidate
from hilum.outcome import Status
from hilum.pipeline import PipelineContext

FILES = int(os.environ.get("HILUM_BENCH_FILES", "5000"))
"""Files of the long run; small ones, so that it ends within minutes."""

EARLY = 500
"""Memory is compared between this file and the last."""

LOSSLESS_FILES = 12


def resident_mib() -> float:
    """Return the memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def one_by_one_ms(path: Path, ours: PipelineContext) -> float:
    """Return the milliseconds a file when nothing overlaps."""
    start = perf_counter()
    for _ in range(LOSSLESS_FILES):
        read_one(file_candidate(path), ours)
    return (perf_counter() - start) * 1000 / LOSSLESS_FILES


def folder_ms(path: Path, ours: PipelineContext) -> float:
    """Return the milliseconds a file through `read_many`."""
    start = perf_counter()
    outcomes = list(read_many([file_candidate(path)] * LOSSLESS_FILES, ours))
    assert all(outcome.status is Status.READ for outcome in outcomes)
    return (perf_counter() - start) * 1000 / LOSSLESS_FILES


def quarter(source: Path, target: Path) -> Path:
    """Write every fourth pixel of an image's rows and columns as an image of its own."""
    dataset = dcmread(source)
    pixels = dataset.pixel_array[::4, ::4]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(target)
    return target


def rows() -> Iterator[Row]:
    """Measure a folder of lossless JPEG 2000, and a long run."""
    with tempfile.TemporaryDirectory() as folder:
        ours = densenet_pipeline(folder)
        lossless = image("RG1_J2KR.dcm")
        folder_ms(lossless, ours)
        yield Row(
            "a folder of lossless JPEG 2000, a file",
            folder_ms(lossless, ours),
            "ms",
            one_by_one_ms(lossless, ours),
            "one after the other",
        )
        small = quarter(image("RG1_UNCR.dcm"), Path(folder, "small.dcm"))
        candidates = (file_candidate(small) for _ in range(FILES))
        outcomes = read_many(candidates, ours)
        for _ in islice(outcomes, EARLY):
            pass
        early = resident_mib()
        for _ in outcomes:
            pass
        yield Row(
            f"memory gained from file {EARLY} to file {FILES}",
            resident_mib() - early,
            "MiB",
            limit=20,
        )
