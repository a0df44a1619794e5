"""One Orthanc, asked over its own REST API and over DICOMweb: what each question takes.

The same archive interface, the same server, the same files; the median of many.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.uid import generate_uid

from bench.decoders import REAL
from bench.row import Row
from dicomweb_servers import ALL_DAYS, web_of
from hilum.pacs.archive import Archive
from orthanc_server import running_orthanc
from radiographs import dicom_file

STUDIES: Final = 100
TIMES: Final = 15

Ask = Callable[[], object]


def files(count: int, rows: int = 0) -> Iterator[bytes]:
    """Yield a radiograph of 7 MB under new UIDs, or its first rows."""
    image = dcmread(REAL / "RG1_UNCR.dcm")
    if rows:
        image.PixelData = image.PixelData[: rows * image.Columns * 2]
        image.Rows = rows
    for _ in range(count):
        for level in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(image, level, generate_uid())
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.StudyDate = "20240102"
        yield dicom_file(image)


def median_ms(ask: Ask, times: int = TIMES) -> float:
    """Return the median of so many tries."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1000


def rows() -> Iterator[Row]:
    """Measure storing, fetching, asking what is there, and looking for what is new."""
    with (
        tempfile.TemporaryDirectory(prefix="hilum-archives-") as folder,
        running_orthanc(Path(folder)) as server,
        closing(server.client()) as rest,
        closing(web_of(server, plan=ALL_DAYS)) as web,
    ):
        archives = (web, rest)
        waiting = [files(TIMES), files(TIMES)]
        yield _row("store 7 MB", _each(archives, lambda a, w: a.store(next(w)), waiting))
        for small in files(STUDIES, rows=8):
            rest.store(small)
        names = [archive.store(next(files(1))).reference for archive in archives]
        yield _row("fetch 7 MB", _each(archives, lambda a, n: a.fetch(n), names))
        yield _row("whether one is there", _each(archives, lambda a, n: a.present([n]), names))
        starts = [archive.newest() for archive in archives]
        looked = _each(archives, lambda a, n: a.arrivals(n, 40), starts)
        yield _row(f"what is new, beside {STUDIES} studies", looked)


def _row(what: str, took: list[float]) -> Row:
    return Row(what, took[0], "ms", took[1], "Orthanc's REST")


def _each(
    archives: Sequence[Archive], ask: Callable[[Any, Any], object], names: Sequence[Any]
) -> list[float]:
    return [
        median_ms(partial(ask, archive, name))
        for archive, name in zip(archives, names, strict=True)
    ]
