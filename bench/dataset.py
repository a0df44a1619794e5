"""A dataset run: images a second here and by Dask, memory a worker; ``--kill``: with kills."""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, sleep

from bench.densenet import install_densenet
from bench.reading import image
from bench.row import Row
from hilum.dataset.cluster import DaskEngine
from hilum.dataset.engine import DatasetEngine, LocalEngine
from hilum.dataset.record import of_run
from hilum.dataset.run import DatasetWriter, Tally, read_shards
from hilum.dataset.shards import Shard, batches
from hilum.dataset.worker import read_shard, ready, run_of
from hilum.files.find import find_candidates
from hilum.pipeline import PipelineContext, open_pipeline
from hilum.runtime.cores import core_count
from hilum.settings import Settings

FILES = int(os.environ.get("HILUM_BENCH_IMAGES", "240"))
"""Images of one measurement."""

SHARD = 12
"""Sources of a shard: as many shards as a worker of a long run gets."""


@contextmanager
def densenet_run(folder: Path) -> Iterator[PipelineContext]:
    """Install a network of the published size, for this process and all that it starts."""
    install_densenet(folder)
    os.environ["HILUM_DATA_FOLDER"] = str(folder)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    settings = Settings.load().changed("model", threads=1)
    try:
        yield open_pipeline(settings)
    finally:
        del os.environ["HILUM_DATA_FOLDER"]


def shards_of(folder: Path, count: int) -> list[Shard]:
    """Return shards of so many real radiographs, which are one file under many names."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}.dcm").symlink_to(image("RG1_UNCR.dcm"))
    return list(batches(find_candidates([folder]), SHARD))


def rate(engine: DatasetEngine, shards: list[Shard], context: PipelineContext) -> float:
    """Return images a second from first to last, with the model loaded."""
    wanted = run_of(context)
    about = of_run(context.model.identity, context.settings.pixels.pipeline)
    with tempfile.TemporaryDirectory() as folder:
        tally = Tally(total=sum(shard.count for shard in shards))
        writer = DatasetWriter(Path(folder), wanted, tally, about)
        start = perf_counter()
        read_shards(shards, engine, writer, lambda _: None)
        return tally.done / (perf_counter() - start)


def bare_rate(shards: list[Shard], asked: bytes) -> float:
    """Return images a second of as many processes that do nothing but read."""
    cores = core_count()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        list(pool.map(_readied, [asked] * cores * 2))
        start = perf_counter()
        done = sum(pool.map(_bare, [shard.packed for shard in shards], [asked] * len(shards)))
        return done / (perf_counter() - start)


def _readied(asked: bytes) -> None:
    ready(asked)
    sleep(0.5)  # so that each process gets one


def _bare(packed: bytes, asked: bytes) -> int:
    return len(read_shard(packed, asked))


def peak_mib(pids: list[int]) -> float:
    """Return the most memory that one of these processes has had."""
    peaks = []
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
    return max(peaks)


def rows() -> Iterator[Row]:
    """Measure a run on this machine and by Dask, each with one worker a core."""
    cores = core_count()
    with tempfile.TemporaryDirectory() as scratch, densenet_run(Path(scratch, "data")) as context:
        print(f"  load before: {os.getloadavg()[0]:.2f}")
        shards = shards_of(Path(scratch, "images"), FILES)
        asked = run_of(context).metadata
        bare = bare_rate(shards, asked)
        yield Row(f"reading alone, {cores} processes", bare, "images/s")
        with LocalEngine(asked, cores) as local:
            rate(local, shards[: 2 * cores], context)
            here = rate(local, shards, context)
            pids = [worker.process.pid for worker in local._workers]
            yield Row(f"dataset run, {cores} cores", here, "images/s", at_least=15)
            yield Row("its memory a worker", peak_mib(pids), "MiB", limit=300)
        yield Row("its overhead an image", 1000 * cores * (1 / here - 1 / bare), "ms")
        yield from dask_rows(shards, context, bare)
        print(f"  load after: {os.getloadavg()[0]:.2f}")


def dask_rows(shards: list[Shard], context: PipelineContext, bare: float) -> Iterator[Row]:
    """Measure the same by a Dask scheduler of this machine."""
    from distributed import LocalCluster  # noqa: PLC0415  a second to load

    cores = core_count()
    with LocalCluster(cores, threads_per_worker=1, dashboard_address=None) as cluster:
        with DaskEngine(cluster.scheduler_address, run_of(context).metadata) as engine:
            rate(engine, shards[: 2 * cores], context)
            there = rate(engine, shards, context)
        pids = [nanny.pid for nanny in cluster.workers.values()]
        yield Row(f"by Dask, {cores} workers", there, "images/s", at_least=15)
        yield Row("its memory a worker", peak_mib(pids), "MiB", limit=300)
        yield Row("its overhead an image", 1000 * cores * (1 / there - 1 / bare), "ms")


def main(options: list[str]) -> int:
    """Run on two hosts with kills; see `bench.dataset_kill`."""
    from bench import dataset_kill  # noqa: PLC0415  who measures needs no hosts

    return dataset_kill.main(options)
