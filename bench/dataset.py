"""A dataset run: images a second here and by Dask, memory a worker; ``--kill``: with kills."""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep

from distributed import LocalCluster

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
"""Sources of a shard: a worker gets as many shards as one of a long run."""

BARE = 4
"""Shards that each process reads to see what reading alone takes."""


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


def bare_ms(shards: list[Shard], asked: bytes) -> float:
    """Return the processor's time an image of as many processes that do nothing but read."""
    cores = core_count()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        list(pool.map(_readied, [asked] * cores * 2))
        packed = [shard.packed for shard in shards[: BARE * cores]]
        return median(pool.map(_bare_ms, packed, [asked] * len(packed)))


def _readied(asked: bytes) -> None:
    ready(asked)
    sleep(0.5)  # so that each process gets one


def _bare_ms(packed: bytes, asked: bytes) -> float:
    start = process_time()
    count = len(read_shard(packed, asked))
    return 1000 * (process_time() - start) / count


def processor_s(pids: list[int]) -> float:
    """Return the seconds of the processor that these processes have taken."""
    ticks = [Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2] for pid in pids]
    taken = sum(int(each) for line in ticks for each in line.split()[11:13])
    return taken / os.sysconf("SC_CLK_TCK")


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
        print(f"  load before: {os.getloadavg()[0]:.1f} on {cores} cores")
        shards = shards_of(Path(scratch, "images"), FILES)
        asked = run_of(context).metadata
        bare = bare_ms(shards, asked)
        yield Row("reading alone, processor an image", bare, "ms")
        with LocalEngine(asked, cores) as local:
            pids = [worker.process.pid for worker in local._workers]
            yield from measured(local, shards, context, pids=pids, name=f"{cores} processes")
        with LocalCluster(n_workers=cores, threads_per_worker=1, dashboard_address=None) as cluster:
            pids = [nanny.pid for nanny in cluster.workers.values()]
            with DaskEngine(cluster.scheduler_address, asked) as engine:
                yield from measured(engine, shards, context, pids=pids, name=f"{cores} by Dask")
        print(f"  load after: {os.getloadavg()[0]:.1f}")


def measured(
    engine: DatasetEngine,
    shards: list[Shard],
    context: PipelineContext,
    *,
    pids: list[int],
    name: str,
) -> Iterator[Row]:
    """Measure one engine, warm: rate, processor's time with the driver's, memory."""
    rate(engine, shards[: 2 * core_count()], context)
    images = sum(shard.count for shard in shards)
    workers, driver = processor_s(pids), process_time()
    yield Row(f"{name}: rate", rate(engine, shards, context), "images/s", at_least=15)
    spent = 1000 * (processor_s(pids) - workers) / images
    yield Row(f"{name}: processor of the workers an image", spent, "ms")
    yield Row(f"{name}: that of the driver", 1000 * (process_time() - driver) / images, "ms")
    yield Row(f"{name}: memory a worker", peak_mib(pids), "MiB", limit=300)


def main(options: list[str]) -> int:
    """Run on two hosts with kills; see `bench.dataset_kill`."""
    from bench import dataset_kill  # noqa: PLC0415  who measures needs no hosts

    return dataset_kill.main(options)
