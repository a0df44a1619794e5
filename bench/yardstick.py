"""How fast the machine is at this moment, without a node: other guests of its host may slow it."""

import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Final

from bench.densenet import densenet_pipeline
from bench.reading import image
from bench.row import median_ms
from hilum import pipeline
from hilum.files.candidate import read_dicom
from hilum.files.find import file_candidate
from hilum.runtime.cores import core_count

TURNS: Final = 20
WARM_UP: Final = 3


def network_alone_ms() -> float:
    """Return the time of the processor that one network takes while each core has one."""
    cores = core_count()
    with (
        tempfile.TemporaryDirectory(prefix="hilum-yardstick-") as folder,
        ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool,
    ):
        folders = [str(Path(folder, str(core))) for core in range(cores)]
        return statistics.mean(pool.map(_one_core_ms, folders))


def _one_core_ms(folder: str) -> float:
    context = densenet_pipeline(folder, threads=1)
    prepared = pipeline.prepare(read_dicom(file_candidate(image("RG1_UNCR.dcm"))).dataset, context)
    return median_ms(
        lambda: pipeline.predict(prepared, context),
        repeats=TURNS,
        warm_up=WARM_UP,
        clock=process_time,
    )
